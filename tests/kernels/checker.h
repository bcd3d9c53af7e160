/* The kernel checker: every kernel of every tier against the scalar one, bit
 * for bit, through the dispatch table. */
#ifndef ORI_TESTS_CHECKER_H
#define ORI_TESTS_CHECKER_H

#include "kernels/kernels.h"

/* ---- inputs (inputs.c): from integers only, the same on every machine ---- */

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *rng);
size_t rng_below(struct rng *rng, size_t n);

/* What a row of floats looks like. */
enum pattern {
    PATTERN_NORMAL,  /* bell-shaped, about 1 */
    PATTERN_MIXED,   /* sizes from 2^-20 to 2^20 */
    PATTERN_EXTREME, /* all of one size, so that every quant is +-127 */
    PATTERN_ZERO,    /* zeros of both signs */
    PATTERN_SPARSE,  /* mostly zero */
    PATTERN_TINY,    /* subnormal and barely normal */
    PATTERN_HUGE,    /* about to overflow */
    PATTERN_BITS,    /* any bits: infinities and NaN too */
    PATTERN_COUNT,
};
void fill_floats(struct rng *rng, enum pattern pattern, float *x, size_t n);

/* A type as the file stores it. */
struct stored_type {
    enum ori_type type;
    const char *name;
    size_t block_elems, block_bytes;
    int f16_at[2]; /* where its f16 fields stand; -1 for none */
};
#define N_STORED_TYPES 21
extern const struct stored_type stored_types[N_STORED_TYPES];

/* n_blocks blocks (for float types: elements): `variant` picks random bytes,
 * or all bytes the same, with sane, huge or arbitrary scales. */
#define N_WEIGHT_VARIANTS 11
void fill_weights(struct rng *rng, const struct stored_type *type, size_t variant, uint8_t *out,
                  size_t n_blocks);

/* Memory whose end, to the byte, is followed by a page that may not be touched. */
uint8_t *guarded_new(size_t bytes);
void guarded_free(uint8_t *p, size_t bytes);

/* ---- results (checker.c) ---- */

bool same_bytes(const void *a, const void *b, size_t n);

/* Bit for bit; NaN equals NaN, whose sign and payload are not specified. */
bool same_floats(const float *a, const float *b, size_t n);

/* One TAP line. */
void report(bool good, const char *tier, const char *what, const char *detail);

/* ---- the checks, and the rest of the program ---- */

void check_matmuls(const struct ori_kernels *scalar, const struct ori_kernels *tier);
void check_rows(const struct ori_kernels *scalar, const struct ori_kernels *tier);
void check_attention(const struct ori_kernels *scalar, const struct ori_kernels *tier);

/* FNV-1a over the scalar tier's results, to compare compilers and machines. */
uint64_t digest(const struct ori_kernels *scalar);

/* ---- speed (peaks.c, bench.c) ---- */

/* Processor time of this process, so that other programs disturb less. */
double processor_seconds(void);

/* One core's limits, in billions a second; 0 where this program has no loop
 * for the tier. */
struct peaks {
    double int8_gops;  /* 8-bit multiplications and additions, by the tier's own instruction */
    double float_gops; /* float ones, by fused multiply-adds */
    double read_gb;    /* bytes read from memory */
};
void measure_peaks(const char *tier, const uint8_t *memory, size_t bytes, struct peaks *peaks);

void bench(const struct ori_kernels *kernels, const char *filter);

#endif
