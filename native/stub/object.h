/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of /cvmfs: opened where their bytes are, if the board has the object. */
#ifndef STUB_OBJECT_H
#define STUB_OBJECT_H

#include "path/walk.h"
#include "stub/request.h"

/* The walk has ended at a regular file. */
enum stub_verdict object_open(struct stub_frame *frame, const struct request *request,
			      const struct walk *walk);
/* What the kernel shows of an inode. */
struct object_shown {
	uint64_t dev, ino, size;
	struct timespec written, changed;
};
/* The place that it stands for; false: of none that is known here. */
bool object_place(const struct object_shown *shown, struct place *ret_place);

#endif
