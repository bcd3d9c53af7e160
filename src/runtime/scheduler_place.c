#include "runtime/scheduler_internal.h"
#include "runtime/snapshot.h"

/* Would the sequence lose more by going on with a prompt, of which it has the first
 * n tokens, than is lost by copying what it has in whole blocks to another? */
static bool is_continued(const struct ori_sequence *sequence, const int32_t *tokens, uint32_t n)
{
    const uint32_t lost = sequence->n_tokens - n;
    return lost < ORI_PREFIX_BLOCK + n - ori_sequence_to_share(sequence, tokens, n);
}

/* A sequence goes on with a prompt that continues it.  One that merely begins alike
 * (the same system prompt) is copied from instead, so that both are kept; then
 * the sequence that has been free for longest gives way. */
struct ori_slot *ori_place_choose(struct ori_scheduler *s, const struct ori_request *request)
{
    const int32_t *tokens = request->prompt.ids;
    const uint32_t limit = (uint32_t)request->prompt.count - 1;
    struct ori_slot *oldest = NULL;
    struct ori_slot *nearest = NULL;
    uint32_t common = 0;

    for (struct ori_slot *slot = s->slots; slot < s->slots + s->n_slots; slot++) {
        if (slot->request)
            continue;
        if (!oldest || slot->freed_ms < oldest->freed_ms)
            oldest = slot;
        const uint32_t n = ori_sequence_common(&slot->sequence, tokens, limit);
        if (n > common && is_continued(&slot->sequence, tokens, n)) {
            nearest = slot;
            common = n;
        }
    }
    return nearest ? nearest : oldest;
}

/* Take from the sequence that has most of the slot's prompt, if any has more. */
static void take_computed(struct ori_scheduler *s, struct ori_slot *slot)
{
    const int32_t *tokens = slot->sequence.tokens;
    const struct ori_slot *best = NULL;
    uint32_t most = slot->sequence.n_tokens;

    for (const struct ori_slot *other = s->slots; other < s->slots + s->n_slots; other++) {
        if (other == slot)
            continue;
        const uint32_t n = ori_sequence_to_share(&other->sequence, tokens, slot->n_prompt - 1);
        if (n > most) {
            best = other;
            most = n;
        }
    }
    if (best)
        ori_sequence_share(&slot->sequence, &best->sequence, most);
}

/* How many tokens the prompts of two slots have in common, in whole blocks. */
static uint32_t common_prompt(const struct ori_slot *a, const struct ori_slot *b)
{
    const uint32_t limit = a->n_prompt < b->n_prompt ? a->n_prompt : b->n_prompt;
    uint32_t n = 0;

    while (n < limit - 1 && a->sequence.tokens[n] == b->sequence.tokens[n])
        n++;
    return n / ORI_PREFIX_BLOCK * ORI_PREFIX_BLOCK;
}

/* Wait for an earlier request that will have computed more of the prompt.  Only for
 * earlier ones: so nobody waits in a circle. */
static void find_leader(struct ori_scheduler *s, struct ori_slot *slot)
{
    slot->leader = NULL;
    slot->shared = slot->sequence.n_tokens;
    for (const struct ori_slot *other = s->slots; other < s->slots + s->n_slots; other++) {
        if (!other->request || other->answering || other->request->id >= slot->request->id)
            continue;
        const uint32_t n = common_prompt(slot, other);
        if (n > slot->shared) {
            slot->leader = other;
            slot->leader_id = other->request->id;
            slot->shared = n;
        }
    }
}

void ori_place_begin(struct ori_scheduler *s, struct ori_slot *slot)
{
    const struct ori_tokens *prompt = &slot->request->prompt;

    slot->n_prompt = (uint32_t)prompt->count;
    slot->answering = false;
    /* The last token's logits are not kept: it is computed in any case. */
    ori_sequence_turn_to(&slot->sequence, prompt->ids, slot->n_prompt, slot->n_prompt - 1);
    take_computed(s, slot);
    if (s->engine.prefixes) /* what goes wrong there is no error of the prompt */
        (void)ori_snapshot_restore(&s->engine, &slot->sequence, slot->n_prompt - 1, NULL);
    slot->request->stats.cached_tokens = slot->sequence.n_tokens;
    find_leader(s, slot);
}

bool ori_place_waits(struct ori_scheduler *s, struct ori_slot *slot)
{
    const struct ori_slot *leader = slot->leader;

    if (!leader)
        return false;
    if (leader->request && leader->request->id == slot->leader_id &&
        leader->sequence.n_tokens < slot->shared)
        return true;
    const uint32_t before = slot->sequence.n_tokens;
    take_computed(s, slot);
    slot->request->stats.cached_tokens += slot->sequence.n_tokens - before;
    find_leader(s, slot); /* it may have been stopped on the way */
    return slot->leader != NULL;
}

uint32_t ori_place_limit(const struct ori_scheduler *s, const struct ori_slot *slot, uint32_t n)
{
    const uint32_t done = slot->sequence.n_tokens;

    for (const struct ori_slot *other = s->slots; other < s->slots + s->n_slots; other++)
        if (other->request && other->leader == slot && other->leader_id == slot->request->id &&
            other->shared > done && other->shared - done < n)
            n = other->shared - done;
    return n;
}
