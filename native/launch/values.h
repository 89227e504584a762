/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the texts of options and variables mean. */
#ifndef LAUNCH_VALUES_H
#define LAUNCH_VALUES_H

#include <stdbool.h>

struct text_list;

/* 0 or -ENOMEM. */
int values_add(struct text_list *list, const char *text);
/* Directories, files and the like, separated by colons as in PATH. */
int values_split(struct text_list *list, const char *value);
bool values_are_true(const char *value);
/* Against the directory that we were started in: keys of what is kept for later jobs,
 * and processes of ours in other directories, see the same place. NULL stays NULL. */
const char *values_absolute(const char *path);

#endif
