/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that was just executed learns its name: AT_EXECFN is text on its stack;
 * comm only the process itself can set, so it makes one prctl() call before its first
 * instruction, by the vdso's call instruction. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscalls/exec.h"

/* Offset of a call instruction in the vdso, which is the same for every process. */
static uint64_t vdso_call_offset(void)
{
	const uint8_t *vdso = (const uint8_t *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)vdso;
	const Elf64_Phdr *headers;

	if (!vdso)
		return 0;
	headers = (const Elf64_Phdr *)(vdso + head->e_phoff);
	for (int i = 0; i < head->e_phnum; i++) {
		size_t end = headers[i].p_offset + headers[i].p_filesz;

		if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_X))
			continue;
		for (size_t at = headers[i].p_offset;
		     at + arch_call_instruction_size <= end; at++) {
			if (memcmp(vdso + at, arch_call_instruction,
				   arch_call_instruction_size) == 0)
				return at;
		}
	}
	return 0;
}

/* Values of the new program's auxiliary vector (getauxval(3)). */
static void read_auxv(const struct tracee *tracee, uint64_t *ret_execfn,
		      uint64_t *ret_vdso)
{
	Elf64_auxv_t auxv[64];
	char path[32];
	ssize_t size;
	int fd;

	*ret_execfn = *ret_vdso = 0;
	snprintf(path, sizeof(path), "/proc/%d/auxv", tracee->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size = read(fd, auxv, sizeof(auxv));
	close(fd);
	for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(auxv[0]); i++) {
		if (auxv[i].a_type == AT_EXECFN)
			*ret_execfn = auxv[i].a_un.a_val;
		if (auxv[i].a_type == AT_SYSINFO_EHDR)
			*ret_vdso = auxv[i].a_un.a_val;
	}
}

static enum verdict leave_prctl(struct run *run, struct tracee *tracee)
{
	const char *shown = exec_shown(tracee);

	(void)run;
	/* The name for comm stood there until now. */
	if (shown)
		tracee_write(tracee, tracee->stop.note[4], shown, strlen(shown) + 1);
	exec_forget(tracee);
	tracee->stop.regs = tracee->stop.saved;
	tracee->stop.dirty = true;
	return VERDICT_PASS;
}

/* At the exit stop of execve: the registers are the new program's first ones. */
static enum verdict leave_execve(struct run *run, struct tracee *tracee)
{
	uint64_t comm = tracee->stop.note[4], call = tracee->stop.note[5];
	struct arch_regs *regs = &tracee->stop.regs;

	(void)run;
	tracee->stop.saved = *regs;
	arch_set_ip(regs, call + arch_call_instruction_size);
	arch_restart(regs, SYS_prctl);
	arch_set_argument(regs, 0, PR_SET_NAME);
	arch_set_argument(regs, 1, comm);
	tracee->stop.dirty = true;
	tracee->stop.leave = leave_prctl;
	return VERDICT_AT_EXIT;
}

enum verdict exec_event(struct run *run, struct tracee *tracee)
{
	const char *shown = exec_shown(tracee), *comm;
	uint64_t execfn, vdso, offset;

	notice_lost_rights(run, tracee);
	exec_take_identity(tracee);
	if (!shown) {
		exec_forget(tracee);
		return VERDICT_PASS;
	}
	read_auxv(tracee, &execfn, &vdso);
	offset = vdso_call_offset();
	comm = exec_comm(tracee);
	if (execfn && vdso && offset &&
	    tracee_write(tracee, execfn, comm, strlen(comm) + 1) == 0) {
		tracee->stop.note[4] = execfn;
		tracee->stop.note[5] = vdso + offset;
		tracee->stop.leave = leave_execve;
		return VERDICT_AT_EXIT;
	}
	if (execfn)
		tracee_write(tracee, execfn, shown, strlen(shown) + 1);
	exec_forget(tracee);
	return VERDICT_PASS;
}
