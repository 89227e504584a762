/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that make, remove and change what is on the host. */
#ifndef STUB_CHANGE_H
#define STUB_CHANGE_H

#include "stub/request.h"

/* Whichever it is; another call is made at its place. */
enum stub_verdict change_make(struct stub_frame *frame);
/* An open that writes, creates or truncates. */
enum stub_verdict change_open(struct stub_frame *frame, const struct request *request);

#endif
