/* An importance matrix: how much each column of each matrix matters.
 *
 * llama.cpp measures it: for each input of a matrix, the sum of its squares over
 * some text.  It writes two forms, both read here: GGUF (tensors NAME.in_sum2 and
 * NAME.counts), and an older binary one:
 *
 *   i32 n_entries; n_entries times i32 name length, name, i32 calls, i32 n, f32 [n];
 *   then what is of no use here.
 *
 * A file may be anything: it is refused with the byte at fault. */
#ifndef ORI_QUANTIZE_IMATRIX_H
#define ORI_QUANTIZE_IMATRIX_H

#include "gguf/gguf.h"

struct ori_imatrix;

orion_status ori_imatrix_open(const char *path, struct ori_imatrix **out, orion_error *err);
/* From memory that must outlive it; `name` is used in messages only. */
orion_status ori_imatrix_parse(const void *data, size_t size, const char *name,
                               struct ori_imatrix **out, orion_error *err);
void ori_imatrix_close(struct ori_imatrix *imatrix); /* NULL is a no-op */

size_t ori_imatrix_count(const struct ori_imatrix *imatrix); /* matrices measured */
bool ori_imatrix_has(const struct ori_imatrix *imatrix, const char *tensor);

/* Importance of the columns of each of n_experts matrices, [n_experts][n_cols], each
 * matrix with a mean of 1; an expert that was never asked has 1 everywhere.
 *
 * ORION_E_NOT_FOUND when it was not measured, ORION_E_FORMAT when it was with another
 * shape. */
orion_status ori_imatrix_get(const struct ori_imatrix *imatrix, const char *tensor, uint64_t n_cols,
                             uint64_t n_experts, float *out, orion_error *err);

#endif
