/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syscalls/copy.h"
#include "syscalls/exec.h"

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

/* The PT_INTERP header; false if there is none or this is no ELF file of 64 bits. */
static bool find_interp(int fd, Elf64_Phdr *ret_header, off_t *ret_offset)
{
	Elf64_Ehdr head;
	Elf64_Phdr headers[MAX_HEADERS];
	ssize_t size;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > MAX_HEADERS)
		return false;
	size = (ssize_t)(head.e_phnum * sizeof(Elf64_Phdr));
	if (pread(fd, headers, (size_t)size, (off_t)head.e_phoff) != size)
		return false;
	for (int i = 0; i < head.e_phnum; i++) {
		if (headers[i].p_type != PT_INTERP)
			continue;
		*ret_header = headers[i];
		*ret_offset = (off_t)(head.e_phoff + (size_t)i * sizeof(Elf64_Phdr));
		return true;
	}
	return false;
}

int image_interpreter(int fd, char *buffer, size_t size)
{
	Elf64_Phdr header;
	off_t offset;

	if (!find_interp(fd, &header, &offset) || header.p_filesz < 2 ||
	    header.p_filesz > size)
		return 0;
	if (pread(fd, buffer, header.p_filesz, (off_t)header.p_offset) !=
	    (ssize_t)header.p_filesz)
		return 0;
	if (buffer[header.p_filesz - 1] != '\0')
		return 0;
	return (int)strlen(buffer);
}

/* The new name is appended and PT_INTERP points to it: the kernel reads it from the
 * file, it need not be mapped, so it may be longer than the old one. */
static int patch(int fd, size_t size, const char *interpreter)
{
	Elf64_Phdr header;
	off_t offset;
	size_t len = strlen(interpreter) + 1;

	if (!find_interp(fd, &header, &offset))
		return -ENOEXEC;
	header.p_offset = size;
	header.p_filesz = header.p_memsz = len;
	if (pwrite(fd, interpreter, len, (off_t)size) != (ssize_t)len ||
	    pwrite(fd, &header, sizeof(header), offset) != sizeof(header))
		return -EIO;
	return 0;
}

int image_copy(struct view *view, int fd, const char *interpreter, char *ret_path,
	       size_t size)
{
	struct stat st;
	int len;

	if (fstat(fd, &st) < 0)
		return -errno;
	len = snprintf(ret_path, size, "%s/i/%llx-%llx", view->run->scratch.path,
		       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	if (access(ret_path, X_OK) == 0)
		return 0;
	return copy_make(view, fd, ret_path, patch, interpreter);
}
