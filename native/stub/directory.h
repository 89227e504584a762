/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories of /cvmfs: opened as a skeleton in memory, listed from the index. */
#ifndef STUB_DIRECTORY_H
#define STUB_DIRECTORY_H

#include "path/walk.h"
#include "stub/request.h"

/* The walk has ended at a directory. */
enum stub_verdict directory_open(struct stub_frame *frame,
				 const struct request *request,
				 const struct walk *walk);
/* getdents64(2) of a descriptor. */
enum stub_verdict directory_list(struct stub_frame *frame);

#endif
