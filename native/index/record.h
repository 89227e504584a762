/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INDEX_RECORD_H
#define INDEX_RECORD_H

#include "index/build.h"
#include "index/format.h"

/* Fills all sections but the table; `image` has the places that `header` names, zeroed.
 * 0, -ENOMEM or -EBADMSG. */
int build_records(const struct interpose_builder *builder,
		  const struct build_tree *tree, const struct index_header *header,
		  uint8_t *image);

#endif
