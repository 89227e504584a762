/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interpose_run: front and tracer are two processes of this program. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "find/footing.h"
#include "launch/command.h"
#include "launch/doctoring.h"
#include "launch/help.h"
#include "launch/joining.h"
#include "launch/launch.h"
#include "launch/mounting.h"
#include "launch/parrot.h"
#include "launch/python.h"
#include "run/clock.h"
#include "tracee/kernel.h"
#include "tracer/pulse.h"
#include "tracer/tracer.h"

extern char **environ;

enum { TRACER_STACK = 1024 * 1024 };

static int open_output(const struct launch *launch, const char *path, int flags,
		       int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

	if (fd < 0)
		return message_fail(&launch->messages, "cannot write: %s: %s", path,
				    strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int open_outputs(struct launch *launch)
{
	const struct options *options = &launch->options;
	int status = 0;
	int fd;

	launch->stats_fd = -1;
	if (options->log)
		status = open_output(launch, options->log, O_APPEND,
				     &launch->messages.fd);
	/* Another process will write it; here it is only tried. */
	if (status == 0 && options->trace) {
		status = open_output(launch, options->trace, 0, &fd);
		if (status == 0)
			close(fd);
	}
	if (status == 0 && options->stats && strcmp(options->stats, "-") != 0)
		status =
			open_output(launch, options->stats, O_TRUNC, &launch->stats_fd);
	if (status == 0 && options->stats && launch->stats_fd < 0) {
		launch->stats_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		launch->stats_once = true;
	}
	return status;
}

/* What is read in them is the resolver's; that they are there is known now. */
static int need_configuration(const struct launch *launch)
{
	const struct text_list *configs = &launch->options.configs;

	for (size_t i = 0; i < configs->count; i++) {
		if (access(configs->items[i], R_OK) == 0)
			continue;
		return message_fail(&launch->messages,
				    "cannot read the configuration: %s: %s (see "
				    "--config and INTERPOSE_CONFIG)",
				    configs->items[i], strerror(errno));
	}
	return 0;
}

/* Memory of front and tracer, zeroed; or NULL. */
static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int connect_processes(struct launch *launch)
{
	int front[2], failure[2], relay[2];

	launch->scratch = share(sizeof(*launch->scratch));
	launch->memory = share(sizeof(*launch->memory));
	launch->pulse = share(sizeof(*launch->pulse));
	if (!launch->scratch || !launch->memory || !launch->pulse ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, front) < 0 ||
	    pipe2(failure, O_CLOEXEC) < 0 || pipe2(relay, O_CLOEXEC) < 0)
		return message_no_run(&launch->messages, errno);
	launch->front_fd = front[0];
	launch->tracer_fd = front[1];
	launch->failure_read = failure[0];
	launch->failure_write = failure[1];
	launch->relay_read = relay[0];
	launch->relay_write = relay[1];
	launch->voice = -1;
	message_share();
	/* Front and tracer read it both; none may sleep in it. */
	fcntl(launch->relay_read, F_SETFL, O_NONBLOCK);
	return 0;
}

static void describe_host(struct launch *launch)
{
	static char settings[128 * 1024];
	struct run *run = &launch->run;
	struct stat status;

	run->uid = geteuid(); /* owner of what we write, and who permissions are for */
	run->gid = getegid();
	run->group_count = getgroups(0, NULL);
	run->groups = calloc((size_t)run->group_count + 1, sizeof(gid_t));
	if (!run->groups || getgroups(run->group_count, run->groups) < 0)
		run->group_count = 0;
	run->environment = (const char *const *)environ;
	run->settings = settings;
	run->settings_size =
		options_describe(&launch->options, false, settings, sizeof(settings));
	run->prefer_host = launch->options.prefer_host;
	run->named = launch->options.repositories.items;
	run->named_count = launch->options.repositories.count;
	if ((run->prefer_host || run->prefixes.leaves) &&
	    stat(PREFIX_REPOSITORIES, &status) == 0) {
		run->machine.top_dev = status.st_dev;
		run->machine.top_ino = status.st_ino;
	}
	if (stat("/", &status) == 0) {
		run->machine.root_dev = status.st_dev;
		run->machine.root_ino = status.st_ino;
	}
	run->machine.root_mount = footing_mount(AT_FDCWD, "/");
	if (stat("/proc/self/ns/mnt", &status) == 0)
		run->machine.mount_space = status.st_ino;
	if (stat("/proc", &status) == 0)
		run->machine.proc_dev = status.st_dev;
	run->machine.mount_numbers = kernel_mount_numbers();
	run->machine.null_names = kernel_takes_null_names();
}

static struct launch *launch_of_tracer;

static _Noreturn void be_tracer(void)
{
	_exit(tracing_run(launch_of_tracer));
}

/* On a stack of its own: the caller's limit (ulimit -s) is meant for the job, and may
 * be less than the tracer needs. */
static _Noreturn void become_tracer(struct launch *launch)
{
	static ucontext_t context;
	void *stack =
		mmap(NULL, TRACER_STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	close(launch->front_fd);
	close(launch->failure_read);
	/* A tracer that somebody has stopped could not hear that front is gone. */
	prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
	launch_of_tracer = launch;
	if (stack != MAP_FAILED && getcontext(&context) == 0) {
		context.uc_stack.ss_sp = stack;
		context.uc_stack.ss_size = TRACER_STACK;
		makecontext(&context, be_tracer, 0);
		setcontext(&context);
	}
	be_tracer();
}

static struct front_result run_job(struct launch *launch)
{
	struct front_result result = {.status = STATUS_OURS, .ours = true};

	if (need_configuration(launch) || open_outputs(launch) ||
	    mounting_fill(&launch->messages, &launch->options, &launch->run.prefixes) ||
	    connect_processes(launch))
		return result;
	describe_host(launch);
	launch->front_pid = getpid();
	launch->tracer_pid = fork();
	if (launch->tracer_pid == 0)
		become_tracer(launch);
	if (launch->tracer_pid < 0) {
		message_no_run(&launch->messages, errno);
		return result;
	}
	close(launch->tracer_fd);
	close(launch->failure_write);
	close(launch->relay_write);
	fcntl(launch->failure_read, F_SETFL, O_NONBLOCK);
	return front_run(launch);
}

/* Below another interpose_run its /cvmfs is ours too. */
static struct front_result run_inside(struct launch *launch)
{
	const struct front_result failed = {.status = STATUS_OURS, .ours = true};

	return need_configuration(launch) || open_outputs(launch) ? failed
								  : joining_run(launch);
}

int main(int argc, char **argv)
{
	static struct launch launch = {.messages = {.fd = STDERR_FILENO}};
	char complaint[OPTIONS_COMPLAINT_SIZE] = "out of memory";
	struct front_result result;
	command_main *command;
	int error;

	if (python_is_called(argc, argv))
		return python_become(argv);
	command = command_called(argc, &argv);
	if (command)
		return command(argv);
	if (parrot_is_called(argv[0]) && parrot_translate(&argc, &argv, &error))
		return error;
	launch.start_ns = clock_now_ns();
	if (options_parse(argc, argv, &launch.options, complaint) < 0)
		return message_fail(&launch.messages, "%s", complaint),
		       message_for_wrapper();
	if (launch.options.help || launch.options.version)
		return help_print(&launch.messages, &launch.options);
	launch.messages.quiet = launch.options.quiet;
	launch.messages.verbose = launch.options.verbose;
	if (launch.options.doctor)
		return doctoring_run(&launch);
	error = heritage_take(&launch.heritage);
	if (error < 0)
		return error == -EMFILE ? message_no_run(&launch.messages, EMFILE)
					: message_ill(&launch.messages,
						      doctor_row("proc")->advice,
						      "cannot read: /proc/self/fd: %s",
						      strerror(-error));
	result = joining_is_inside() ? run_inside(&launch) : run_job(&launch);
	if (result.ours)
		message_for_wrapper();
	parrot_tell(&result);
	front_end(&result);
}
