/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <stdbool.h>

#include "bundle/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The last bytes of the file, as collect.py writes them. */
struct trailer {
	char magic[8];
	uint64_t offset, size; /* of the packed bytes */
	uint64_t manifest_size;
	uint8_t sha256[SHA256_DIGEST_LENGTH];
};

static const char magic[8] = {'i', 'p', 'o', 's', 'e', '-', 'r', 't'};

static int read_trailer(int fd, struct trailer *ret_trailer)
{
	const off_t size = sizeof(*ret_trailer);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < size ||
	    pread(fd, ret_trailer, (size_t)size, st.st_size - size) != size ||
	    memcmp(ret_trailer->magic, magic, sizeof(magic)) != 0)
		return -ENODATA;
	if (ret_trailer->offset > (uint64_t)st.st_size ||
	    ret_trailer->size != (uint64_t)(st.st_size - size) - ret_trailer->offset)
		return -ENODATA;
	return 0;
}

int packed_open(struct packed *ret_packed)
{
	struct packed *packed = ret_packed;
	struct trailer trailer;
	int error;

	memset(packed, 0, sizeof(*packed));
	packed->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (packed->fd < 0)
		return -errno;
	error = read_trailer(packed->fd, &trailer);
	if (error == 0 && inflateInit(&packed->stream) != Z_OK)
		error = -ENOMEM;
	if (error < 0) {
		close(packed->fd);
		return error;
	}
	packed->next = trailer.offset;
	packed->end = trailer.offset + trailer.size;
	packed->manifest_size = trailer.manifest_size;
	memcpy(packed->sha256, trailer.sha256, sizeof(packed->sha256));
	for (int i = 0; i < (PACKED_KEY_SIZE - 1) / 2; i++)
		snprintf(packed->key + 2 * i, 3, "%02x", trailer.sha256[i]);
	SHA256Init(&packed->hash);
	return 0;
}

static int packed_fill(struct packed *packed)
{
	uint64_t left = packed->end - packed->next;
	size_t wanted = left < PACKED_BLOCK ? (size_t)left : PACKED_BLOCK;
	ssize_t got = pread(packed->fd, packed->block, wanted, (off_t)packed->next);

	if (got < 0)
		return -errno;
	if (got == 0)
		return -EBADMSG;
	packed->next += (uint64_t)got;
	SHA256Update(&packed->hash, packed->block, (size_t)got);
	packed->stream.next_in = packed->block;
	packed->stream.avail_in = (unsigned int)got;
	return 0;
}

int packed_read(struct packed *packed, void *buffer, size_t size)
{
	z_stream *stream = &packed->stream;
	int error = 0;
	int result;

	stream->next_out = buffer;
	stream->avail_out = (unsigned int)size;
	while (error == 0 && stream->avail_out && !packed->ended) {
		if (stream->avail_in == 0)
			error = packed_fill(packed);
		if (error < 0)
			break;
		result = inflate(stream, Z_NO_FLUSH);
		packed->ended = result == Z_STREAM_END;
		if (result != Z_OK && result != Z_STREAM_END)
			error = result == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	}
	return error == 0 && stream->avail_out ? -EBADMSG : error;
}

int packed_finish(struct packed *packed)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char more;

	/* The decoder may not have seen its end yet; there must be no byte before it.
	 */
	if (!packed->ended && packed_read(packed, &more, 1) != -EBADMSG)
		return -EBADMSG;
	if (!packed->ended || packed->next != packed->end)
		return -EBADMSG;
	SHA256Final(digest, &packed->hash);
	return memcmp(digest, packed->sha256, sizeof(digest)) == 0 ? 0 : -EBADMSG;
}

void packed_close(struct packed *packed)
{
	inflateEnd(&packed->stream);
	close(packed->fd);
}
