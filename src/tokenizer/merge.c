#include "tokenizer/merge.h"

#include <stdlib.h>

void ori_merger_init(struct merger *merger, const struct ori_vocab *vocab, const char *text,
                     merge_fn merge)
{
    *merger = (struct merger){.vocab = vocab, .text = text, .merge = merge};
}

void ori_merger_release(struct merger *merger)
{
    free(merger->symbols);
    free(merger->heap);
}

orion_status ori_merger_start(struct merger *merger, size_t n)
{
    merger->n_symbols = 0;
    merger->n_heap = 0;
    if (merger->symbols && n <= merger->cap)
        return ORION_OK;
    if (n < 256)
        n = 256;
    free(merger->symbols);
    free(merger->heap);
    merger->cap = 0;
    merger->symbols = ori_alloc_array(n, sizeof(*merger->symbols));
    merger->heap = ori_alloc_array(2 * n, sizeof(*merger->heap));
    if (!merger->symbols || !merger->heap)
        return ORION_E_NOMEM;
    merger->cap = (uint32_t)n;
    return ORION_OK;
}

void ori_merger_add(struct merger *merger, size_t offset, size_t len, int32_t token)
{
    const uint32_t n = merger->n_symbols++;

    merger->symbols[n] = (struct symbol){
        .offset = (uint32_t)offset,
        .len = (uint32_t)len,
        .prev = n == 0 ? ORI_NO_SYMBOL : n - 1,
        .next = ORI_NO_SYMBOL,
        .token = token,
    };
    if (n > 0)
        merger->symbols[n - 1].next = n;
}

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->score > b->score)
        return true;
    return !(a->score < b->score) && a->left < b->left;
}

/* Each joining removes a symbol and offers two candidates at most, and there
 * are fewer than n_symbols to begin with, so 2 * n_symbols is room enough. */
static void heap_push(struct merger *merger, struct candidate added)
{
    struct candidate *heap = merger->heap;
    uint32_t at = merger->n_heap++;

    while (at > 0 && comes_before(&added, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = added;
}

static struct candidate heap_pop(struct merger *merger)
{
    struct candidate *heap = merger->heap;
    const struct candidate top = heap[0];
    const struct candidate last = heap[--merger->n_heap];
    const uint32_t n = merger->n_heap;
    uint32_t at = 0;

    for (uint32_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* Offer to join a symbol with the one after it. */
static void offer(struct merger *merger, uint32_t left)
{
    struct candidate candidate = {.left = left};

    if (left == ORI_NO_SYMBOL || merger->symbols[left].next == ORI_NO_SYMBOL)
        return;
    const struct symbol *symbol = &merger->symbols[left];
    const struct symbol *after = &merger->symbols[symbol->next];
    candidate.token = merger->merge(merger, symbol, after, &candidate.score);
    candidate.len = symbol->len + after->len;
    if (candidate.token != ORI_NO_TOKEN)
        heap_push(merger, candidate);
}

static void join(struct merger *merger, const struct candidate *best)
{
    struct symbol *left = &merger->symbols[best->left];
    if (left->len == 0 || left->next == ORI_NO_SYMBOL)
        return;
    struct symbol *right = &merger->symbols[left->next];
    if (left->len + right->len != best->len)
        return; /* out of date: one of the two has been joined since */

    left->len = best->len;
    left->token = best->token;
    left->next = right->next;
    right->len = 0;
    if (left->next != ORI_NO_SYMBOL)
        merger->symbols[left->next].prev = best->left;
    offer(merger, left->prev);
    offer(merger, best->left);
}

void ori_merger_run(struct merger *merger)
{
    for (uint32_t i = 0; i < merger->n_symbols; i++)
        offer(merger, i);
    while (merger->n_heap > 0) {
        const struct candidate best = heap_pop(merger);
        join(merger, &best);
    }
}
