/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what the kernel has found may be something of ours. Where that cannot be told
 * it may. */
#ifndef STUB_FOUND_H
#define STUB_FOUND_H

#include "path/walk.h"
#include "stub/request.h"

/* As stat(2) shows it. */
bool found_may_be_ours(uint64_t device, uint64_t inode, uint32_t mode);
/* The same of what the kernel has written for this request. */
bool found_for_request(const struct request *request);
/* The place of ours that it stands for; false: of none that is known here. */
bool found_place_of(const struct request *request, struct place *ret_place);
/* A descriptor: the host's, not ours; ours, and where that is; or perhaps ours. */
enum found { FOUND_HOST, FOUND_PLACE, FOUND_UNKNOWN };
/* By that number one of ours was found the last time. */
bool found_was_ours(int fd);
/* A guess, for that. */
void found_note(int fd, bool is_ours);
enum found found_directory(int fd, struct place *ret_place);
bool found_link(const struct request *request);
/* The same of a descriptor; and of none, which is not. */
bool found_descriptor(int fd);
/* The same of where a name leads, by a link into /proc as a rule. */
bool found_by_name(const struct request *request);

#endif
