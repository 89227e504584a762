/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call on both sides, and what has to be equal. */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stub_fuzz.h"

enum { TRIES = 20 };

uint64_t calls_made, calls_answered;

void wrong(const struct stub_frame *frame, const char *path, const char *what)
{
	fprintf(stderr, "call %llu of \"%s\": %s; the stub says %lld\n",
		(unsigned long long)calls_made, path, what, (long long)frame->rax);
	abort();
}

static long kernel(const struct stub_frame *f, uint64_t dirfd_or_path)
{
	long result = -1;

	/* A walk that the kernel begins again counts its links twice. */
	for (int i = 0; i < TRIES; i++) {
		result = syscall((long)f->rax, dirfd_or_path, f->rsi, f->rdx, f->r10,
				 f->r8);
		if (result >= 0 || errno != ELOOP)
			break;
	}
	return result < 0 ? -errno : result;
}

static int lowest(void)
{
	const int fd = dup(0);

	close(fd);
	return fd;
}

bool ask(struct stub_frame *frame, const char *path)
{
	const struct stub_frame before = *frame;
	const int free_before = lowest();
	enum stub_verdict verdict = stub_main(frame);
	const int given = (int)frame->rax;

	calls_made++;
	if (verdict == STUB_DONE && given == free_before && given >= 0 &&
	    (before.rax == __NR_open || before.rax == __NR_openat)) {
		if (lowest() <= given)
			wrong(frame, path, "a descriptor that is not open");
	} else if (lowest() != free_before) {
		wrong(frame, path, "a descriptor was lost");
	}
	if (verdict != STUB_DONE && verdict != STUB_SITE)
		wrong(frame, path, "no verdict");
	if (verdict == STUB_SITE && frame->rax != before.rax)
		wrong(frame, path,
		      "the number of a call that is to be made has changed");
	frame->rax = verdict == STUB_DONE ? frame->rax : before.rax;
	if (memcmp((char *)frame + sizeof(frame->rax),
		   (const char *)&before + sizeof(frame->rax),
		   sizeof(before) - sizeof(frame->rax)) != 0)
		wrong(frame, path, "registers have changed");
	calls_answered += verdict == STUB_DONE;
	return verdict == STUB_DONE;
}

void equal(const struct stub_frame *frame, const char *path, long kernels)
{
	char text[64];

	if ((long)frame->rax == kernels)
		return;
	snprintf(text, sizeof(text), "the kernel says %ld", kernels);
	wrong(frame, path, text);
}

void equal_entry(const struct stub_frame *frame, const char *path,
		 const struct stat *ours, const struct stat *kernels)
{
	if (ours->st_mode != kernels->st_mode)
		wrong(frame, path, "another mode");
	if (!S_ISDIR(ours->st_mode) && ours->st_size != kernels->st_size)
		wrong(frame, path, "another size");
}

static struct stat of_statx(const struct statx *stx)
{
	return (struct stat){.st_mode = stx->stx_mode, .st_size = (off_t)stx->stx_size};
}

/* As large as it is, up to a word: a byte read behind it is found. */
static char *exact(const char *text)
{
	const size_t len = strlen(text) + 1, room = (len + 7) / 8 * 8;
	char *copy = malloc(room);

	memset(copy, 'x', room);
	memcpy(copy + room - len, text, len);
	return copy;
}

static char *within(char *copy, const char *text)
{
	const size_t len = strlen(text) + 1;

	return copy + (len + 7) / 8 * 8 - len;
}

void close_slot(struct slot *slot)
{
	if (slot->ours >= 0)
		close(slot->ours);
	if (slot->kernels >= 0)
		close(slot->kernels);
	*slot = (struct slot){-1, -1};
}

/* The arguments of a call about a name: which registers they are in. */
struct name_call {
	uint32_t number;
	bool at;
	enum { STAT, STATX, RIGHTS, LINK, OPEN, ATTRIBUTE } kind;
};

static const struct name_call name_calls[] = {
	{__NR_stat, false, STAT},	  {__NR_lstat, false, STAT},
	{__NR_newfstatat, true, STAT},	  {__NR_newfstatat, true, STAT},
	{__NR_statx, true, STATX},	  {__NR_access, false, RIGHTS},
	{__NR_faccessat, true, RIGHTS},	  {439, true, RIGHTS},
	{__NR_readlink, false, LINK},	  {__NR_readlinkat, true, LINK},
	{__NR_open, false, OPEN},	  {__NR_openat, true, OPEN},
	{__NR_openat, true, OPEN},	  {__NR_lgetxattr, false, ATTRIBUTE},
	{__NR_getxattr, false, ATTRIBUTE}};

static uint64_t pick_flags(struct input *input, const struct name_call *call)
{
	static const uint64_t at_flags[] = {0,
					    0,
					    AT_SYMLINK_NOFOLLOW,
					    AT_EMPTY_PATH,
					    AT_NO_AUTOMOUNT,
					    0x200,
					    0x2000,
					    0x8000};
	static const uint64_t open_flags[] = {
		0,	   O_PATH,    O_NOFOLLOW,	   O_DIRECTORY,
		O_CLOEXEC, O_NOATIME, O_PATH | O_NOFOLLOW, O_APPEND};

	return call->kind == OPEN ? open_flags[take(input, 8)] | O_NONBLOCK
				  : at_flags[take(input, 8)];
}

struct outputs {
	struct stat st;
	struct statx stx;
	char text[4096];
};

/* Where the results go, and the other arguments. */
static void fill(struct input *input, const struct name_call *call,
		 struct stub_frame *frame, struct outputs *out)
{
	uint64_t words[3] = {0};
	const uint64_t flags = pick_flags(input, call);

	switch (call->kind) {
	case STAT:
		words[0] = (uint64_t)&out->st;
		words[1] = flags;
		break;
	case STATX:
		words[0] = flags;
		words[1] = 0x7ff;
		words[2] = (uint64_t)&out->stx;
		break;
	case RIGHTS:
		words[0] = take(input, 9);
		words[1] = call->number == 439 ? flags : 0;
		break;
	case LINK:
		words[0] = (uint64_t)out->text;
		words[1] = take(input, 2) ? sizeof(out->text) : take(input, 12);
		break;
	case OPEN:
		words[0] = flags;
		break;
	case ATTRIBUTE:
		words[0] = (uint64_t) "security.selinux";
		words[1] = (uint64_t)out->text;
		words[2] = 100;
		break;
	}
	if (call->at) {
		frame->rdx = words[0];
		frame->r10 = words[1];
		frame->r8 = words[2];
	} else {
		frame->rsi = words[0];
		frame->rdx = words[1];
		frame->r10 = words[2];
	}
}

static void compare(const struct name_call *call, const struct stub_frame *frame,
		    const char *path, const struct outputs both[2])
{
	struct stat ours, kernels;

	if ((long)frame->rax < 0)
		return;
	if (call->kind == STAT)
		equal_entry(frame, path, &both[0].st, &both[1].st);
	if (call->kind == STATX) {
		ours = of_statx(&both[0].stx);
		kernels = of_statx(&both[1].stx);
		equal_entry(frame, path, &ours, &kernels);
	}
	if (call->kind == LINK &&
	    memcmp(both[0].text, both[1].text, (size_t)frame->rax) != 0)
		wrong(frame, path, "another text");
}

static void opened(struct input *input, const struct stub_frame *frame,
		   const char *path, long kernels)
{
	struct slot *slot = &slots[take(input, SLOTS)];

	if (((long)frame->rax < 0) != (kernels < 0))
		equal(frame, path, kernels);
	if (kernels < 0) {
		equal(frame, path, kernels);
		return;
	}
	close_slot(slot);
	*slot = (struct slot){(int)frame->rax, (int)kernels};
}

/* The host's names the stub has looked up by the kernel: ELOOP by chance here, too. */
static bool ask_for_good(struct stub_frame *frame, const char *path)
{
	const struct stub_frame before = *frame;
	bool answered = ask(frame, path);

	for (int i = 0; i < TRIES && answered && (long)frame->rax == -ELOOP; i++) {
		*frame = before;
		answered = ask(frame, path);
	}
	return answered;
}

void call_name(struct input *input)
{
	static struct outputs both[2];
	static char path[PATH_ROOM];
	const struct name_call *call =
		&name_calls[take(input, sizeof(name_calls) / sizeof(name_calls[0]))];
	const struct slot none = {AT_FDCWD, AT_FDCWD};
	const uint32_t which = take(input, 2 * SLOTS);
	const struct slot *dir = which < SLOTS ? &slots[which] : &none;
	struct stub_frame ours = {.rax = call->number}, kernels;
	struct input again;
	char *copy;
	long result;

	make_path(input, path);
	copy = exact(path);
	if (call->at) {
		ours.rdi = (uint64_t)(int64_t)dir->ours;
		ours.rsi = (uint64_t)within(copy, path);
	} else {
		ours.rdi = (uint64_t)within(copy, path);
	}
	kernels = ours;
	again = *input;
	fill(input, call, &ours, &both[0]);
	fill(&again, call, &kernels, &both[1]);
	if (ask_for_good(&ours, path)) {
		result = kernel(&kernels, call->at ? (uint64_t)(int64_t)dir->kernels
						   : kernels.rdi);
		if (call->kind == OPEN)
			opened(input, &ours, path, result);
		else if (call->kind != ATTRIBUTE || result != -EOPNOTSUPP)
			equal(&ours, path, result);
		compare(call, &ours, path, both);
	}
	free(copy);
}
