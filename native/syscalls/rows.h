/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rows of both tables are written with. */
#ifndef SYSCALLS_ROWS_H
#define SYSCALLS_ROWS_H

#define PATH             \
	{                \
		ARG_PATH \
	}
#define AT                          \
	{                           \
		ARG_DIRFD, ARG_PATH \
	}
#define PATH_PATH                  \
	{                          \
		ARG_PATH, ARG_PATH \
	}
#define AT_AT                                            \
	{                                                \
		ARG_DIRFD, ARG_PATH, ARG_DIRFD, ARG_PATH \
	}
#define NO_PATH           \
	{                 \
		ARG_OTHER \
	}

/* Locks on what other nodes use, too, would be theirs (locks.c): F_GETLK to F_SETLKW,
 * the same with 64 bits (i386), F_OFD_GETLK to F_OFD_SETLKW. */
#define WHEN_FCNTL                                                           \
	{                                                                    \
		.ours = true, .argument = 1, .count = 9, .mask = 0xffffffff, \
		.values = {                                                  \
			5,                                                   \
			6,                                                   \
			7,                                                   \
			12,                                                  \
			13,                                                  \
			14,                                                  \
			36,                                                  \
			37,                                                  \
			38                                                   \
		}                                                            \
	}
#define WHEN_OURS            \
	{                    \
		.ours = true \
	}
/* Time limits: a number of milliseconds that is neither 0 nor -1; a pointer. */
#define WHEN_LIMITED_MS                                                        \
	{                                                                      \
		.argument = 3, .count = 2, .unless = true, .mask = 0xffffffff, \
		.values = {                                                    \
			0,                                                     \
			0xffffffff                                             \
		}                                                              \
	}
#define LIMITED(position)                                                             \
	{                                                                             \
		.argument = position, .count = 1, .unless = true, .mask = 0xffffffff, \
		.values = {                                                           \
			0                                                             \
		}                                                                     \
	}
#define WHEN_LIMITED_2 LIMITED(2)
#define WHEN_LIMITED_3 LIMITED(3)
#define WHEN_LIMITED_4 LIMITED(4)
#define WHEN_ATTRIBUTES                                        \
	{                                                      \
		.argument = 1, .count = 4, .mask = 0xffffffff, \
		.values =                                      \
		{ FS_IOC_SETFLAGS,                             \
		  FS_IOC32_SETFLAGS,                           \
		  FS_IOC_FSSETXATTR,                           \
		  0x40806685 /* FS_IOC_ENABLE_VERITY */ }      \
	}
#define WHEN_UNTRACED                                                          \
	{                                                                      \
		.argument = 0, .count = 1, .mask = CLONE_UNTRACED, .values = { \
			CLONE_UNTRACED                                         \
		}                                                              \
	}
#define WHEN_DUMPABLE                                                      \
	{                                                                  \
		.argument = 0, .count = 4, .mask = 0xffffffff, .values = { \
			PR_SET_DUMPABLE,                                   \
			PR_SET_SECCOMP,                                    \
			SYSCALLS_USER_DISPATCH,                            \
			SYSCALLS_HYPERCALL                                 \
		}                                                          \
	}

#define WHEN_TRACING                                                       \
	{                                                                  \
		.argument = 0, .count = 3, .mask = 0xffffffff, .values = { \
			PTRACE_TRACEME,                                    \
			PTRACE_ATTACH,                                     \
			PTRACE_SEIZE                                       \
		}                                                          \
	}

#endif
