/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "launch/resolver.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "doctor/doctor.h"
#include "interpose.h"
#include "launch/base.h"
#include "launch/helper.h"
#include "launch/python.h"
#include "run/kept.h"
#include "tracee/kernel.h"
#include "tracer/tracer.h"

enum { STATUS_USAGE = 2 }; /* of interpose/errors.py, UsageError */
enum { SOCKET_BUFFER = 1024 * 1024, HELLO_MAX = 128 * 1024, END_PATIENCE_MS = 1000 };
/* It waits in the socket until the resolver reads: in what every node lets one hold. */
_Static_assert(HELLO_MAX + sizeof(struct interpose_question) < 200 * 1024,
	       "one message");

struct hello {
	size_t used;
	bool full;
	char bytes[HELLO_MAX];
};

static void hello_add(struct hello *hello, const char *key, const char *value)
{
	char *place = hello->bytes + hello->used;
	size_t left = sizeof(hello->bytes) - hello->used;
	int length;

	if (!value)
		return;
	length = snprintf(place, left, "%s=%s", key, value);
	if (length < 0 || (size_t)length >= left)
		hello->full = true;
	else
		hello->used += (size_t)length + 1;
}

static void hello_add_flag(struct hello *hello, const char *key, bool value)
{
	hello_add(hello, key, value ? "1" : NULL);
}

static void hello_add_list(struct hello *hello, const char *key,
			   const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		hello_add(hello, key, list->items[i]);
}

/* What decides which repositories are opened, and how. */
static void hello_add_settings(struct hello *hello, const struct options *options)
{
	hello_add(hello, "cache", options->cache);
	hello_add(hello, "alien_cache", options->alien_cache);
	hello_add_flag(hello, "trust_cache", options->trust_cache);
	hello_add_flag(hello, "offline", options->offline);
	hello_add_list(hello, "config", &options->configs);
	hello_add_list(hello, "option", &options->settings);
	hello_add_list(hello, "repository", &options->repositories);
}

static void hello_fill(struct hello *hello, const struct resolver *resolver)
{
	const struct options *options = resolver->options;
	char verbose[16];

	snprintf(verbose, sizeof(verbose), "%d", options->verbose);
	hello_add(hello, "scratch", resolver->scratch);
	hello_add(hello, "kept", resolver->kept[0] ? resolver->kept : NULL);
	hello_add_flag(hello, "quiet", options->quiet);
	hello_add(hello, "verbose", verbose);
	hello_add(hello, "log", options->log);
	hello_add_flag(hello, "refresh", options->refresh);
	hello_add_flag(hello, "no_prefetch", options->no_prefetch);
	hello_add_flag(hello, "without_memfd", !kernel_has(KERNEL_MEMFD));
	hello_add_settings(hello, options);
}

static void key_add(struct kept_key *key, const char *text, bool *is_relative)
{
	kept_key_add(key, text);
	*is_relative |= kept_is_relative(text);
}

void resolver_find_kept(struct resolver *resolver, const char *const *environment)
{
	_cleanup_free_ struct hello *hello = calloc(1, sizeof(*hello));
	char base[PATH_MAX], text[64 + PATH_MAX];
	bool is_relative = false;
	struct kept_key key;

	resolver->kept[0] = '\0';
	/* With --stats the resolver is wanted: it counts what was opened. */
	if (!hello || resolver->options->stats ||
	    base_of_cache(resolver->options->cache, environment, base) < 0)
		return;
	kept_key_init(&key);
	hello_add_settings(hello, resolver->options);
	for (size_t at = 0; at < hello->used; at += strlen(hello->bytes + at) + 1)
		key_add(&key, hello->bytes + at, &is_relative);
	for (; *environment; environment++)
		if (kept_is_setting(*environment))
			key_add(&key, *environment, &is_relative);
	snprintf(text, sizeof(text), "%s %u %u", options_version, geteuid(), getegid());
	kept_key_add(&key, text);
	if (is_relative && getcwd(text, sizeof(text)))
		kept_key_add(&key, text);
	if (hello->full ||
	    kept_directory(&key, base, resolver->kept, sizeof(resolver->kept)) < 0)
		resolver->kept[0] = '\0';
}

const char *resolver_kept(const struct resolver *resolver)
{
	/* With --refresh they are left for the next job, and not taken. */
	return resolver->kept[0] && !resolver->options->refresh ? resolver->kept : NULL;
}

static int resolver_greet(const struct resolver *resolver, int fd)
{
	_cleanup_free_ struct hello *hello = calloc(1, sizeof(*hello));
	struct interpose_question head = {.version = INTERPOSE_CHANNEL_VERSION,
					  .kind = INTERPOSE_HELLO};
	struct iovec parts[2] = {{.iov_base = &head, .iov_len = sizeof(head)}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (!hello)
		return -ENOMEM;
	hello_fill(hello, resolver);
	head.body_len = (uint32_t)hello->used;
	parts[1] = (struct iovec){.iov_base = hello->bytes, .iov_len = hello->used};
	if (hello->full)
		return -E2BIG;
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int resolver_spawn(int fd, struct python *python, pid_t *ret_pid)
{
	char number[16];
	char *arguments[] = {"-m", "interpose.resolver", "--fd", number, NULL};
	char **words = python_words(python, arguments);
	int error;

	snprintf(number, sizeof(number), "%d", fd);
	error = words ? helper_start(python->path, words, fd, ret_pid) : -ENOMEM;
	free(words);
	return error;
}

static void resolver_size_buffers(int fd)
{
	const int size = SOCKET_BUFFER;

	/* As much as the node allows; the default carries 200 KiB at least. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Its socket has ended, so the process is about to. */
static bool resolver_gave_up(struct resolver *resolver)
{
	if (resolver->last_pid) {
		resolver->last_status =
			helper_finish(resolver->last_pid, END_PATIENCE_MS);
		resolver->last_pid = 0;
	}
	return WIFEXITED(resolver->last_status) && WEXITSTATUS(resolver->last_status);
}

/* One that ends with a status of ours has written why; others (no such module, a crash
 * of the interpreter) end without a line of ours. */
static void resolver_complain(struct resolver *resolver, const char *python)
{
	int status = resolver->last_status;

	if (resolver->answered || resolver->complained || status == 0 ||
	    (WIFEXITED(status) && (WEXITSTATUS(status) == STATUS_OURS ||
				   WEXITSTATUS(status) == STATUS_USAGE)))
		return;
	resolver->complained = true;
	message_ill(resolver->messages, helper_advice(status),
		    "the resolver does not run: %s -m interpose.resolver: %s %d",
		    python, WIFEXITED(status) ? "status" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static bool resolver_lacks_memory(struct resolver *resolver)
{
	struct helper_lack lack;

	if (!helper_lacks_memory(HELPER_OPENS_REPOSITORIES, &lack))
		return false;
	if (!resolver->complained)
		message_ill(resolver->messages, lack.advice, "the resolver %s",
			    lack.needs);
	resolver->complained = true;
	return true;
}

int resolver_start(void *context, int *ret_fd)
{
	struct resolver *resolver = context;
	struct python python = {.path = "python3"};
	pid_t pid = 0;
	bool gave_up = resolver_gave_up(resolver);
	int error = python_find(resolver->options->cache, resolver->scratch, &python);
	int ends[2];

	if (error == 0)
		resolver_complain(resolver, python.path);
	if (gave_up) {
		resolver->last_status = 0; /* it is tried once more, later */
		return -EIO;
	}
	if (error < 0) {
		message_ill(resolver->messages, doctor_row("python")->advice,
			    "no Python found: beside interpose_run");
		return error;
	}
	if (resolver_lacks_memory(resolver))
		return -EIO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		error = -errno;
		message_cannot_start(resolver->messages, "the resolver", -error);
		return error;
	}
	resolver_size_buffers(ends[0]);
	resolver_size_buffers(ends[1]);
	error = resolver_greet(resolver, ends[0]);
	if (error == 0)
		error = tracer_watch(ends[0]);
	if (error == 0)
		error = resolver_spawn(ends[1], &python, &pid);
	close(ends[1]);
	if (error < 0) {
		message_cannot_start(resolver->messages, "the resolver", -error);
		close(ends[0]);
		return error;
	}
	*ret_fd = ends[0];
	resolver->last_pid = pid;
	resolver->answered = false;
	return (int)pid;
}
