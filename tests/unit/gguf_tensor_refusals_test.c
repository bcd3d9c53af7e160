/* Every way in which the tensors of a container, and the parts of one that is split, can be
 * wrong: what the reader says of it.  A row builds the file and marks the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "gguf_refusal.h"

/* ---- tensors ---- */

static const uint64_t one_row[] = {32};

/* A file of one tensor with data of `follow` bytes. */
static void one_tensor(struct bytes *b, const char *name, uint32_t type, uint32_t n_dims,
                       const uint64_t *dims, uint64_t offset, size_t follow)
{
    put_head(b, 1, 0);
    put_tensor(b, name, type, n_dims, dims, offset);
    put_padding(b, 32);
    put_fill(b, 0, follow);
}

static void tensor_name_empty(struct bytes *b)
{
    one_tensor(b, "", 0, 1, one_row, 0, 128);
    b->mark = b->at_name;
}

static void tensor_name_64(struct bytes *b)
{
    one_tensor(b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0, 1, one_row,
               0, 128);
    b->mark = b->at_name;
}

static void tensor_name_beyond_file(struct bytes *b)
{
    put_head(b, 1, 0);
    mark(b);
    put_u64(b, 60);
    put_fill(b, 'n', 59);
}

static void tensor_name_nul(struct bytes *b)
{
    one_tensor(b, "abXd", 0, 1, one_row, 0, 128);
    b->mark = b->at_name + 8 + 2;
    b->data[b->mark] = '\0';
}

static void tensor_name_not_utf8(struct bytes *b)
{
    one_tensor(b, "ab\xFF", 0, 1, one_row, 0, 128);
    b->mark = b->at_name + 8 + 2;
}

static void dims_0(struct bytes *b)
{
    one_tensor(b, "t", 0, 0, one_row, 0, 128);
    b->mark = b->at_n_dims;
}

static void dims_5(struct bytes *b)
{
    static const uint64_t dims[] = {32, 1, 1, 1, 1};
    one_tensor(b, "t", 0, 5, dims, 0, 128);
    b->mark = b->at_n_dims;
}

static void dims_huge(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, 0, 128);
    memset(b->data + b->at_n_dims, 0xFF, 4);
    b->mark = b->at_n_dims;
}

/* `bad` is the index of the dimension to point at. */
static void dims(struct bytes *b, uint32_t type, uint32_t n_dims, const uint64_t *values,
                 uint32_t bad)
{
    one_tensor(b, "t", type, n_dims, values, 0, 128);
    b->mark = b->at_dims + 8 * (uint64_t)bad;
}

static void zero_dim(struct bytes *b)
{
    dims(b, 0, 2, (const uint64_t[]){32, 0}, 1);
}

static void zero_row(struct bytes *b)
{
    dims(b, 0, 1, (const uint64_t[]){0}, 0);
}

static void negative_dim(struct bytes *b)
{
    dims(b, 0, 2, (const uint64_t[]){32, UINT64_MAX}, 1);
}

static void dim_above_int64(struct bytes *b)
{
    dims(b, 0, 1, (const uint64_t[]){1ull << 63}, 0);
}

static void product_wraps_to_zero(struct bytes *b)
{
    dims(b, 0, 2, (const uint64_t[]){1ull << 32, 1ull << 32}, 1);
}

static void product_wraps_late(struct bytes *b)
{
    dims(b, 0, 3, (const uint64_t[]){1ull << 28, 1ull << 27, 1ull << 9}, 2);
}

static void product_above_int64(struct bytes *b)
{
    dims(b, 0, 2, (const uint64_t[]){1ull << 32, 1ull << 31}, 1);
}

static void bytes_wrap_to_zero(struct bytes *b)
{
    one_tensor(b, "t", 0, 2, (const uint64_t[]){1ull << 31, 1ull << 31}, 0, 128);
    b->mark = b->at_type;
}

static void bytes_above_int64(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, (const uint64_t[]){1ull << 61}, 0, 128);
    b->mark = b->at_type;
}

static void padding_would_wrap(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, (const uint64_t[]){(1ull << 62) - 1}, 0, 128);
    b->mark = b->at_type;
}

static void tensor_type(struct bytes *b, uint32_t type)
{
    one_tensor(b, "t", type, 1, (const uint64_t[]){256}, 0, 1024);
    b->mark = b->at_type;
}

static void type_q4_2(struct bytes *b)
{
    tensor_type(b, 4);
}

static void type_q8_1(struct bytes *b)
{
    tensor_type(b, 9);
}

static void type_iq1_s(struct bytes *b)
{
    tensor_type(b, 19);
}

static void type_q4_0_4_4(struct bytes *b)
{
    tensor_type(b, 31);
}

static void type_40(struct bytes *b)
{
    tensor_type(b, 40);
}

static void type_max(struct bytes *b)
{
    tensor_type(b, UINT32_MAX);
}

static void row_not_of_blocks_32(struct bytes *b)
{
    one_tensor(b, "t", 8, 2, (const uint64_t[]){33, 32}, 0, 2048);
    b->mark = b->at_type;
}

static void row_not_of_blocks_256(struct bytes *b)
{
    /* 8 rows of 32 are one block of 256 together, but no row is */
    one_tensor(b, "t", 12, 2, (const uint64_t[]){32, 8}, 0, 144);
    b->mark = b->at_type;
}

static void offset_unaligned(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, 16, 160);
    b->mark = b->at_offset;
}

static void offset_unaligned_by_key(struct bytes *b)
{
    put_head(b, 2, 1);
    put_kv_le(b, "general.alignment", U32, 64, 4);
    put_tensor(b, "s", 0, 1, (const uint64_t[]){8}, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){8}, 32);
    b->mark = b->at_offset;
    put_padding(b, 64);
    put_fill(b, 0, 64);
}

static void first_offset_not_0(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, 32, 160);
    b->mark = b->at_offset;
}

static void offset_huge(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, UINT64_MAX - 31, 160);
    b->mark = b->at_offset;
}

static void second_tensor_at(struct bytes *b, uint64_t offset)
{
    put_head(b, 2, 0);
    put_tensor(b, "s", 0, 1, (const uint64_t[]){16}, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){16}, offset);
    b->mark = b->at_offset;
    put_padding(b, 32);
    put_fill(b, 0, 64 + 64);
}

static void overlap(struct bytes *b)
{
    second_tensor_at(b, 32);
}

static void same_offset(struct bytes *b)
{
    second_tensor_at(b, 0);
}

static void gap(struct bytes *b)
{
    second_tensor_at(b, 96);
}

static void gap_in_other_order(struct bytes *b)
{
    put_head(b, 2, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){16}, 96);
    b->mark = b->at_offset;
    put_tensor(b, "s", 0, 1, (const uint64_t[]){16}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 160);
}

static void data_cut_short(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, 0, 127);
    b->mark = b->at_offset;
}

static void no_data_at_all(struct bytes *b)
{
    put_head(b, 1, 0);
    put_tensor(b, "t", 0, 1, one_row, 0);
    b->mark = b->at_offset;
}

static void cut_in_tensor(struct bytes *b)
{
    put_head(b, 1, 0);
    put_tensor(b, "a name longer than the rest", 0, 1, one_row, 0);
    b->mark = b->at_offset;
    b->len -= 3;
}

static void cut_in_dims(struct bytes *b)
{
    put_head(b, 1, 0);
    put_tensor(b, "a name longer than the rest", 0, 1, one_row, 0);
    b->mark = b->at_dims;
    b->len = b->at_dims + 7;
}

static void duplicate_tensor(struct bytes *b)
{
    put_head(b, 3, 0);
    put_tensor(b, "t", 0, 1, one_row, 0);
    put_tensor(b, "s", 0, 1, one_row, 128);
    put_tensor(b, "t", 0, 1, one_row, 256);
    b->mark = b->at_name;
    put_padding(b, 32);
    put_fill(b, 0, 384);
}

static void trailing_33(struct bytes *b)
{
    one_tensor(b, "t", 0, 1, one_row, 0, 128);
    mark(b);
    put_fill(b, 0, 33);
}

static void trailing_without_tensors(struct bytes *b)
{
    put_head(b, 0, 1);
    put_kv_le(b, "k", U8, 1, 1);
    mark(b);
    put_fill(b, 0, 33);
}

/* ---- split files ---- */

static void split(struct bytes *b, uint32_t no, uint32_t count, uint32_t tensors)
{
    put_head(b, 1, 3);
    put_kv_le(b, "split.no", U16, no, 2);
    put_kv_le(b, "split.count", U16, count, 2);
    put_kv_le(b, "split.tensors.count", I32, tensors, 4);
    put_tensor(b, "t", 0, 1, one_row, 0);
    put_padding(b, 32);
    put_fill(b, 0, 128);
}

enum { SPLIT_NO = 24 + 8 + 8 + 4, SPLIT_COUNT = SPLIT_NO + 2 + 8 + 11 + 4 };

enum { SPLIT_TENSORS = SPLIT_COUNT + 2 + 8 + 19 + 4 };

static void split_part_2_of_3(struct bytes *b)
{
    split(b, 1, 3, 20);
    b->mark = SPLIT_COUNT;
}

static void split_no_beyond_count(struct bytes *b)
{
    split(b, 3, 3, 20);
    b->mark = SPLIT_NO;
}

static void split_no_1_of_1(struct bytes *b)
{
    split(b, 1, 1, 1);
    b->mark = SPLIT_NO;
}

static void split_total_below_part(struct bytes *b)
{
    split(b, 0, 2, 0);
    b->mark = SPLIT_TENSORS;
}

static void split_total_negative(struct bytes *b)
{
    split(b, 0, 2, UINT32_MAX);
    b->mark = SPLIT_TENSORS;
}

static void split_total_of_one_part(struct bytes *b)
{
    split(b, 0, 1, 2);
    b->mark = SPLIT_TENSORS;
}

static void split_no_u32(struct bytes *b)
{
    put_head(b, 0, 2);
    put_kv_le(b, "split.count", U16, 2, 2);
    put_key(b, "split.no", U32);
    mark(b);
    put_u32(b, 0);
}

static void split_count_text(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "split.count", STRING);
    mark(b);
    put_text(b, "2");
}

static void split_total_u32(struct bytes *b)
{
    put_head(b, 0, 2);
    put_kv_le(b, "split.count", U16, 2, 2);
    put_key(b, "split.tensors.count", U32);
    mark(b);
    put_u32(b, 0);
}

static void split_without_no(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "split.count", U16);
    mark(b);
    put_le(b, 2, 2);
}

static void split_without_count(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "split.no", U16);
    mark(b);
    put_le(b, 0, 2);
}

/* clang-format off */
static const struct refusal refusals[] = {
    {"empty tensor name", tensor_name_empty, FORMAT, "", NULL},
    {"tensor name of 64 bytes", tensor_name_64, FORMAT, "", NULL},
    {"tensor name past the end", tensor_name_beyond_file, FORMAT, "", NULL},
    {"tensor name with NUL", tensor_name_nul, FORMAT, "ab", NULL},
    {"tensor name not UTF-8", tensor_name_not_utf8, FORMAT, "ab?", NULL},
    {"no dimensions", dims_0, FORMAT, "t", NULL},
    {"five dimensions", dims_5, FORMAT, "t", NULL},
    {"2^32-1 dimensions", dims_huge, FORMAT, "t", NULL},
    {"a dimension of zero", zero_dim, FORMAT, "t", NULL},
    {"a row of zero", zero_row, FORMAT, "t", NULL},
    {"a negative dimension", negative_dim, FORMAT, "t", NULL},
    {"a dimension of 2^63", dim_above_int64, FORMAT, "t", NULL},
    {"dimensions wrap to zero", product_wraps_to_zero, FORMAT, "t", NULL},
    {"dimensions wrap at the third", product_wraps_late, FORMAT, "t", NULL},
    {"dimensions make 2^63", product_above_int64, FORMAT, "t", NULL},
    {"bytes wrap to zero", bytes_wrap_to_zero, FORMAT, "t", NULL},
    {"bytes make 2^63", bytes_above_int64, FORMAT, "t", NULL},
    {"padding would wrap", padding_would_wrap, FORMAT, "t", NULL},
    {"type Q4_2, removed", type_q4_2, UNSUPPORTED, "t", "removed"},
    {"type Q8_1, never in files", type_q8_1, UNSUPPORTED, "t", NULL},
    {"type IQ1_S, not ours", type_iq1_s, UNSUPPORTED, "t", "IQ1_S"},
    {"type Q4_0_4_4, removed", type_q4_0_4_4, UNSUPPORTED, "t", NULL},
    {"type 40, unknown", type_40, UNSUPPORTED, "t", NULL},
    {"type 2^32-1", type_max, UNSUPPORTED, "t", NULL},
    {"row not of whole blocks of 32", row_not_of_blocks_32, FORMAT, "t", NULL},
    {"row not of whole blocks of 256", row_not_of_blocks_256, FORMAT, "t", NULL},
    {"offset not aligned", offset_unaligned, FORMAT, "t", NULL},
    {"offset not aligned to the file's own", offset_unaligned_by_key, FORMAT, "t", NULL},
    {"first offset not 0", first_offset_not_0, FORMAT, "t", NULL},
    {"offset near 2^64", offset_huge, FORMAT, "t", NULL},
    {"tensors overlap", overlap, FORMAT, "t", "overlap"},
    {"tensors at the same place", same_offset, FORMAT, "t", NULL},
    {"a gap between tensors", gap, FORMAT, "t", "gap"},
    {"a gap, described in another order", gap_in_other_order, FORMAT, "t", NULL},
    {"tensor data cut short", data_cut_short, FORMAT, "t", NULL},
    {"no tensor data", no_data_at_all, FORMAT, "t", NULL},
    {"cut in a tensor's description", cut_in_tensor, FORMAT, "a name longer than the rest", NULL},
    {"cut in a tensor's dimensions", cut_in_dims, FORMAT, "a name longer than the rest", NULL},
    {"duplicate tensor", duplicate_tensor, FORMAT, "t", NULL},
    {"more than one unit after the last tensor", trailing_33, FORMAT, "", NULL},
    {"more than one unit after the metadata", trailing_without_tensors, FORMAT, "", NULL},

    {"one part of a split model", split_part_2_of_3, UNSUPPORTED, "split.count",
     "part 2 of a model in 3"},
    {"split number not below the count", split_no_beyond_count, FORMAT, "split.no", NULL},
    {"split number 1 of 1", split_no_1_of_1, FORMAT, "split.no", NULL},
    {"split total below this part's", split_total_below_part, FORMAT, "split.tensors.count", NULL},
    {"split total negative", split_total_negative, FORMAT, "split.tensors.count", NULL},
    {"split total of a single part", split_total_of_one_part, FORMAT, "split.tensors.count", NULL},
    {"split number as u32", split_no_u32, FORMAT, "split.no", NULL},
    {"split count as text", split_count_text, FORMAT, "split.count", NULL},
    {"split total as u32", split_total_u32, FORMAT, "split.tensors.count", NULL},
    {"split count without a number", split_without_no, FORMAT, "split.count", NULL},
    {"split number without a count", split_without_count, FORMAT, "split.no", NULL},
};
/* clang-format on */

int main(void)
{
    return run_refusals("gguf: refusals of tensors", refusals, ORI_COUNT(refusals));
}
