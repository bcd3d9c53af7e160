#include "kernels/scalar/book.h"

#include <math.h>

static int level_of(const struct ori_book_kind *kind, int magnitude)
{
    int level = 0;

    while (kind->magnitude[level] != magnitude)
        level++;
    return level;
}

/* The form of the lowest `n` bytes. */
static int form_of(const struct ori_book_kind *kind, uint64_t magnitudes, int n)
{
    int form = 0;

    for (int i = n - 1; i >= 0; i--)
        form = form * kind->n_levels + level_of(kind, (int)(magnitudes >> (8 * i) & 255));
    return form;
}

void ori_book_init(struct ori_book *book, const struct ori_book_kind *kind)
{
    book->kind = kind;
    book->n_entries = book->n_runs = 0;
}

void ori_book_add(struct ori_book *book, uint64_t magnitudes)
{
    const int half = book->kind->group / 2, k = book->n_entries++;

    book->first[k] = (uint8_t)form_of(book->kind, magnitudes, half);
    book->second[k] = (uint8_t)form_of(book->kind, magnitudes >> (8 * half), half);
    if (k == 0 || book->second[k] != book->second[k - 1])
        book->run[book->n_runs++] = (uint16_t)k;
    book->run[book->n_runs] = (uint16_t)book->n_entries;
}

/* The cost of each form of n elements; returns one that none is below. */
static float price(const struct ori_book_kind *kind, const float *x, const float *w, int n,
                   float scale, float cost[ORI_BOOK_FORMS])
{
    float least = 0;
    int n_forms = 1;

    cost[0] = 0;
    for (int i = 0; i < n; i++) {
        float least_here = INFINITY;
        for (int level = kind->n_levels - 1; level >= 0; level--) {
            const float miss = x[i] - scale * (float)kind->magnitude[level];
            const float more = w[i] * miss * miss;
            least_here = more < least_here ? more : least_here;
            for (int form = 0; form < n_forms; form++)
                cost[level * n_forms + form] = cost[form] + more;
        }
        least += least_here;
        n_forms *= kind->n_levels;
    }
    return least;
}

int ori_book_nearest(const struct ori_book *book, const float *x, const float *w, float scale,
                     int guess)
{
    const int half = book->kind->group / 2;
    float first[ORI_BOOK_FORMS], second[ORI_BOOK_FORMS];
    const float least = price(book->kind, x, w, half, scale, first);
    int best = guess;

    (void)price(book->kind, x + half, w + half, half, scale, second);
    float best_cost = first[book->first[best]] + second[book->second[best]];
    for (int r = 0; r < book->n_runs; r++) {
        const float base = second[book->second[book->run[r]]];
        if (base + least >= best_cost)
            continue;
        for (int k = book->run[r]; k < book->run[r + 1]; k++) {
            const float cost = base + first[book->first[k]];
            if (cost < best_cost) {
                best_cost = cost;
                best = k;
            }
        }
    }
    return best;
}

void ori_book_read(const struct ori_book *book, int entry, int *q)
{
    const int half = book->kind->group / 2, base = book->kind->n_levels;
    int first = book->first[entry], second = book->second[entry];

    for (int i = 0; i < half; i++, first /= base, second /= base) {
        q[i] = book->kind->magnitude[first % base];
        q[half + i] = book->kind->magnitude[second % base];
    }
}
