/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs share: each makes calls and prints what they gave, once natively
 * and once under interpose_run; the two outputs must be equal. */
#ifndef PROBE_H
#define PROBE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/numbers.h"
#include "own_numbers.h"

/* argv[1] and argv[2]: the tree (/cvmfs/FQRN), and a directory of the host beside it;
 * argv[3]: a user to become. */
extern const char *root, *host;
void probe_start(int argc, char **argv);

/* Room that ends where an unmapped page begins: one byte too many is EFAULT. */
void *tail(size_t size);
char *tail_text(const char *text);

/* "LABEL: RESULT" or "LABEL: ENAME"; labels are printf formats. Gives the result. */
long say(long result, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As `say` of a call that gives a descriptor: "fd" for any, and it is closed. */
void say_open(long fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "LABEL: bytes" with what is not printable as \xNN. */
void say_bytes(const void *bytes, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* All fields of struct stat that can be equal (docs/compatibility.md). */
void say_stat(long result, const struct stat *st, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A printable name of a path, for labels: long ones are cut. */
const char *shown(const char *path);

/* Raw calls: no C library between. The result or -1 with errno. */
#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)

/* Names below the tree, in all their forms; ends with NULL. */
extern const char *const names[];
/* "ROOT/NAME", in one of a few buffers that are used in turn. */
const char *at_root(const char *name);
const char *at_host(const char *name);
int must_open(const char *path, int flags);
struct open_how;
/* openat2 that is repeated while it is EAGAIN: "..", below a directory that is not to
 * be left, is that when anything on the machine is renamed or mounted just then
 * (handle_dots() of fs/namei.c). */
long open_again(int dir, const char *path, const struct open_how *how);
void must_chdir(const char *path);
/* Runs `part` in a child with a new process of its own; prints a bad end. */
void in_child(const char *label, void (*part)(void));
/* Becomes this user without any group but its own. */
void become(unsigned int uid);

#endif
