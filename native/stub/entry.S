/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a call comes into the stub and out of it, and how the stub comes into a process.
 *
 *     site          e9 rel32 (was a mov of 5 bytes)   0f 05 (as it was)
 *     trampoline    that mov   lea site+7(%rip),%rcx   jmp stub_entry
 *
 * %rcx and %r11 are dead at a `syscall`: the kernel overwrites them. Everything else is
 * kept, the 128 bytes below the stack pointer too. %r15 is the frame (struct stub_frame)
 * in all of the stub (-ffixed-r15): whatever it was doing, the tracer finds the way out. */
#include <asm/unistd.h>

#include "stub/offsets.h"

	.section .text.stub_first, "ax", @progbits
	.globl	stub_section, stub_start, stub_entry, stub_framed
	.hidden	stub_section, stub_start, stub_entry, stub_framed
stub_section:
stub_start:
stub_entry:
	.cfi_startproc
	.cfi_return_column rcx
	lea	-128(%rsp), %rsp
	.cfi_def_cfa rsp, 128
	push	%rcx
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbp
	push	%rbx
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r10
	push	%r8
	push	%r9
	push	%rax
	.cfi_def_cfa rsp, 128 + 14 * 8
	.cfi_offset rcx, -128 - 8
	.cfi_offset r15, -128 - 16
	.cfi_offset r14, -128 - 24
	.cfi_offset r13, -128 - 32
	.cfi_offset r12, -128 - 40
	.cfi_offset rbp, -128 - 48
	.cfi_offset rbx, -128 - 56
	mov	%rsp, %rdi
	mov	%rsp, %r15
	.cfi_def_cfa r15, 128 + 14 * 8
stub_framed:
	and	$-16, %rsp
	call	stub_main
	mov	%r15, %rsp
	.cfi_def_cfa rsp, 128 + 14 * 8
	test	%eax, %eax
	pop	%rax
	pop	%r9
	pop	%r8
	pop	%r10
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rbx
	pop	%rbp
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rcx
	.cfi_def_cfa rsp, 128
	.cfi_restore rbx
	.cfi_restore rbp
	.cfi_restore r12
	.cfi_restore r13
	.cfi_restore r14
	.cfi_restore r15
	.cfi_same_value rcx
	lea	128(%rsp), %rsp
	.cfi_def_cfa rsp, 0
	jnz	1f
	jmp	*%rcx
	/* Two bytes back there is the program's own `syscall`. */
1:	lea	-2(%rcx), %rcx
	jmp	*%rcx
	.cfi_endproc

/* %r15 is the struct stub_load. It runs once, from wherever the tracer has put it, with
 * all signals blocked. */
	.section .text.stub_loader, "ax", @progbits
	.globl	stub_loader, stub_loader_end
	.hidden	stub_loader, stub_loader_end
stub_loader:
	/* openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, -, secret) */
	mov	$__NR_openat, %eax
	mov	$-100, %rdi
	lea	LOAD_PATH(%r15), %rsi
	mov	$02000000, %edx
	xor	%r10d, %r10d
	mov	LOAD_SECRET(%r15), %r9
	syscall
	mov	%rax, LOAD_RESULT(%r15)
	test	%rax, %rax
	js	3f
	mov	%rax, %rbx

	/* Code and trampolines: read and execute, private, just there. */
	mov	$__NR_mmap, %eax
	mov	LOAD_BASE(%r15), %rdi
	mov	$LOAD_CODE_SIZE, %esi
	mov	$5, %edx
	mov	$0x100002, %r10d
	mov	%rbx, %r8
	mov	LOAD_FILE_OFFSET(%r15), %r9
	syscall
	mov	%rax, %rbp
	mov	%rbx, %rdi
	mov	$__NR_close, %eax
	syscall
	mov	%rbp, %rax
	cmp	LOAD_BASE(%r15), %rax
	jne	2f

	/* State and board: read and write, of no file, just behind. */
	lea	LOAD_CODE_SIZE(%rax), %rdi
	mov	%rdi, %rbp
	mov	$__NR_mmap, %eax
	mov	$LOAD_STATE_SIZE, %esi
	mov	$3, %edx
	mov	$0x100022, %r10d
	mov	$-1, %r8
	xor	%r9d, %r9d
	syscall
	cmp	%rbp, %rax
	jne	2f
	movq	$0, LOAD_RESULT(%r15)

	/* rt_sigprocmask(-1, touched, NULL, 8): reads it, if it is there, and refuses */
	mov	$__NR_rt_sigprocmask, %eax
	mov	$-1, %edi
	mov	LOAD_TOUCHED(%r15), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall

	/* shmat(count_id, NULL, 0), if there is one */
	mov	LOAD_COUNT_ID(%r15), %rdi
	test	%rdi, %rdi
	js	3f
	mov	$__NR_shmat, %eax
	xor	%esi, %esi
	xor	%edx, %edx
	syscall
	mov	%rax, LOAD_COUNT(%r15)
	jmp	3f

	/* An address that is not the one asked for is no use either. */
2:	mov	%rax, LOAD_RESULT(%r15)
3:	mov	LOAD_SAVED + 0(%r15), %rax
	mov	LOAD_SAVED + 8(%r15), %rbx
	mov	LOAD_SAVED + 24(%r15), %rdx
	mov	LOAD_SAVED + 32(%r15), %rsi
	mov	LOAD_SAVED + 40(%r15), %rdi
	mov	LOAD_SAVED + 48(%r15), %rbp
	mov	LOAD_SAVED + 56(%r15), %r8
	mov	LOAD_SAVED + 64(%r15), %r9
	mov	LOAD_SAVED + 72(%r15), %r10
	mov	LOAD_RESUME(%r15), %rcx
	mov	LOAD_SAVED + 112(%r15), %r15
	jmp	*%rcx
stub_loader_end:

	.section .note.GNU-stack, "", @progbits
