/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that was just executed learns its name: AT_EXECFN is text on its stack;
 * comm only the process itself can set, so it makes one prctl() call before its first
 * instruction, by the vdso's call instruction. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "exec/exec.h"
#include "exec/notice.h"

enum { VDSO_PAGES = 4, PAGE_BYTES = 4096 };

/* Address of a call instruction of the ABI in the program's vdso, 0: none found. Every
 * process has the same vdso, but ours has not got that of i386. */
static uint64_t vdso_call(struct tracee *tracee, uint64_t vdso)
{
	static uint64_t offsets[ARCH_ABIS];
	enum arch_abi abi = tracee->stop.regs.abi;
	const struct arch_instruction *call = &arch_call_instruction[abi];
	uint8_t page[PAGE_BYTES];

	/* The first page begins with a header: 0 is no offset. */
	for (uint64_t i = 0; i < VDSO_PAGES && !offsets[abi]; i++) {
		if (tracee_read(tracee, vdso + i * sizeof(page), page, sizeof(page)) <
		    0)
			break;
		for (size_t at = 0; at + call->size <= sizeof(page); at++) {
			if (memcmp(page + at, call->bytes, call->size) == 0) {
				offsets[abi] = i * sizeof(page) + at;
				break;
			}
		}
	}
	return offsets[abi] ? vdso + offsets[abi] : 0;
}

/* Values of the new program's auxiliary vector (getauxval(3)): pairs of words as wide
 * as its pointers. */
static void read_auxv(const struct tracee *tracee, uint64_t *ret_execfn,
		      uint64_t *ret_vdso)
{
	size_t width = arch_pointer_size(&tracee->stop.regs);
	uint8_t auxv[1024];
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
	for (size_t at = 0; size > 0 && at + 2 * width <= (size_t)size;
	     at += 2 * width) {
		uint64_t type = 0, value = 0;

		/* Little-endian: the low half comes first. */
		memcpy(&type, auxv + at, width);
		memcpy(&value, auxv + at + width, width);
		if (type == AT_EXECFN)
			*ret_execfn = value;
		if (type == AT_SYSINFO_EHDR)
			*ret_vdso = value;
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
	arch_set_ip(regs, call + arch_call_instruction[regs->abi].size);
	arch_restart(regs, arch_call(regs, ARCH_PRCTL));
	arch_set_argument(regs, 0, PR_SET_NAME);
	arch_set_argument(regs, 1, comm);
	tracee->stop.dirty = true;
	tracee->stop.leave = leave_prctl;
	return VERDICT_AT_EXIT;
}

enum verdict exec_event(struct run *run, struct tracee *tracee)
{
	const char *shown = exec_shown(tracee), *comm;
	uint64_t execfn, vdso, call;

	notice_lost_rights(run, tracee);
	notice_elsewhere(run, tracee);
	notice_hidden_memory(run, tracee);
	exec_take_identity(tracee);
	if (!shown) {
		exec_forget(tracee);
		return VERDICT_PASS;
	}
	read_auxv(tracee, &execfn, &vdso);
	call = vdso ? vdso_call(tracee, vdso) : 0;
	comm = exec_comm(tracee);
	if (execfn && call &&
	    tracee_write(tracee, execfn, comm, strlen(comm) + 1) == 0) {
		tracee->stop.note[4] = execfn;
		tracee->stop.note[5] = call;
		tracee->stop.leave = leave_execve;
		return VERDICT_AT_EXIT;
	}
	if (execfn)
		tracee_write(tracee, execfn, shown, strlen(shown) + 1);
	exec_forget(tracee);
	return VERDICT_PASS;
}
