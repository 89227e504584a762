/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stopped thread of the job. Fields are grouped by what clone and exec do to them.
 */
#ifndef TRACEE_TRACEE_H
#define TRACEE_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "tracee/foothold.h"

enum tracee_state {
	TRACEE_NEW, /* seen by wait before its parent's event, or the reverse */
	TRACEE_RUNNING,
	TRACEE_WAITING, /* at its entry stop; the answer to `question` is missing */
	TRACEE_IN_CALL, /* resumed with PTRACE_SYSCALL; an exit stop comes */
	TRACEE_DEAD
};

/* What becomes of a call at its entry stop (the job's own result is never this value).
 */
enum verdict {
	VERDICT_PASS,	 /* the kernel does it, we do not look again */
	VERDICT_ANSWER,	 /* registers hold the answer, the kernel skips the call */
	VERDICT_AT_EXIT, /* the kernel does it, `stop.leave` looks at the result */
	VERDICT_WAIT	 /* ask again when `question` is answered */
};

struct run;
struct tracee;
struct syscall_row;

typedef enum verdict (*stop_handler)(struct run *run, struct tracee *tracee);
#define HANDLER(name) enum verdict name(struct run *run, struct tracee *tracee)

/* An errand (run/errands.h) that was sent for a call, and what came of it. */
struct errand_note {
	uint64_t key;
	uint32_t id; /* 0: it has ended */
	int error;
	void *result; /* its argument, or NULL */
	void (*drop)(void *result);
};

/* A look into memory that may have to wait for somebody: done by an errand. */
struct memory_access;

/* One call of one thread, from its entry stop to its exit stop. */
struct stop {
	struct arch_regs regs;	/* as they are to be at the resume */
	struct arch_regs saved; /* as they came in */
	bool dirty;		/* regs differ from the tracee's */
	long number;
	uint64_t args[6];
	const struct syscall_row *row;
	stop_handler leave; /* at the exit stop */
	uint64_t note[6];   /* the handler's own memory until `leave` */
	uint32_t slot;	    /* of the region with this id, + 1; 0: none */
	uint64_t region;
	/* notes.c: errands of this call. They stay valid when it is only interrupted.
	 */
	struct errand_note *errands;
	size_t errand_count, errand_room;
	bool interrupted; /* the same call comes again, and is the same decision */
	bool deciding;	  /* at its entry: what has to be waited for can be */
	/* absent.c: what the handler could not read or write yet; NULL: nothing. Until
	 * it is there, whatever the handler makes of the call does not count. */
	struct memory_access *absent;
};

/* The last call with a time limit of a thread that no signal may end early
 * (syscalls/waits.c), and since when it waits. */
struct waiting_call {
	long number;
	uint64_t ip, sp, args[6];
	int64_t begun_ns;
	bool again; /* its next entry is the same call, begun again */
};

/* Lives as long as an address space: clone(CLONE_VM) shares it, fork copies, exec
 * drops. */
struct address_space {
	int users;
	struct region *regions; /* region.c */
	bool tight;		/* there was no room for one of the usual size */
	bool crowded;		/* nor for one more */
	bool borrowed;		/* it is the end of the vdso, which only we can write */
	bool narrow;		/* of a 32-bit program */
	int mem_fd;		/* /proc/PID/mem where process_vm_* is forbidden; -1 */
	int pagemap_fd;		/* /proc/PID/pagemap; -1: not kept open, -2: none */
	struct foothold foothold;
};

/* Where absolute paths begin. CLONE_FS shares it, and what shares it has one root and
 * one mount namespace; other clones copy. find/footing.c reads it. */
struct footing {
	int users;
	bool stale;	   /* something may have changed it: to be read again */
	bool other_root;   /* after chroot and the like: no longer served */
	bool other_mounts; /* names lead through mounts that are not the tracer's */
};

/* Who a process is, as /proc shows it to us (shown/credentials.c reads it). */
struct credentials {
	bool known;
	bool changed;	 /* since the run began, here or in an ancestor */
	bool by_thread;	 /* a thread has changed its own: they may differ */
	pid_t of;	 /* whose these are */
	bool other_user; /* in another user namespace than we */
	uid_t fsuid, real_uid;
	gid_t fsgid, real_gid;
	uint64_t effective, permitted; /* capabilities */
	int group_count;
	gid_t *groups;
};

/* Shared by the threads of a process. */
struct process {
	int users;
	pid_t tgid;
	int pidfd; /* -1: not opened yet, -2: the kernel has none */
	struct credentials credentials;
	bool watched;	/* stops for locks (syscalls/watching.c) */
	int filters;	/* that it has got from us, beside those of a run */
	int execs;	/* threads beside the leader in execve: one may get its id */
	uint32_t inner; /* the inner run that it is of (tracer/inner.h); 0: none */
	uint32_t front_inner; /* the one that its children are of; 0: as it itself */
	/* exec identity: what /proc/PID/exe is for the program; NULL: the kernel's own
	 */
	char *exe;
};

struct tracee {
	pid_t tid;
	enum tracee_state state;
	struct process *process;
	struct address_space *memory;
	struct footing *footing;

	uint32_t question; /* that TRACEE_WAITING waits for; 0: none */
	/* The call at hand was made anew by the stub's way, and so will the next one be
	 * (fast/again.c). */
	bool was_sent_back, is_sent_back;
	int tries; /* of the same call, against endless repetition */
	struct stop stop;
	struct waiting_call wait;
	void *passing;	     /* given/passing.c: a descriptor is handed over */
	void *pending_exec;  /* exec/exec.c: between execve's entry and its event */
	bool in_exec;	     /* counted in process->execs */
	bool held_answer;    /* execs.c: what a leader is told when that is over */
	int held_status;     /* 0: none */
	bool is_main;	     /* the job's main process (its leader thread) */
	struct tracee *next; /* hash chain, tracee/table.c */
};

/* All tracees of a run (table.c). */
struct tracees;
struct tracees *tracees_create(void);
void tracees_destroy(struct tracees *tracees);
struct tracee *tracees_find(struct tracees *tracees, pid_t tid);
/* The first one, of the job's main process; NULL without memory. */
struct tracee *tracees_add_first(struct tracees *tracees, pid_t tid);
/* A child of `parent` made with clone flags; NULL without memory. */
struct tracee *tracees_add_child(struct tracees *tracees, struct tracee *parent,
				 pid_t tid, uint64_t clone_flags);
void tracees_remove(struct tracees *tracees, struct tracee *tracee);
/* Its root is no longer shared with other tracees. 0 or -ENOMEM. */
int tracee_own_footing(struct tracee *tracee);
/* They are another's now, or have other rights: the next check reads them anew. */
void tracee_new_credentials(struct tracee *tracee);
/* After exec: a new address space; `tid` may differ from the thread that called. */
int tracee_after_exec(struct tracee *tracee);
size_t tracees_count(const struct tracees *tracees);
/* Calls `each` for every tracee; it may remove the one it is given. */
void tracees_each(struct tracees *tracees,
		  void (*each)(struct tracee *tracee, void *context), void *context);

/* Registers (stop.c). All: 0 or a negative errno; -ESRCH: the tracee is gone. */
/* At a seccomp stop: fills stop.regs, saved, number, args. */
int tracee_fetch(struct tracee *tracee);
/* At an exec event: the same of the new program. */
int tracee_fetch_program(struct tracee *tracee);
/* At a stop for a signal: whether the thread comes from a call whose number, be it of
 * this ABI or another, `concerns`; then the same of that call, the result in stop.regs.
 */
bool tracee_fetch_ended(struct tracee *tracee, bool (*concerns)(long number));
int tracee_store(struct tracee *tracee); /* if dirty */
/* At a seccomp stop: what was decided and not yet stored is forgotten. */
void tracee_undo(struct tracee *tracee);
/* At an exit stop: stop.regs only; saved, number and args stay those of the entry. */
int tracee_fetch_result(struct tracee *tracee);
enum verdict tracee_answer(struct tracee *tracee, int64_t result); /* VERDICT_ANSWER */
/* At an exit stop: everything as it was at the entry, but the result. */
enum verdict tracee_finish(struct tracee *tracee, int64_t result);
/* At an exit stop: a signal interrupts the call; the kernel makes EINTR of it, or does
 * it again (SA_RESTART). */
enum verdict tracee_interrupted(struct tracee *tracee);
/* At an exit stop: the call as it came in runs again, through a stop of its own. */
enum verdict tracee_again(struct tracee *tracee);
/* A call that ran again (`tries`) is decided, unless something is waited for. */
void tracee_tried(struct tracee *tracee, enum verdict verdict);
/* At a stop: blocks all signals of the thread; and gives it back those it blocked. */
int tracee_block_signals(struct tracee *tracee, uint64_t *ret_mask);
int tracee_restore_signals(struct tracee *tracee, uint64_t mask);
/* At a stop for a signal: 0, with the registers in *ret_regs, if an instruction of the
 * thread's own was at fault; else a negative errno. */
int tracee_fetch_fault(struct tracee *tracee, struct arch_regs *ret_regs);
int tracee_store_fault(struct tracee *tracee, struct arch_regs *regs);
uint64_t tracee_clone_flags(struct tracee *tracee); /* of a call at its fork event */

/* Redirection (redirect.c): argument `position` points to a copy of `path` while the
 * kernel does the call; `leave` then ends it with tracee_finish or tracee_again. The
 * first one of an address space makes the region and runs the call again.
 */
struct redirection {
	unsigned int position;
	const char *path;
};
enum verdict tracee_redirect(struct tracee *tracee, const struct redirection *list,
			     size_t count, stop_handler leave);
/* The usual `leave`: the kernel's result stands. */
enum verdict tracee_leave_as_is(struct run *run, struct tracee *tracee);
void tracee_free_slot(struct tracee *tracee);
/* Room of `size` bytes in the region for `tracee` alone, until its call ends; 0 with
 * *ret_verdict set if it has to be made first. */
uint64_t tracee_slot(struct tracee *tracee, enum verdict *ret_verdict);
bool tracee_in_region(const struct address_space *space, uint64_t address, size_t size);
/* The program unmapped the region of its slot: a new one is made first. */
enum verdict tracee_lost_region(struct tracee *tracee);
/* Of a fork's child, and of an address space that nobody uses any more. */
void regions_copy(struct address_space *space, const struct address_space *from);
void regions_forget(struct address_space *space);
/* The kernel does another call instead, or maps `size` bytes; `leave` sees the result.
 */
enum verdict tracee_call_instead(struct tracee *tracee, enum arch_call call,
				 stop_handler leave);
enum verdict tracee_map_instead(struct tracee *tracee, uint64_t size,
				stop_handler leave);
/* Writes `count` pointers as the call's ABI has them; likewise reads. */
int tracee_write_pointers(struct tracee *tracee, uint64_t address,
			  const uint64_t *pointers, size_t count);
int tracee_read_pointers(struct tracee *tracee, uint64_t address, uint64_t *pointers,
			 size_t count);
enum { TRACEE_SLOT_SIZE = 8192, TRACEE_VDSO_ROOM = 512 };

/* Memory (memory.c): full length or a negative errno (-EFAULT, -ESRCH). At the entry of
 * a call pages that are not there are left to an errand: -EFAULT, and stop.absent. */
int tracee_read(struct tracee *tracee, uint64_t address, void *buffer, size_t size);
int tracee_write(struct tracee *tracee, uint64_t address, const void *data,
		 size_t size);
/* Through any protection: bytes of code. A page that is not there is waited for. Of
 * several parts all are tried. */
struct code_part {
	uint64_t address;
	const void *code;
	size_t size;
};
int tracee_write_code(struct tracee *tracee, uint64_t address, const void *code,
		      size_t size);
int tracee_write_parts(struct tracee *tracee, const struct code_part *parts,
		       size_t count);
/* All of it is in memory now: nobody has to be waited for. */
bool tracee_is_there(struct tracee *tracee, uint64_t address, size_t size);
/* Bytes at the end of the vdso that are nobody's; 0: too few. The second: of one that
 * ends at `end`. */
uint64_t tracee_vdso_room(struct tracee *tracee);
uint64_t tracee_vdso_tail(struct tracee *tracee, uint64_t end);
/* Copies a string with its NUL; returns its length; -ENAMETOOLONG: no NUL within size.
 */
int tracee_read_string(struct tracee *tracee, uint64_t address, char *buffer,
		       size_t size);
/* absent.c: stop.absent for an errand, whose key it is; and what that does, in its own
 * thread: 0. The same reading or writing then finds its result among the call's
 * errands. */
uint64_t memory_access_key(const struct memory_access *access);
void memory_access_do(struct memory_access *access);
void memory_access_free(struct memory_access *access);

/* Errands of a call (notes.c). NULL: none with this key was sent. */
struct errand_note *tracee_errand(const struct tracee *tracee, uint64_t key);
/* One was. 0 or -ENOMEM. */
int tracee_note_errand(struct tracee *tracee, uint64_t key, uint32_t id);
void tracee_forget_errands(struct tracee *tracee);

#endif
