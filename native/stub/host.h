/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name that leads to a file of the host, if anywhere: the kernel is asked first, and
 * what it finds or does not find is looked at. */
#ifndef STUB_HOST_H
#define STUB_HOST_H

#include "stub/request.h"

/* Looks for the name through no link: -ENOENT, if it is really missing, another error,
 * or what is not negative. */
long host_look_without_links(int dirfd, const char *path, bool follow);
enum stub_verdict host_answer(struct stub_frame *frame, const struct request *request);

#endif
