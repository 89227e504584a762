/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows in the order in which they are printed. Lines of failed starts name them,
 * and give the same advice (launch/messages.c). */
#include <string.h>

#include "doctor/doctor.h"

const struct doctor_row doctor_rows[] = {
	{"kernel", look_at_kernel, "interpose needs Linux 4.8 or later"},
	{"proc", look_at_proc, "mount /proc where interpose_run is started"},
	{"descriptors", look_at_descriptors, "raise the limit: ulimit -n"},
	{"processes", look_at_processes, "raise the limit: ulimit -u"},
	{"memory", look_at_memory, "raise the limits: ulimit -v, -d"},
	{"traced", look_at_tracers,
	 "interpose_run --trace FILE shows the calls; strace and debuggers work "
	 "neither "
	 "around it nor inside"},
	{"yama", look_at_yama, "the administrator may set it to 0 or 1"},
	{"ptrace", look_at_ptrace,
	 "a container's seccomp profile or a security module forbids it; docker: "
	 "--cap-add=SYS_PTRACE"},
	{"seccomp", look_at_seccomp, "needs Linux 4.8 with seccomp"},
	{"process_vm", look_at_process_vm,
	 "let the container's profile allow process_vm_readv and process_vm_writev"},
	{"scratch", look_at_scratch, "choose another one with --scratch"},
	{"cvmfs", look_at_cvmfs, "see the host's mount table"},
	{"python", look_at_python,
	 "install interpose again: neither python3 nor the script interpose-python is "
	 "there"},
};

const size_t doctor_row_count = sizeof(doctor_rows) / sizeof(doctor_rows[0]);

static const struct doctor_row place_rows[] = {
	{"cache", look_at_cache, "choose another one with --cache"},
	{"alien cache", look_at_alien_cache, "see --alien-cache"},
};

const struct doctor_row *doctor_row(const char *name)
{
	for (size_t i = 0; i < doctor_row_count; i++)
		if (strcmp(doctor_rows[i].name, name) == 0)
			return &doctor_rows[i];
	for (size_t i = 0; i < sizeof(place_rows) / sizeof(place_rows[0]); i++)
		if (strcmp(place_rows[i].name, name) == 0)
			return &place_rows[i];
	return NULL;
}
