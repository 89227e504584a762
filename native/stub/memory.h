/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STUB_MEMORY_H
#define STUB_MEMORY_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size) __asm__("stub_memcpy");
void *memset(void *to, int byte, size_t size) __asm__("stub_memset");

#endif
