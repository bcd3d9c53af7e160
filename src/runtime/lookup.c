#include "runtime/lookup.h"

#include <stdlib.h>

#define MAX_MATCH 32u  /* longer ones are counted as this long */
#define MAX_CHAIN 32u  /* earlier occurrences looked at */
#define MAX_SKIP 24u   /* tokens of a followed text that an answer may leave out or replace */
#define ONE (1u << 16) /* probability 1 */

/* What a batch of 1, 2, ... tokens takes, in hundredths of a step of one token:
 * measured with `orion bench --only pp48 --chunk N` on Phi-3-mini's shapes in Q4_K_M, two
 * threads of Zen 4 with AVX-512, and a little more than that: how fast memory is changes
 * there, and where it is faster, columns cost more of a step (four tokens took 125 to 137
 * with memory at 35 GB/s, 175 at another time).  Four columns share one unpacking of the
 * weights, and from nine on panels serve them. */
static const int32_t batch_cost[1 + ORI_MAX_DRAFT] = {100, 108, 123, 142, 195, 212, 230, 252,
                                                      318, 333, 350, 372, 395, 415, 435, 455};

/* Wrong guesses are paid for, in hundredths of a step: each right one brings the
 * step that it saves, or its share of one that others take part in, and each token
 * of the answer a little.  So an answer that
 * guessing does not suit takes at most half a step and 1 % longer. */
#define STEP 100
#define CREDIT_AT_START (STEP / 2)
#define CREDIT_PER_TOKEN 1
#define CREDIT_MOST (64 * STEP)

/* Rates begin as if so many matches had been seen, and old ones fade. */
#define SEEN_AT_START 8u
#define SEEN_MOST 64u

orion_status ori_lookup_init(struct ori_lookup *l, uint32_t max_tokens, uint32_t max_draft,
                             orion_error *err)
{
    static const uint32_t right_at_start[ORI_MATCH_CLASSES] = {1, 2, 3, 5, 6, 7, 8};
    uint32_t n_buckets = 256;

    while (n_buckets < max_tokens)
        n_buckets *= 2; /* max_tokens is a context, at most 2^26 */
    *l = (struct ori_lookup){
        .newest = ori_calloc_array(n_buckets, sizeof(*l->newest)),
        .older = ori_calloc_array((size_t)max_tokens + 1, sizeof(*l->older)),
        .alone = ori_calloc_array(n_buckets, sizeof(*l->alone)),
        .mask = n_buckets - 1,
        .credit = CREDIT_AT_START,
        .max_draft = max_draft,
    };
    if (!l->newest || !l->older || !l->alone) {
        ori_lookup_release(l);
        return ori_fail_nomem(err, "looking for repetitions");
    }
    for (size_t i = 0; i < ORI_MATCH_CLASSES; i++)
        l->rates[i] = (struct ori_hit_rate){right_at_start[i], SEEN_AT_START};
    return ORION_OK;
}

void ori_lookup_release(struct ori_lookup *l)
{
    free(l->newest);
    free(l->older);
    free(l->alone);
    *l = (struct ori_lookup){0};
}

/* Lengths 1, 2, 3, 4, 5-7, 8-15, 16 and more behave alike. */
static uint32_t class_of(uint32_t length)
{
    static const uint32_t first[] = {2, 3, 4, 5, 8, 16};
    uint32_t class = 0;

    while (class < ORI_COUNT(first) && length >= first[class])
        class ++;
    return class;
}

static uint32_t hash_pair(const struct ori_lookup *l, const int32_t *pair)
{
    const uint64_t both = (uint64_t)(uint32_t)pair[0] << 32 | (uint32_t)pair[1];
    return (uint32_t)(both * 0x9E3779B97F4A7C15u >> 38) & l->mask; /* 26 bits of the product */
}

/* How many tokens before a and before b agree; a < b. */
static uint32_t agreement(const int32_t *tokens, uint32_t a, uint32_t b)
{
    uint32_t n = 0;

    while (n < MAX_MATCH && n < a && tokens[a - 1 - n] == tokens[b - 1 - n])
        n++;
    return n;
}

/* Where the newest token stands by itself, and what follows it: soon after the place
 * that the answer left the text it followed, whose next words it has only replaced or
 * left out; else where it last stood, after `alone`, if it is the same one.  Or 0. */
static uint32_t find_alone(const struct ori_lookup *l, const int32_t *tokens, uint32_t alone)
{
    const int32_t newest = tokens[l->n_added - 1];

    if (l->followed != 0)
        for (uint32_t at = l->followed; at < l->followed + MAX_SKIP && at < l->n_added; at++)
            if (tokens[at - 1] == newest)
                return at;
    return alone != 0 && tokens[alone - 1] == newest ? alone : 0;
}

/* The longest match in the chain from `pair` on, the newest of equal ones; without any,
 * the newest token alone. */
static void find_match(struct ori_lookup *l, const int32_t *tokens, uint32_t pair, uint32_t alone)
{
    l->source = find_alone(l, tokens, alone);
    l->length = 1;
    for (uint32_t i = 0, at = pair; at != 0 && i < MAX_CHAIN && l->length < MAX_MATCH; i++) {
        const uint32_t n = agreement(tokens, at, l->n_added);
        if (n > l->length) {
            l->length = n;
            l->source = at;
        }
        at = l->older[at];
    }
}

static void learn_rate(struct ori_lookup *l, bool right)
{
    struct ori_hit_rate *rate = &l->rates[class_of(l->length)];

    rate->seen++;
    rate->right += right;
    if (rate->seen > SEEN_MOST) {
        rate->seen /= 2;
        rate->right /= 2;
    }
}

static void earn(struct ori_lookup *l, int32_t credit)
{
    l->credit += credit;
    if (l->credit > CREDIT_MOST)
        l->credit = CREDIT_MOST;
}

void ori_lookup_add(struct ori_lookup *l, const int32_t *tokens, uint32_t n, bool learn)
{
    while (l->n_added < n) {
        if (learn) {
            if (l->source != 0) {
                learn_rate(l, tokens[l->source] == tokens[l->n_added]);
                l->followed = l->source + 1;
            }
            earn(l, CREDIT_PER_TOKEN);
        }
        uint32_t *alone = &l->alone[(uint32_t)tokens[l->n_added] & l->mask];
        uint32_t *pair = NULL; /* the first token is none's second */
        l->n_added++;
        l->source = 0;
        if (l->n_added >= 2)
            pair = &l->newest[hash_pair(l, tokens + l->n_added - 2)];
        if (learn || l->n_added == n) /* nobody asks amid a prompt */
            find_match(l, tokens, pair ? *pair : 0, *alone);
        if (pair) {
            l->older[l->n_added] = *pair;
            *pair = l->n_added;
        }
        *alone = l->n_added;
    }
}

/* How many guesses bring most tokens for their cost, with `beside` tokens of
 * others in the batch, of those that the credit pays for. */
static uint32_t draft_length(const struct ori_lookup *l, uint32_t beside, uint32_t most)
{
    const int32_t *cost = batch_cost + beside;
    uint64_t chance = ONE;                          /* that all guesses so far are right */
    uint64_t tokens = (1 + beside) * (uint64_t)ONE; /* to be expected of the batch */
    uint64_t best_tokens = tokens;
    uint32_t best = 0;

    for (uint32_t n = 1; n <= most; n++) {
        const struct ori_hit_rate *rate = &l->rates[class_of(l->length + n - 1)];
        chance = chance * rate->right / rate->seen;
        tokens += chance;
        if (cost[n] - cost[0] <= l->credit &&
            tokens * (uint64_t)cost[best] > best_tokens * (uint64_t)cost[n]) {
            best = n;
            best_tokens = tokens;
        }
    }
    return best;
}

uint32_t ori_lookup_draft(struct ori_lookup *l, const int32_t *tokens, uint32_t beside,
                          uint32_t most, int32_t *draft)
{
    if (l->source == 0 || beside >= ORI_MAX_DRAFT)
        return 0;
    if (most > l->max_draft)
        most = l->max_draft;
    if (most > ORI_MAX_DRAFT - beside) /* what larger batches cost is not known */
        most = ORI_MAX_DRAFT - beside;
    const uint32_t n = draft_length(l, beside, most);
    /* A text that repeats itself goes on into what has just been guessed. */
    for (uint32_t i = 0; i < n; i++)
        draft[i] =
            l->source + i < l->n_added ? tokens[l->source + i] : draft[l->source + i - l->n_added];
    l->credit -= batch_cost[beside + n] - batch_cost[beside];
    l->saved = batch_cost[beside] / (int32_t)(1 + beside);
    return n;
}

void ori_lookup_hit(struct ori_lookup *l)
{
    earn(l, l->saved);
}
