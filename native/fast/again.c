/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stop for a file of which the stub has just been told: the call is made anew from
 * before its jump, and the stub opens the file. A redirection would be a second stop.
 */
#include "fast/inner.h"
#include "run/openables.h"
#include "run/stubcaches.h"
#include "run/twins.h"
#include "run/unasked.h"
#include "tracee/tracee.h"

static bool is_patched(const struct foothold *foothold, uint64_t call)
{
	for (uint32_t i = 0; i < foothold->site_count; i++)
		if (foothold->sites[i].call == call)
			return foothold->sites[i].trampoline;
	return false;
}

bool fast_sends_back(struct run *run, struct tracee *tracee, const struct place *place,
		     enum verdict *ret_verdict)
{
	const struct foothold *foothold = &tracee->memory->foothold;
	const uint64_t call = arch_ip(&tracee->stop.regs) - SITE_CALL;

	if (!run->fast || foothold->state != FOOTHOLD_THERE || foothold->dead ||
	    tracee->was_sent_back || openables_doubted(run) ||
	    !(openables_has(run, place) || unasked_has(run, place) ||
	      twins_stub_opens(run, place)) ||
	    !is_patched(foothold, call))
		return false;
	telling_board(run, tracee);
	if (foothold->told_objects != openables_count(run) ||
	    foothold->told_unasked != unasked_count(run) ||
	    foothold->told_caches != stubcaches_version(run))
		return false;
	/* Some sites have the number from further before. */
	*ret_verdict = tracee_answer(tracee, tracee->stop.number);
	arch_set_ip(&tracee->stop.regs, call - FOOTHOLD_MOV);
	tracee->is_sent_back = true;
	return true;
}
