/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <stdbool.h>

#include "bundle/bundle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/runtime.h"

/* Why no place will do, in one line. */
struct refusals {
	char *text;
	size_t used, size;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct refusals *refusals,
							 const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(refusals->text + refusals->used,
			   refusals->size - refusals->used, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < refusals->size - refusals->used)
		refusals->used += (size_t)length;
}

static const char *explained(int error)
{
	return error == -EACCES	  ? "nothing can be executed or written there"
	       : error == -EPERM  ? "others could change what is there"
	       : error == -EINVAL ? "its name is relative, too long or has one of : ; $"
				  : strerror(-error);
}

/* What would change a C library, its locales or an OpenSSL that are not the host's. */
static bool is_of_libraries(const char *variable)
{
	static const char *const prefixes[] = {
		"LD_",	  "PYTHON",   "LC_",	 "LANG=",    "LANGUAGE", "LOCPATH=",
		"GCONV_", "NLSPATH=", "MALLOC_", "GLIBC_TU", "OPENSSL_"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static char **own_environment(char *const environment[], char *openssl)
{
	size_t count = 0, used = 0;
	char **kept;

	while (environment[count])
		count++;
	kept = calloc(count + 2, sizeof(*kept));
	for (size_t i = 0; kept && i < count; i++)
		if (!is_of_libraries(environment[i]))
			kept[used++] = environment[i];
	if (kept)
		kept[used] = openssl;
	return kept;
}

/* Returns a negative errno if it cannot. */
static int become(const char *path, char *const arguments[], char *const environment[])
{
	static char no_cache[] = "--inhibit-cache", library[] = "--library-path",
		    preload[] = "--preload", names[] = "names.so", isolated[] = "-I",
		    no_site[] = "-S", silent[] = "-Wignore", option[] = "-X",
		    utf8[] = "utf8";
	char loader[RUNTIME_PATH_SIZE + 16], folder[RUNTIME_PATH_SIZE + 16],
		python[RUNTIME_PATH_SIZE + 16], openssl[RUNTIME_PATH_SIZE + 48];
	char *head[] = {loader, no_cache, library, folder,  preload, names,
			python, isolated, silent,  no_site, option,  utf8};
	const size_t count = sizeof(head) / sizeof(head[0]);
	char **kept, **words;
	size_t more = 0;

	while (arguments[more])
		more++;
	snprintf(loader, sizeof(loader), "%s/lib/loader", path);
	snprintf(folder, sizeof(folder), "%s/lib", path);
	snprintf(python, sizeof(python), "%s/bin/python3", path);
	/* No such file: the host's would be read. */
	snprintf(openssl, sizeof(openssl), "OPENSSL_CONF=%s/lib/openssl.cnf", path);
	kept = own_environment(environment, openssl);
	words = calloc(count + more + 1, sizeof(*words));
	if (!kept || !words)
		return -ENOMEM;
	memcpy(words, head, sizeof(head));
	memcpy(words + count, arguments, more * sizeof(*words));
	execve(loader, words, kept);
	return -errno;
}

static int try_place(const struct packed *packed, const char *base, bool is_shared,
		     char ret_path[RUNTIME_PATH_SIZE])
{
	/* It keeps no bit from ourselves, and gives none to others. */
	mode_t mask = umask(077);
	int error = runtime_find(packed, base, is_shared, ret_path);

	umask(mask);
	return error;
}

static void refuse_damaged(struct refusals *refusals, int error)
{
	refuse(refusals, "the packed Python cannot be read: /proc/self/exe: %s",
	       error == -ENODATA || error == -EBADMSG
		       ? "this copy of the program is not whole (copy it again)"
		       : strerror(-error));
}

void bundle_become(const struct bundle_places *places, char *const arguments[],
		   char *const environment[], char *complaint, size_t size)
{
	const char *bases[] = {places->cache, places->scratch};
	struct refusals refusals = {.text = complaint, .size = size};
	char path[RUNTIME_PATH_SIZE];
	static struct packed packed; /* a job's limit of the stack may be low */
	int error = packed_open(&packed);

	if (error < 0) {
		refuse_damaged(&refusals, error);
		return;
	}
	refuse(&refusals, "no place to unpack Python");
	for (size_t i = 0; i < 2; i++) {
		if (!bases[i])
			continue;
		error = try_place(&packed, bases[i], i == 0, path);
		if (error == -EBADMSG) {
			refusals.used = 0;
			refuse_damaged(&refusals, error);
			break;
		}
		if (error == 0)
			error = become(path, arguments, environment);
		refuse(&refusals, ": %s: %s", bases[i], explained(error));
	}
	if (error != -EBADMSG)
		refuse(&refusals, " (choose one: --cache or INTERPOSE_CACHE, --scratch "
				  "or INTERPOSE_SCRATCH)");
	packed_close(&packed);
}
