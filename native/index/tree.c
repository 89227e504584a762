/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From rows in any order to a tree: breadth first, so children of one directory stand
 * together and every parent has a lower number than its children. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index/build.h"

static int key_compare(const void *a, const void *b)
{
	const struct build_key *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->second != right->second)
		return left->second < right->second ? -1 : 1;
	return 0;
}

int build_keys_sort(struct build_key *keys, size_t count)
{
	if (count < 2)
		return 0;
	/* Sorted, not hashed: path hashes come from outside, and no choice of them may
	 * make this slow. */
	qsort(keys, count, sizeof(*keys), key_compare);
	for (size_t i = 1; i < count; i++) {
		if (key_compare(&keys[i - 1], &keys[i]) == 0)
			return -EBADMSG;
	}
	return 0;
}

uint32_t build_keys_find(const struct build_key *keys, size_t count, int64_t first,
			 int64_t second)
{
	const struct build_key wanted = {.first = first, .second = second};
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = key_compare(&keys[middle], &wanted);

		if (order == 0)
			return keys[middle].number;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return BUILD_NONE;
}

static int find_parents(const struct interpose_builder *builder, uint32_t root,
			struct build_tree *tree)
{
	uint32_t last = BUILD_NONE;

	for (uint32_t i = 0; i < tree->count; i++) {
		const struct interpose_row *row = &builder->rows[i].row;

		if (i == root) {
			tree->parent[i] = root;
			continue;
		}
		/* Neighbours mostly lie in one directory. */
		if (last == BUILD_NONE ||
		    builder->rows[last].row.path_1 != row->parent_1 ||
		    builder->rows[last].row.path_2 != row->parent_2)
			last = build_keys_find(tree->keys, tree->count, row->parent_1,
					       row->parent_2);
		if (last == BUILD_NONE || !S_ISDIR(builder->rows[last].row.mode) ||
		    row->name_len == 0)
			return -EBADMSG;
		tree->parent[i] = last;
		tree->child_count[last]++;
	}
	return 0;
}

/* `children` lists rows by parent, each parent's in the order in which they came; it
 * begins for each at `start`. */
static void sort_by_parent(const struct build_tree *tree, uint32_t root,
			   uint32_t *start, uint32_t *children)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < tree->count; i++) {
		start[i] = sum;
		sum += tree->child_count[i];
	}
	for (uint32_t i = 0; i < tree->count; i++) {
		if (i != root)
			children[start[tree->parent[i]]++] = i;
	}
	for (uint32_t i = 0; i < tree->count; i++)
		start[i] -= tree->child_count[i];
}

static int number_rows(struct build_tree *tree, uint32_t root)
{
	uint32_t *start = calloc(tree->count, sizeof(*start));
	uint32_t *children = calloc(tree->count, sizeof(*children));
	uint32_t done = 0, known = 1;

	if (start == NULL || children == NULL) {
		free(start);
		free(children);
		return -ENOMEM;
	}
	sort_by_parent(tree, root, start, children);
	tree->order[0] = root;
	while (done < known) {
		uint32_t row = tree->order[done];

		tree->number[row] = done++;
		tree->first_child[row] = known;
		memcpy(tree->order + known, children + start[row],
		       tree->child_count[row] * sizeof(*children));
		known += tree->child_count[row];
	}
	free(start);
	free(children);
	/* What is left hangs in a circle: each row has a parent, but none is the root.
	 */
	return known == tree->count ? 0 : -EBADMSG;
}

static int fill(const struct interpose_builder *builder, const struct build_key *key,
		struct build_tree *tree)
{
	uint32_t root;
	int error;

	for (uint32_t i = 0; i < tree->count; i++) {
		tree->keys[i].first = builder->rows[i].row.path_1;
		tree->keys[i].second = builder->rows[i].row.path_2;
		tree->keys[i].number = i;
	}
	error = build_keys_sort(tree->keys, tree->count);
	if (error < 0)
		return error;
	root = build_keys_find(tree->keys, tree->count, key->first, key->second);
	if (root == BUILD_NONE || !S_ISDIR(builder->rows[root].row.mode))
		return -EBADMSG;
	error = find_parents(builder, root, tree);
	if (error < 0)
		return error;
	return number_rows(tree, root);
}

int build_tree_create(const struct interpose_builder *builder,
		      const struct build_key *root, struct build_tree *ret_tree)
{
	struct build_tree tree = {.count = (uint32_t)builder->row_count};
	int error = -ENOMEM;

	if (tree.count == 0)
		return -EBADMSG;
	tree.keys = calloc(tree.count, sizeof(*tree.keys));
	tree.parent = calloc(tree.count, sizeof(*tree.parent));
	tree.order = calloc(tree.count, sizeof(*tree.order));
	tree.number = calloc(tree.count, sizeof(*tree.number));
	tree.first_child = calloc(tree.count, sizeof(*tree.first_child));
	tree.child_count = calloc(tree.count, sizeof(*tree.child_count));
	if (tree.keys && tree.parent && tree.order && tree.number && tree.first_child &&
	    tree.child_count)
		error = fill(builder, root, &tree);
	if (error < 0) {
		build_tree_destroy(&tree);
		return error;
	}
	*ret_tree = tree;
	return 0;
}

void build_tree_destroy(struct build_tree *tree)
{
	free(tree->keys);
	free(tree->parent);
	free(tree->order);
	free(tree->number);
	free(tree->first_child);
	free(tree->child_count);
}
