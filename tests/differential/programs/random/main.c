/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steps SCRIPT TREE WORK [UID]: one line a step:
 *
 *     GROUP ACTOR SLOT CALL [ARGUMENT...]
 *
 * Groups are carried out one after the other; the steps of a group by their actors at
 * the same time. The output has one line a step. */
#include "steps.h"

#include <sys/mman.h>
#include <sys/prctl.h>

struct shared *shared;
struct step steps[MOST_STEPS];
int step_count;
dev_t tree_dev, top_dev, work_dev;
const char *tree, *work;

static void parse(char *line)
{
	struct step *step = &steps[step_count];
	char *rest, *word = strtok_r(line, " \n", &rest);
	int at = 0;

	if (!word)
		return;
	step->record = shared->records[step_count];
	for (; word; word = strtok_r(NULL, " \n", &rest), at++) {
		if (at == 0)
			step->group = atoi(word);
		else if (at == 1)
			step->actor = atoi(word) % ACTORS;
		else if (at == 2)
			step->slot = atoi(word) % SLOTS;
		else if (at == 3)
			step->call = call_named(word);
		else if (step->word_count < ARGUMENTS)
			step->words[step->word_count++] = strdup(word);
	}
	if (step->call)
		step_count++;
}

static void read_script(const char *path)
{
	FILE *script = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (!script) {
		perror(path);
		exit(2);
	}
	while (step_count < MOST_STEPS && getline(&line, &room, script) >= 0)
		parse(line);
	fclose(script);
}

static dev_t device(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		perror(path);
		exit(2);
	}
	return st.st_dev;
}

/* Its files in /proc stay its own. */
static void become(unsigned int uid)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) {
		perror("setuid");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	char *top;

	if (argc != 4 && argc != 5)
		return 2;
	if (argc == 5)
		become((unsigned int)atoi(argv[4]));
	tree = argv[2];
	work = argv[3];
	tree_dev = device(tree);
	work_dev = device(work);
	top = strdup(tree);
	*strrchr(top, '/') = '\0';
	top_dev = device(top);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || chdir(work) < 0)
		return 2;
	umask(022);
	read_script(argv[1]);
	actors_run();
	for (int i = 0; i < step_count; i++)
		printf("%d %d %s%s\n", steps[i].group, steps[i].actor,
		       steps[i].call->name,
		       steps[i].record[0] ? steps[i].record : " not reached");
	return 0;
}
