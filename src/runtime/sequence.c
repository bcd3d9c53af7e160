#include "runtime/sequence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

orion_status ori_sequence_init(struct ori_sequence *s, const struct ori_engine *engine,
                               orion_error *err)
{
    const struct ori_hparams *hp = &engine->model->hp;

    *s = (struct ori_sequence){.hp = hp, .context_tokens = engine->context_tokens};
    const orion_status status =
        ori_kv_init(&s->kv, hp, engine->kv_type, engine->context_tokens, engine->batch_tokens, err);
    if (status != ORION_OK)
        return status;
    s->tokens = ori_calloc_array(s->context_tokens, sizeof(*s->tokens));
    return s->tokens ? ORION_OK : ori_fail_nomem(err, "a sequence");
}

void ori_sequence_release(struct ori_sequence *s)
{
    ori_kv_release(&s->kv);
    free(s->tokens);
    *s = (struct ori_sequence){0};
}

void ori_sequence_reset(struct ori_sequence *s)
{
    s->n_tokens = 0;
    s->n_reached = 0;
}

void ori_sequence_give_back(struct ori_sequence *s)
{
    ori_sequence_reset(s);
    if (s->n_touched > 0)
        ori_kv_give_back(&s->kv);
    s->n_touched = 0;
}

static uint32_t agreement(const struct ori_sequence *s, const int32_t *tokens, uint32_t limit)
{
    uint32_t n = 0;

    while (n < s->n_tokens && n < limit && s->tokens[n] == tokens[n])
        n++;
    return n;
}

uint32_t ori_sequence_common(const struct ori_sequence *s, const int32_t *tokens, uint32_t limit)
{
    const uint32_t n = agreement(s, tokens, limit);
    return ori_kv_can_rewind(&s->kv, s->hp, s->n_reached, n) ? n : 0;
}

void ori_sequence_turn_to(struct ori_sequence *s, const int32_t *tokens, uint32_t n, uint32_t limit)
{
    assert(n <= s->context_tokens && limit <= n);
    s->n_tokens = ori_sequence_common(s, tokens, limit);
    memcpy(s->tokens + s->n_tokens, tokens + s->n_tokens, (n - s->n_tokens) * sizeof(*tokens));
}

static void reach(struct ori_sequence *s, uint32_t position)
{
    if (s->n_reached < position)
        s->n_reached = position;
    if (s->n_touched < position)
        s->n_touched = position;
}

void ori_sequence_enter(struct ori_sequence *s, uint32_t n, struct ori_batch_item *items)
{
    assert(n <= s->context_tokens - s->n_tokens);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t position = s->n_tokens + i;
        items[i] = (struct ori_batch_item){
            .token = s->tokens[position], .position = position, .kv = &s->kv};
    }
    if (s->n_tokens == 0)
        s->n_reached = 0;
    reach(s, s->n_tokens + n);
}

void ori_sequence_computed(struct ori_sequence *s, uint32_t n)
{
    s->n_tokens += n;
}

void ori_sequence_drop(struct ori_sequence *s, uint32_t n)
{
    assert(n <= s->n_tokens && ori_kv_can_rewind(&s->kv, s->hp, s->n_reached, n));
    s->n_tokens = n;
}

/* ---- whole blocks ---- */

uint32_t ori_sequence_oldest(const struct ori_sequence *s)
{
    return s->n_reached > s->kv.n_slots ? s->n_reached - s->kv.n_slots : 0;
}

/* The first block of n_blocks that the next query's window reaches; 0 without one. */
static uint32_t first_in_window(const struct ori_hparams *hp, uint32_t n_blocks)
{
    const uint32_t n = n_blocks * ORI_PREFIX_BLOCK;
    const uint32_t window = hp->window_tokens;
    return window > 0 && n + 1 > window ? (n + 1 - window) / ORI_PREFIX_BLOCK : 0;
}

uint32_t ori_sequence_first_needed(const struct ori_sequence *s, uint32_t n_blocks)
{
    return ori_kv_needs_window_only(s->hp) ? first_in_window(s->hp, n_blocks)
                                           : s->n_tokens / ORI_PREFIX_BLOCK;
}

/* The cache holds n tokens now, of which rings have the blocks from `first` on: as
 * if they had gone so far that only these are left. */
static void hold_from(struct ori_sequence *s, uint32_t first, uint32_t n)
{
    ori_sequence_reset(s);
    reach(s, n);
    s->n_tokens = n;
    if (first > 0 && s->n_reached < first * ORI_PREFIX_BLOCK + s->kv.n_slots)
        s->n_reached = first * ORI_PREFIX_BLOCK + s->kv.n_slots;
}

void ori_sequence_took_blocks(struct ori_sequence *s, uint32_t first, uint32_t n, uint32_t end)
{
    const uint32_t reached = end * ORI_PREFIX_BLOCK;

    if (ori_kv_needs_window_only(s->hp)) {
        /* Blocks from here and there in a ring would not make a whole, and with too
         * few to look back a whole window it is computed from the start. */
        const bool enough = first == 0 || end == n;
        hold_from(s, enough ? first : 0, enough ? reached : 0);
        return;
    }
    if (s->n_tokens == 0)
        s->n_reached = 0;
    if (reached > s->n_tokens)
        s->n_tokens = reached;
    reach(s, reached);
}

uint32_t ori_sequence_to_share(const struct ori_sequence *s, const int32_t *tokens, uint32_t limit)
{
    const uint32_t n_blocks = agreement(s, tokens, limit) / ORI_PREFIX_BLOCK;
    const uint32_t first = first_in_window(s->hp, n_blocks);

    return first * ORI_PREFIX_BLOCK >= ori_sequence_oldest(s) ? n_blocks * ORI_PREFIX_BLOCK : 0;
}

void ori_sequence_share(struct ori_sequence *to, const struct ori_sequence *from, uint32_t n)
{
    const uint32_t n_blocks = n / ORI_PREFIX_BLOCK;
    const uint32_t in_window = first_in_window(to->hp, n_blocks);
    const uint32_t held = to->n_tokens / ORI_PREFIX_BLOCK;

    assert(to->kv.n_slots == from->kv.n_slots && n > to->n_tokens);
    for (uint32_t layer = 0; layer < to->hp->n_layers; layer++)
        ori_kv_copy_blocks(&to->kv, &from->kv, layer,
                           ori_layer_window(to->hp, layer) > 0 ? in_window : held, n_blocks);
    hold_from(to, in_window, n);
}

size_t ori_sequence_bytes(const struct ori_sequence *s)
{
    return ori_kv_resident_bytes(&s->kv, s->n_touched);
}
