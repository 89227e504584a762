/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process of 30,000 mappings takes the kernel a second to describe, and names files
 * that may lie on any file system. So two errands do the reading: one finds which files
 * are mapped, the other writes the text in which ours have their names in /cvmfs. What
 * is ours only the loop knows; it says so between them. */
#include "proc/maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "find/look.h"
#include "find/seen.h"
#include "find/standins.h"
#include "index/lookup.h"
#include "proc/kerneltext.h"
#include "proc/proctext.h"
#include "run/mounts.h"
#include "run/scratch.h"
#include "run/unasked.h"

/* Longer than the text of 65,530 mappings, which is all that a process can have. */
enum { TEXT_MAX = 96 << 20 };

/* ---- which files are mapped ---- */

struct mapped {
	uint64_t dev, ino;
	char *path;
	bool has_stat;
	struct stat st; /* by name */
};

struct survey {
	int pid;
	struct mapped *files;
	size_t count, room;
	bool failed;
};

static bool is_same(const struct mapped *mapped, const struct proctext_file *file)
{
	return mapped->ino == file->ino && mapped->dev == file->dev &&
	       strcmp(mapped->path, file->path) == 0;
}

/* Neighbours mostly have the same file. */
static bool is_listed(const struct survey *survey, const struct proctext_file *file)
{
	for (size_t i = survey->count; i > 0; i--)
		if (is_same(&survey->files[i - 1], file))
			return true;
	return false;
}

/* File systems whose mappings show other numbers than stat (btrfs, overlays) are asked
 * by name. */
static bool note_file(void *context, const struct proctext_file *file,
		      struct proctext_file *ret_shown)
{
	struct survey *survey = context;
	struct mapped *grown, *mapped;

	(void)ret_shown;
	if (is_listed(survey, file))
		return false;
	if (survey->count == survey->room) {
		survey->room = survey->room * 2 + 64;
		grown = realloc(survey->files, survey->room * sizeof(*grown));
		if (!grown) {
			survey->failed = true;
			survey->room = survey->count;
			return false;
		}
		survey->files = grown;
	}
	mapped = &survey->files[survey->count];
	*mapped = (struct mapped){file->dev, file->ino, strdup(file->path), false, {0}};
	if (!mapped->path) {
		survey->failed = true;
		return false;
	}
	mapped->has_stat =
		file->path[0] == '/' &&
		look_known(AT_FDCWD, file->path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			   &mapped->st) == 0 &&
		file->ino == mapped->st.st_ino;
	survey->count++;
	return false;
}

static int survey_work(void *argument, const atomic_bool *over)
{
	struct survey *survey = argument;
	struct proctext_files files = {survey, note_file};
	struct proctext text = {0}, unchanged = {0};
	const struct kerneltext_bounds bounds = {.len = TEXT_MAX, .over = over};

	if (!kerneltext_read(survey->pid, "maps", &bounds, &text) ||
	    proctext_maps(&unchanged, &text, &files) < 0)
		survey->failed = true;
	proctext_deinit(&text);
	proctext_deinit(&unchanged);
	return survey->failed ? -EIO : 0;
}

static void survey_drop(void *argument)
{
	struct survey *survey = argument;

	for (size_t i = 0; i < survey->count; i++)
		free(survey->files[i].path);
	free(survey->files);
	free(survey);
}

/* ---- the text ---- */

/* A file of ours, and what is shown instead. */
struct renamed {
	struct proctext_file file, shown;
};

struct writing {
	int pid;
	char name[16];
	struct proctext text; /* empty: the kernel's */
	const struct renamed *last;
	size_t count;
	struct renamed files[];
};

/* numa_maps has no numbers. */
static bool names(const struct renamed *renamed, const struct proctext_file *file)
{
	return (!file->ino ||
		(renamed->file.ino == file->ino && renamed->file.dev == file->dev)) &&
	       strcmp(renamed->file.path, file->path) == 0;
}

static bool show(void *context, const struct proctext_file *file,
		 struct proctext_file *ret_shown)
{
	struct writing *writing = context;
	const struct renamed *found = writing->last;

	if (!found || !names(found, file)) {
		found = NULL;
		for (size_t i = 0; i < writing->count && !found; i++)
			if (names(&writing->files[i], file))
				found = &writing->files[i];
	}
	if (!found)
		return false;
	writing->last = found;
	*ret_shown = found->shown;
	return true;
}

static int writing_work(void *argument, const atomic_bool *over)
{
	struct writing *writing = argument;
	struct proctext_files files = {writing, show};
	const struct kerneltext_bounds bounds = {.len = TEXT_MAX, .over = over};
	struct proctext text = {0};
	int changed = 0;

	if (kerneltext_read(writing->pid, writing->name, &bounds, &text))
		changed = strcmp(writing->name, "numa_maps") == 0
				  ? proctext_numa_maps(&writing->text, &text, &files)
				  : proctext_maps(&writing->text, &text, &files);
	proctext_deinit(&text);
	if (changed <= 0)
		writing->text.len = 0;
	return 0;
}

static void writing_drop(void *argument)
{
	struct writing *writing = argument;

	proctext_deinit(&writing->text);
	free(writing);
}

/* ---- what the loop says between them ---- */

static bool place_of(const struct run *run, const struct mapped *mapped,
		     struct place *ret_place)
{
	const struct unasked_file file = {
		mapped->has_stat ? mapped->st.st_dev : mapped->dev, mapped->ino,
		mapped->path, strlen(mapped->path)};
	const struct node *node;

	if (!mapped->ino)
		return false;
	/* As look_node() does it. */
	if (unasked_place(run, &file, ret_place))
		return true;
	node = mapped->has_stat ? look_node_of(run, &mapped->st)
				: nodes_numbered(run, mapped->dev, mapped->ino);
	if (node)
		*ret_place = node->place;
	return node;
}

static bool show_place(const struct run *run, const struct place *place,
		       struct proctext_file *ret_shown)
{
	const struct mounts *mounts = run->mounts;
	const struct index_map *map;
	struct interpose_entry entry;

	if (place->kind != PLACE_ENTRY)
		return false;
	map = mounts_catalog(mounts, place->mount, place->catalog);
	if (!map || index_entry(map, place->entry, &entry) < 0 ||
	    mounts_path(mounts, place, ret_shown->path, sizeof(ret_shown->path)) < 0)
		return false;
	ret_shown->dev = mounts_device(place);
	ret_shown->ino = mounts_inode(mounts, place, &entry);
	return true;
}

/* The host's program that a copy in the scratch stands for. */
static bool show_standin(const struct run *run, const struct mapped *mapped,
			 struct proctext_file *ret_shown)
{
	const struct standin *standin;
	char own[SCRATCH_OWN_SIZE];
	struct stat st;
	const char *path = scratch_own(&run->scratch, mapped->path, own);

	if (!run->standins || path == mapped->path ||
	    look_known(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st) < 0)
		return false;
	standin = standins_find(run, &st);
	if (!standin || standin->proc_file[0])
		return false;
	snprintf(ret_shown->path, sizeof(ret_shown->path), "%s", standin->path);
	ret_shown->dev = standin->shown.st_dev;
	ret_shown->ino = standin->shown.st_ino;
	return true;
}

static bool show_mapped(const struct run *run, const struct mapped *mapped,
			struct proctext_file *ret_shown)
{
	struct place place;

	if (place_of(run, mapped, &place))
		return show_place(run, &place, ret_shown);
	if (mapped->has_stat && seen_shared_memory(run, &mapped->st)) {
		*ret_shown = (struct proctext_file){.dev = makedev(0, 1),
						    .ino = mapped->ino};
		strcpy(ret_shown->path, seen_shared_memory(run, &mapped->st));
		return true;
	}
	return show_standin(run, mapped, ret_shown);
}

static struct writing *rename_files(const struct run *run, const struct survey *survey)
{
	struct writing *writing = calloc(1, sizeof(*writing)), *grown;
	struct proctext_file shown;

	for (size_t i = 0; writing && i < survey->count; i++) {
		const struct mapped *mapped = &survey->files[i];
		struct renamed *renamed;

		if (!show_mapped(run, mapped, &shown))
			continue;
		grown = realloc(writing, sizeof(*writing) + (writing->count + 1) *
								    sizeof(*renamed));
		if (!grown)
			break;
		writing = grown;
		renamed = &writing->files[writing->count++];
		renamed->file =
			(struct proctext_file){.dev = mapped->dev, .ino = mapped->ino};
		snprintf(renamed->file.path, sizeof(renamed->file.path), "%s",
			 mapped->path);
		renamed->shown = shown;
	}
	return writing;
}

static uint64_t key_of(int pid, const char *name)
{
	return (index_name_hash(name, strlen(name)) ^ (uint64_t)pid) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

static int send_survey(struct call *call, int pid, void **ret_survey)
{
	struct errand errand = {
		.key = key_of(pid, "mapped"), .work = survey_work, .drop = survey_drop};
	struct survey *survey = calloc(1, sizeof(*survey));

	if (!survey)
		return -ENOMEM;
	survey->pid = pid;
	errand.argument = survey;
	return errand_of_call(call, &errand, ret_survey);
}

/* The note keeps its own: the call may have to come back. */
static int copy_text(const struct writing *writing, struct proctext *ret_text)
{
	const struct proctext *text = &writing->text;

	return text->len && proctext_add(ret_text, text->bytes, text->len) == 0;
}

int maps_make(struct call *call, int pid, const char *name, struct proctext *ret_text)
{
	struct errand errand = {
		.key = key_of(pid, name), .work = writing_work, .drop = writing_drop};
	const struct errand_note *sent = tracee_errand(call->tracee, errand.key);
	struct writing *writing;
	void *result;
	int error;

	if (sent && !sent->id)
		return sent->result ? copy_text(sent->result, ret_text) : 0;
	error = send_survey(call, pid, &result);
	if (error < 0)
		return error;
	writing = rename_files(call->run, result);
	if (!writing || !writing->count) {
		free(writing);
		return 0;
	}
	writing->pid = pid;
	snprintf(writing->name, sizeof(writing->name), "%s", name);
	errand.argument = writing;
	return errand_of_call(call, &errand, &result);
}
