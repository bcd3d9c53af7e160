/* A codebook laid out for encoders: which entry is nearest to some elements?
 *
 * An entry stands for the magnitudes of a group of elements.  The nearest is that for
 * which sum(w (x - scale magnitude)^2) is smallest, which splits into the two halves of
 * the group; a half has but few forms.  So the costs of all forms are worked out once,
 * and then an entry costs one addition.  Entries stand in the order of their second
 * halves, so those whose second half alone costs too much are passed over together.
 * What is found is the best entry, not a good one. */
#ifndef ORI_KERNELS_BOOK_H
#define ORI_KERNELS_BOOK_H

#include <stdint.h>

#define ORI_BOOK_ENTRIES 1024 /* of the largest */
#define ORI_BOOK_FORMS 81     /* of half a group: 3^4, or 8^2 */

/* What codebooks have in common. */
struct ori_book_kind {
    int group;            /* elements of an entry */
    int n_levels;         /* magnitudes that an element may have, */
    uint8_t magnitude[8]; /* in ascending order */
};

/* The form of a half is the number whose digits, to the base n_levels, are the levels of
 * its elements, the first being the lowest. */
struct ori_book {
    const struct ori_book_kind *kind;
    int n_entries, n_runs;
    uint8_t first[ORI_BOOK_ENTRIES], second[ORI_BOOK_ENTRIES]; /* forms of the halves */
    uint16_t run[ORI_BOOK_FORMS + 1]; /* where entries with another second half begin */
};

/* An empty one; then all entries in their order: magnitudes are bytes, the first element's
 * lowest (codebook.h). */
void ori_book_init(struct ori_book *book, const struct ori_book_kind *kind);
void ori_book_add(struct ori_book *book, uint64_t magnitudes);

/* The entry nearest to x[group].  `guess` is any entry: the better it is, the sooner the
 * answer is found, and of equals it is the answer. */
int ori_book_nearest(const struct ori_book *book, const float *x, const float *w, float scale,
                     int guess);

/* The magnitudes of an entry. */
void ori_book_read(const struct ori_book *book, int entry, int *q);

#endif
