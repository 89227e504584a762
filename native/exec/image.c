/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exec/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/look.h"
#include "given/copy.h"
#include "index/lookup.h"
#include "run/scratch.h"

enum { MAX_HEADERS = 64 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Source: load_script() of Linux' fs/binfmt_script.c. */
int image_script(char *line, const char **ret_interpreter, const char **ret_argument)
{
	char *buffer_end = line + EXEC_HEAD_SIZE - 1, *end, *name, *separator;

	if (line[0] != '#' || line[1] != '!')
		return 1;
	end = memchr(line, '\n', strnlen(line, EXEC_HEAD_SIZE));
	if (!end) {
		/* Cut by the buffer: fine in the argument, not in the name. */
		for (name = line + 2; name < buffer_end && is_blank(*name); name++)
			;
		if (name == buffer_end)
			return -ENOEXEC;
		for (end = name; end < buffer_end && *end && !is_blank(*end); end++)
			;
		if (end == buffer_end)
			return -ENOEXEC;
		end = buffer_end;
	}
	while (end > line + 2 && is_blank(end[-1]))
		end--;
	*end = '\0';
	for (name = line + 2; is_blank(*name); name++)
		;
	if (name == end)
		return -ENOEXEC;
	if (*name == '\0')
		return -EACCES; /* the empty name is the working directory */
	for (separator = name; *separator && !is_blank(*separator); separator++)
		;
	*ret_interpreter = name;
	*ret_argument = NULL;
	if (*separator) {
		*separator++ = '\0';
		while (is_blank(*separator))
			separator++;
		if (*separator)
			*ret_argument = separator;
	}
	return 0;
}

/* A PT_INTERP header of either class. */
struct interp {
	bool is_32;
	off_t at; /* of the header, in the file */
	uint64_t offset, size;
	union {
		Elf32_Phdr narrow;
		Elf64_Phdr wide;
	};
};

static bool find_wide(int fd, struct interp *ret_interp)
{
	Elf64_Ehdr head;
	Elf64_Phdr headers[MAX_HEADERS];
	ssize_t size;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > MAX_HEADERS)
		return false;
	size = (ssize_t)(head.e_phnum * sizeof(Elf64_Phdr));
	if (pread(fd, headers, (size_t)size, (off_t)head.e_phoff) != size)
		return false;
	for (int i = 0; i < head.e_phnum; i++) {
		if (headers[i].p_type != PT_INTERP)
			continue;
		*ret_interp = (struct interp){
			.at = (off_t)(head.e_phoff + (size_t)i * sizeof(Elf64_Phdr)),
			.offset = headers[i].p_offset,
			.size = headers[i].p_filesz,
			.wide = headers[i]};
		return true;
	}
	return false;
}

static bool find_narrow(int fd, struct interp *ret_interp)
{
	Elf32_Ehdr head;
	Elf32_Phdr headers[MAX_HEADERS];
	ssize_t size;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_machine != EM_386 || head.e_phentsize != sizeof(Elf32_Phdr) ||
	    head.e_phnum > MAX_HEADERS)
		return false;
	size = (ssize_t)(head.e_phnum * sizeof(Elf32_Phdr));
	if (pread(fd, headers, (size_t)size, (off_t)head.e_phoff) != size)
		return false;
	for (int i = 0; i < head.e_phnum; i++) {
		if (headers[i].p_type != PT_INTERP)
			continue;
		*ret_interp = (struct interp){
			.is_32 = true,
			.at = (off_t)(head.e_phoff + (size_t)i * sizeof(Elf32_Phdr)),
			.offset = headers[i].p_offset,
			.size = headers[i].p_filesz,
			.narrow = headers[i]};
		return true;
	}
	return false;
}

/* False if there is none or this is no ELF file of 64 bits or of i386. */
static bool find_interp(int fd, struct interp *ret_interp)
{
	unsigned char ident[EI_NIDENT];

	if (pread(fd, ident, sizeof(ident), 0) != sizeof(ident) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (ident[EI_CLASS] == ELFCLASS64)
		return find_wide(fd, ret_interp);
	return ident[EI_CLASS] == ELFCLASS32 && find_narrow(fd, ret_interp);
}

static bool is_foreign(const char *line)
{
	const unsigned char *head = (const unsigned char *)line;

	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return true;
	for (int abi = 0; abi < ARCH_ABIS; abi++) {
		/* e_machine; an AUDIT_ARCH_* ends with the machine's number. */
		if ((head[EI_NIDENT + 2] | head[EI_NIDENT + 3] << 8) ==
		    (int)(arch_audit[abi] & 0xffff))
			return false;
	}
	return true;
}

static void read_interpreter(int fd, char *buffer, size_t size)
{
	struct interp interp;

	if (!find_interp(fd, &interp) || interp.size < 2 || interp.size > size ||
	    pread(fd, buffer, interp.size, (off_t)interp.offset) !=
		    (ssize_t)interp.size ||
	    buffer[interp.size - 1] != '\0')
		buffer[0] = '\0';
}

/* All questions to the file system are here. */
static void read_image(struct image *image, int file)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	image->fd = open(self, O_RDONLY | O_CLOEXEC);
	if (image->fd < 0 || fstat(image->fd, &image->st) < 0) {
		image->error = errno;
		return;
	}
	if (pread(image->fd, image->line, sizeof(image->line), 0) < 0)
		memset(image->line, 0, sizeof(image->line));
	image->is_foreign = is_foreign(image->line);
	if (memcmp(image->line, ELFMAG, SELFMAG) == 0)
		read_interpreter(image->fd, image->interpreter,
				 sizeof(image->interpreter));
	else
		image->may_execute = access(self, X_OK) == 0;
}

struct reading {
	int file;
	struct image image;
};

static int reading_work(void *argument, const atomic_bool *over)
{
	struct reading *reading = argument;

	(void)over;
	read_image(&reading->image, reading->file);
	return 0;
}

static void reading_drop(void *argument)
{
	struct reading *reading = argument;

	close(reading->file);
	image_close(&reading->image);
	free(reading);
}

static int send_reading(struct call *call, int file, const struct stat *st,
			struct image *ret_image)
{
	struct errand errand = {.key = (st->st_dev + st->st_ino * 4 + 3) *
				       0x9e3779b97f4a7c15,
				.work = reading_work,
				.drop = reading_drop};
	struct reading *reading = calloc(1, sizeof(*reading));
	void *result;
	int error;

	if (!reading)
		return -ENOMEM;
	reading->image.fd = -1;
	reading->file = fcntl(file, F_DUPFD_CLOEXEC, 0);
	errand.argument = reading;
	error = errand_of_call(call, &errand, &result);
	if (error < 0)
		return error;
	*ret_image = ((struct reading *)result)->image;
	if (ret_image->fd >= 0)
		ret_image->fd = fcntl(ret_image->fd, F_DUPFD_CLOEXEC, 0);
	return 0;
}

int image_open(struct call *call, int file, struct image *ret_image)
{
	struct stat st;
	int result = 0;

	memset(ret_image, 0, sizeof(*ret_image));
	ret_image->fd = -1;
	if (look_stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		ret_image->error = EACCES;
	else if (look_may_wait(call, file))
		result = send_reading(call, file, &st, ret_image);
	else
		read_image(ret_image, file);
	if (result < 0 && result != LOOK_WAITS)
		ret_image->error = -result;
	return result == LOOK_WAITS ? result : 0;
}

void image_close(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}

/* The new name is appended and PT_INTERP points to it: the kernel reads it from the
 * file, it need not be mapped, so it may be longer than the old one. */
static int patch(int fd, size_t size, const char *interpreter)
{
	struct interp interp;
	size_t len = strlen(interpreter) + 1, header_size = sizeof(interp.wide);

	if (!find_interp(fd, &interp))
		return -ENOEXEC;
	if (interp.is_32) {
		if (size > UINT32_MAX)
			return -ENOEXEC;
		header_size = sizeof(interp.narrow);
		interp.narrow.p_offset = (uint32_t)size;
		interp.narrow.p_filesz = interp.narrow.p_memsz = (uint32_t)len;
	} else {
		interp.wide.p_offset = size;
		interp.wide.p_filesz = interp.wide.p_memsz = len;
	}
	if (pwrite(fd, interpreter, len, (off_t)size) != (ssize_t)len ||
	    pwrite(fd, interp.is_32 ? (void *)&interp.narrow : (void *)&interp.wide,
		   header_size, interp.at) != (ssize_t)header_size)
		return -EIO;
	return 0;
}

int image_copy(struct call *call, const struct image *image, const char *interpreter,
	       char *ret_path, size_t size)
{
	uint64_t hash = index_name_hash(interpreter, strlen(interpreter));
	const struct stat *st = &image->st;
	char buffer[SCRATCH_OWN_SIZE];
	const char *own;
	int len = snprintf(ret_path, size, "%s/i/%llx-%llx-%llx",
			   call->run->scratch.path, (unsigned long long)st->st_dev,
			   (unsigned long long)st->st_ino, (unsigned long long)hash);

	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	own = scratch_own(&call->run->scratch, ret_path, buffer);
	if (copy_is_fresh(own, st))
		return 0;
	scratch_folder(&call->run->scratch, 'i');
	return copy_make(call, &(struct copy_order){.fd = image->fd,
						    .to = own,
						    .change = patch,
						    .text = interpreter});
}
