/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What entry.S has to know of state.h, which holds that it is so. */
#ifndef STUB_OFFSETS_H
#define STUB_OFFSETS_H

#define LOAD_SECRET 0
#define LOAD_BASE 8
#define LOAD_FILE_OFFSET 16
#define LOAD_COUNT_ID 24
#define LOAD_RESULT 32
#define LOAD_COUNT 40
#define LOAD_RESUME 48
#define LOAD_TOUCHED 56
#define LOAD_SAVED 64
#define LOAD_PATH 184
#define LOAD_CODE_SIZE 49152
#define LOAD_STATE_SIZE 774144

#endif
