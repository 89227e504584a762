/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packed archive at the end of this program's own file. */
#ifndef BUNDLE_PACKED_H
#define BUNDLE_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <sha2.h>
#include <zlib.h>

enum { PACKED_KEY_SIZE = 33, PACKED_BLOCK = 128 * 1024 };

struct packed {
	int fd;
	uint64_t next, end; /* of the packed bytes, in the file */
	uint64_t manifest_size;
	uint8_t sha256[SHA256_DIGEST_LENGTH]; /* of the packed bytes */
	char key[PACKED_KEY_SIZE];	      /* names this version: half of it */
	z_stream stream;
	SHA2_CTX hash;
	bool ended;
	unsigned char block[PACKED_BLOCK];
};

/* Finds it. 0; -ENODATA: nothing of that kind is at the end; another negative errno. */
int packed_open(struct packed *ret_packed);
/* The next `size` bytes of the archive. 0; -EBADMSG: it is damaged; -errno. */
int packed_read(struct packed *packed, void *buffer, size_t size);
/* 0 if all has been read and was what was packed; -EBADMSG. */
int packed_finish(struct packed *packed);
void packed_close(struct packed *packed);

#endif
