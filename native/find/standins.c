/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find/standins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "find/footing.h"
#include "find/look.h"

/* Programs are few; of texts the last ones are known. */
enum { MOST_TEXTS = 64 };

struct standins {
	size_t count, texts;
	struct standin **list;
	size_t oldest[MOST_TEXTS]; /* places in `list`, in turn */
};

static struct standin *add(struct standins *all, bool is_text)
{
	size_t turn = all->texts % MOST_TEXTS;
	struct standin **grown;

	if (is_text && all->texts++ >= MOST_TEXTS)
		return all->list[all->oldest[turn]];
	grown = realloc(all->list, (all->count + 1) * sizeof(struct standin *));
	if (!grown)
		return NULL;
	all->list = grown;
	all->list[all->count] = calloc(1, sizeof(struct standin));
	if (!all->list[all->count])
		return NULL;
	if (is_text)
		all->oldest[turn] = all->count;
	return all->list[all->count++];
}

static struct standin *numbered(const struct standins *all, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; all && i < all->count; i++)
		if (all->list[i]->ino == ino && all->list[i]->dev == dev)
			return all->list[i];
	return NULL;
}

void standins_note(struct run *run, int fd, const struct standin *like)
{
	struct standin *standin;
	struct stat st;

	if (!run->standins)
		run->standins = calloc(1, sizeof(struct standins));
	if (!run->standins || look_stat(fd, &st) < 0)
		return;
	standin = numbered(run->standins, st.st_dev, st.st_ino);
	if (!standin)
		standin = add(run->standins, like->proc_file[0]);
	if (!standin)
		return;
	*standin = *like;
	standin->dev = st.st_dev;
	standin->ino = st.st_ino;
	standin->written = st.st_mtim;
}

const struct standin *standins_find(const struct run *run, const struct stat *st)
{
	const struct standin *standin = numbered(run->standins, st->st_dev, st->st_ino);

	/* The number may be another file's by now. */
	if (!standin || standin->written.tv_sec != st->st_mtim.tv_sec ||
	    standin->written.tv_nsec != st->st_mtim.tv_nsec)
		return NULL;
	return standin;
}

int standins_open_path(struct call *call, const char *path, bool waits)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_IN_ROOT;
	int root = footing_root(call->run, call->tracee), fd;

	if (root < 0)
		return root;
	fd = waits ? look_open(call, root, path, O_NOFOLLOW, resolve)
		   : look_open_at_once(call, root, path, O_NOFOLLOW, resolve);
	if (fd == -ENOSYS) {
		path += strspn(path, "/");
		fd = waits ? look_open(call, root, path, O_NOFOLLOW, 0)
			   : look_open_at_once(call, root, path, O_NOFOLLOW, 0);
	}
	close(root);
	return fd;
}

int standins_open(struct call *call, const struct standin *standin, bool waits)
{
	int fd = standins_open_path(call, standin->path, waits);
	struct stat st;

	if (fd < 0)
		return fd;
	if (look_stat(fd, &st) == 0 && st.st_dev == standin->shown.st_dev &&
	    st.st_ino == standin->shown.st_ino)
		return fd;
	close(fd);
	return -ENOENT;
}
