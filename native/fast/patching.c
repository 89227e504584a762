/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A site's mov of five bytes becomes a jump, and runs in the trampoline. Only while no
 * other thread can be just there, and only in pages that are in memory: the tracer
 * waits for no disk. The call instruction stays, and is where the stub returns to. */
#include <errno.h>
#include <string.h>

#include "fast/inner.h"
#include "tracee/memory.h"

enum {
	JUMP = 0xe9,
	MOV = 0xb8,
	LEA_AT = SITE_MOV,
	JUMP_AT = LEA_AT + 7,
	USED = JUMP_AT + 5,
	MOST = (STUB_STATE_AT - STUB_TRAMPOLINES_AT) / STUB_TRAMPOLINE
};

static uint64_t trampoline_at(const struct foothold *foothold, uint32_t number)
{
	return foothold->base + STUB_TRAMPOLINES_AT +
	       (uint64_t)number * STUB_TRAMPOLINE;
}

static uint64_t gate_at(const struct foothold *foothold, uint32_t number)
{
	return foothold->base + STUB_GATES_AT + (uint64_t)number * STUB_GATE;
}

/* The 32 bits of a jump or a lea that ends at `from`; false: it is too far. */
static bool put_distance(uint8_t *bytes, uint64_t from, uint64_t to)
{
	int64_t distance = (int64_t)(to - from);
	int32_t part = (int32_t)distance;

	memcpy(bytes, &part, sizeof(part));
	return part == distance;
}

/* mov; lea site+7(%rip),%rcx; jmp stub_entry */
static bool make_trampoline(const struct foothold *foothold, uint64_t at, uint64_t site,
			    uint8_t bytes[STUB_TRAMPOLINE])
{
	static const uint8_t lea[] = {0x48, 0x8d, 0x0d};
	uint64_t entry = foothold->base + (uint64_t)(stub_entry - stub_section);

	memset(bytes + LEA_AT, 0xcc, STUB_TRAMPOLINE - LEA_AT);
	memcpy(bytes + LEA_AT, lea, sizeof(lea));
	bytes[JUMP_AT] = JUMP;
	return put_distance(bytes + LEA_AT + sizeof(lea), at + JUMP_AT,
			    site + SITE_MOV + SITE_CALL) &&
	       put_distance(bytes + JUMP_AT + 1, at + USED, entry);
}

/* syscall; jmp site+7 */
static bool make_gate(uint64_t at, uint64_t call, uint8_t bytes[STUB_GATE_SIZE])
{
	bytes[0] = 0x0f;
	bytes[1] = 0x05;
	bytes[STUB_GATE_CALL] = JUMP;
	return put_distance(bytes + STUB_GATE_CALL + 1, at + STUB_GATE_SIZE,
			    call + SITE_CALL);
}

static bool read_now(struct tracee *tracee, uint64_t address, void *bytes, size_t size)
{
	return memory_move_now(tracee, address, bytes, size, false) == (ssize_t)size;
}

/* What is written for one site. */
struct change {
	struct foothold_site site;
	uint64_t at; /* its trampoline */
	uint8_t trampoline[STUB_TRAMPOLINE];
	uint8_t jump[SITE_MOV];
};

/* False: nothing can be patched here, whatever it is. */
static bool prepare(const struct run *run, const struct foothold *foothold,
		    const uint8_t found[SITE_BYTES], struct change *change)
{
	struct foothold_site *site = &change->site;

	if (!site_fits(found, &run->fast->numbers))
		return false;
	memcpy(site->mov, found + SITE_BYTES - SITE_CALL - SITE_MOV, SITE_MOV);
	memcpy(change->trampoline, site->mov, SITE_MOV);
	change->jump[0] = JUMP;
	return make_trampoline(foothold, change->at, site->call - SITE_MOV,
			       change->trampoline) &&
	       put_distance(change->jump + 1, site->call, change->at);
}

/* Whether this call needs a gate. */
static bool is_led(const struct run *run, const struct foothold_site *site)
{
	const uint32_t led = run->fast->numbers.led;
	uint32_t number;

	memcpy(&number, site->mov + 1, sizeof(number));
	return led && site->mov[0] == MOV && number == led;
}

/* Before anything leads there. Without one the site stays as it is. */
static bool open_gate(struct tracee *tracee, struct foothold_site *site)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint64_t at = gate_at(foothold, foothold->gates);
	uint8_t bytes[STUB_GATE_SIZE];

	if (foothold->gates == STUB_GATES || !make_gate(at, site->call, bytes) ||
	    tracee_write_code(tracee, at, bytes, sizeof(bytes)) < 0)
		return false;
	site->gate = ++foothold->gates;
	return true;
}

/* All that is written at once. */
struct changes {
	struct change list[MOST];
	struct code_part jumps[MOST];
	size_t count;
};

static void plan(struct run *run, struct tracee *tracee, uint64_t mov,
		 struct changes *changes)
{
	struct foothold *foothold = &tracee->memory->foothold;
	const uint32_t number = foothold->trampolines + (uint32_t)changes->count;
	struct change change = {.site = {.call = mov + SITE_MOV},
				.at = trampoline_at(foothold, number)};
	const uint64_t first = change.site.call + SITE_CALL - SITE_BYTES;
	uint8_t found[SITE_BYTES];

	if (number == MOST || !tracee_is_there(tracee, first, SITE_BYTES) ||
	    !read_now(tracee, first, found, sizeof(found)))
		return;
	if (!prepare(run, foothold, found, &change) ||
	    (is_led(run, &change.site) && !open_gate(tracee, &change.site))) {
		foothold_learn(foothold, &change.site);
		return;
	}
	change.site.trampoline = number + 1;
	changes->list[changes->count++] = change;
}

/* They lie one behind the other. */
static bool write_trampolines(struct tracee *tracee, const struct changes *changes)
{
	uint8_t bytes[MOST][STUB_TRAMPOLINE];

	for (size_t i = 0; i < changes->count; i++)
		memcpy(bytes[i], changes->list[i].trampoline, STUB_TRAMPOLINE);
	return tracee_write_code(tracee, changes->list[0].at, bytes,
				 changes->count * STUB_TRAMPOLINE) == 0;
}

static void carry_out(struct tracee *tracee, struct changes *changes)
{
	struct foothold *foothold = &tracee->memory->foothold;
	size_t jumps = 0;

	if (!changes->count || !write_trampolines(tracee, changes))
		return;
	foothold->trampolines += (uint32_t)changes->count;
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];

		/* Without a note nobody could undo it. */
		if (foothold_learn(foothold, &change->site))
			changes->jumps[jumps++] = (struct code_part){
				change->site.call - SITE_MOV, change->jump, SITE_MOV};
	}
	tracee_write_parts(tracee, changes->jumps, jumps);
}

void patching_all(struct run *run, struct tracee *tracee, const struct texts *texts)
{
	static struct changes changes; /* only the tracer's main thread patches */

	changes.count = 0;
	for (size_t i = 0; i < texts->count; i++) {
		const struct text *text = &texts->list[i];
		const struct recipe *recipe = recipes_find(run->fast->recipes, text);

		for (size_t k = 0; recipe && k < recipe->count; k++) {
			uint64_t site = text->first + recipe->sites[k] - text->offset;

			if (recipe->sites[k] >= text->offset && site < text->end &&
			    !foothold_knows(&tracee->memory->foothold, site + SITE_MOV))
				plan(run, tracee, site, &changes);
		}
	}
	carry_out(tracee, &changes);
}

const struct foothold_site *patching_site(const struct foothold *foothold, uint64_t ip)
{
	for (uint32_t i = 0; i < foothold->site_count; i++) {
		const struct foothold_site *site = &foothold->sites[i];

		if (site->trampoline &&
		    trampoline_at(foothold, site->trampoline - 1) == ip)
			return site;
	}
	return NULL;
}

uint64_t patching_gate(const struct foothold *foothold, uint64_t ip)
{
	for (uint32_t i = 0; i < foothold->site_count; i++) {
		const struct foothold_site *site = &foothold->sites[i];
		const uint64_t part = ip - gate_at(foothold, site->gate - 1);

		if (site->gate && (part == 0 || part == STUB_GATE_CALL))
			return site->call + part;
	}
	return 0;
}

void patching_undo(struct tracee *tracee)
{
	struct foothold *foothold = &tracee->memory->foothold;

	for (uint32_t i = 0; i < foothold->site_count; i++) {
		const struct foothold_site *site = &foothold->sites[i];

		if (site->trampoline)
			tracee_write_code(tracee, site->call - SITE_MOV, site->mov,
					  SITE_MOV);
	}
	foothold->state = FOOTHOLD_REFUSED;
}
