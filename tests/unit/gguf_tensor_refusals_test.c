/* Every way in which the tensors of a container, and the parts of one that is split, can be
 * wrong: what the reader says of it.  A row describes the file, or names what builds it, and
 * the byte that the reader is to point at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "gguf_refusal.h"

/* ---- one tensor ---- */

enum at { AT_NAME, AT_THIRD_OF_NAME, AT_N_DIMS, AT_TYPE, AT_OFFSET, AT_DIM }; /* AT_DIM + i */

struct tensor {
    int at;
    const char *name;
    uint32_t type;
    uint64_t offset;
    size_t follow; /* bytes of data */
    uint32_t n_dims;
    uint64_t dims[5];
};

static const uint64_t one_row[] = {32};

static uint64_t place(const struct bytes *b, int at)
{
    switch (at) {
    case AT_NAME:
        return b->at_name;
    case AT_THIRD_OF_NAME:
        return b->at_name + 8 + 2; /* behind its length */
    case AT_N_DIMS:
        return b->at_n_dims;
    case AT_TYPE:
        return b->at_type;
    case AT_OFFSET:
        return b->at_offset;
    default:
        return b->at_dims + 8 * (uint64_t)(at - AT_DIM);
    }
}

static void build_tensor(struct bytes *b, const void *of)
{
    const struct tensor *t = of;

    put_head(b, 1, 0);
    put_tensor(b, t->name, t->type, t->n_dims, t->dims, t->offset);
    put_padding(b, 32);
    put_fill(b, 0, t->follow);
    b->mark = place(b, t->at);
}

/* The place, the name, the type, the offset, bytes of data, how many dimensions, and they. */
#define TENSOR(at, name, type, offset, follow, n_dims, ...)                                        \
    .build_of = build_tensor, .of = &(const struct tensor)                                         \
    {                                                                                              \
        at, name, type, offset, follow, n_dims,                                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define DIMS(bad, n_dims, ...) TENSOR(AT_DIM + (bad), "t", 0, 0, 128, n_dims, __VA_ARGS__)
#define BYTES(n_dims, ...) TENSOR(AT_TYPE, "t", 0, 0, 128, n_dims, __VA_ARGS__)
#define TYPE(type) TENSOR(AT_TYPE, "t", type, 0, 1024, 1, 256)

static const struct tensor plain = {AT_NAME, "t", 0, 0, 128, 1, {32}};

static void tensor_name_beyond_file(struct bytes *b)
{
    put_head(b, 1, 0);
    mark(b);
    put_u64(b, 60);
    put_fill(b, 'n', 59);
}

static void tensor_name_nul(struct bytes *b)
{
    static const struct tensor named = {AT_THIRD_OF_NAME, "abXd", 0, 0, 128, 1, {32}};

    build_tensor(b, &named);
    b->data[b->mark] = '\0';
}

static void dims_huge(struct bytes *b)
{
    build_tensor(b, &plain);
    memset(b->data + b->at_n_dims, 0xFF, 4);
    b->mark = b->at_n_dims;
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

static void trailing_33(struct bytes *b)
{
    build_tensor(b, &plain);
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

/* ---- several ---- */

/* A second tensor at that offset behind one of 64 bytes. */
static void build_second(struct bytes *b, const void *of)
{
    put_head(b, 2, 0);
    put_tensor(b, "s", 0, 1, (const uint64_t[]){16}, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){16}, *(const uint64_t *)of);
    b->mark = b->at_offset;
    put_padding(b, 32);
    put_fill(b, 0, 64 + 64);
}

#define SECOND(offset)                                                                             \
    .build_of = build_second, .of = &(const uint64_t)                                              \
    {                                                                                              \
        offset                                                                                     \
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

static void gap_in_other_order(struct bytes *b)
{
    put_head(b, 2, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){16}, 96);
    b->mark = b->at_offset;
    put_tensor(b, "s", 0, 1, (const uint64_t[]){16}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 160);
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

/* ---- split files ---- */

enum {
    AT_NO = 24 + 8 + 8 + 4, /* behind the head, the key and its type */
    AT_COUNT = AT_NO + 2 + 8 + 11 + 4,
    AT_TOTAL = AT_COUNT + 2 + 8 + 19 + 4,
};

struct split {
    uint64_t mark;
    uint32_t no, count, tensors;
};

static void build_split(struct bytes *b, const void *of)
{
    const struct split *s = of;

    put_head(b, 1, 3);
    put_kv_le(b, "split.no", U16, s->no, 2);
    put_kv_le(b, "split.count", U16, s->count, 2);
    put_kv_le(b, "split.tensors.count", I32, s->tensors, 4);
    put_tensor(b, "t", 0, 1, one_row, 0);
    put_padding(b, 32);
    put_fill(b, 0, 128);
    b->mark = s->mark;
}

#define SPLIT(mark, no, count, tensors)                                                            \
    .build_of = build_split, .of = &(const struct split)                                           \
    {                                                                                              \
        mark, no, count, tensors                                                                   \
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

#define NAME_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* clang-format off */
static const struct refusal refusals[] = {
    {"empty tensor name", NULL, FORMAT, "", NULL, TENSOR(AT_NAME, "", 0, 0, 128, 1, 32)},
    {"tensor name of 64 bytes", NULL, FORMAT, "", NULL, TENSOR(AT_NAME, NAME_64, 0, 0, 128, 1, 32)},
    {"tensor name past the end", tensor_name_beyond_file, FORMAT, "", NULL},
    {"tensor name with NUL", tensor_name_nul, FORMAT, "ab", NULL},
    {"tensor name not UTF-8", NULL, FORMAT, "ab?", NULL,
     TENSOR(AT_THIRD_OF_NAME, "ab\xFF", 0, 0, 128, 1, 32)},
    {"no dimensions", NULL, FORMAT, "t", NULL, TENSOR(AT_N_DIMS, "t", 0, 0, 128, 0, 32)},
    {"five dimensions", NULL, FORMAT, "t", NULL,
     TENSOR(AT_N_DIMS, "t", 0, 0, 128, 5, 32, 1, 1, 1, 1)},
    {"2^32-1 dimensions", dims_huge, FORMAT, "t", NULL},
    {"a dimension of zero", NULL, FORMAT, "t", NULL, DIMS(1, 2, 32, 0)},
    {"a row of zero", NULL, FORMAT, "t", NULL, DIMS(0, 1, 0)},
    {"a negative dimension", NULL, FORMAT, "t", NULL, DIMS(1, 2, 32, UINT64_MAX)},
    {"a dimension of 2^63", NULL, FORMAT, "t", NULL, DIMS(0, 1, 1ull << 63)},
    {"dimensions wrap to zero", NULL, FORMAT, "t", NULL, DIMS(1, 2, 1ull << 32, 1ull << 32)},
    {"dimensions wrap at the third", NULL, FORMAT, "t", NULL,
     DIMS(2, 3, 1ull << 28, 1ull << 27, 1ull << 9)},
    {"dimensions make 2^63", NULL, FORMAT, "t", NULL, DIMS(1, 2, 1ull << 32, 1ull << 31)},
    {"bytes wrap to zero", NULL, FORMAT, "t", NULL, BYTES(2, 1ull << 31, 1ull << 31)},
    {"bytes make 2^63", NULL, FORMAT, "t", NULL, BYTES(1, 1ull << 61)},
    {"padding would wrap", NULL, FORMAT, "t", NULL, BYTES(1, (1ull << 62) - 1)},
    {"type Q4_2, removed", NULL, UNSUPPORTED, "t", "removed", TYPE(4)},
    {"type Q8_1, never in files", NULL, UNSUPPORTED, "t", NULL, TYPE(9)},
    {"type IQ1_S, not ours", NULL, UNSUPPORTED, "t", "IQ1_S", TYPE(19)},
    {"type Q4_0_4_4, removed", NULL, UNSUPPORTED, "t", NULL, TYPE(31)},
    {"type 40, unknown", NULL, UNSUPPORTED, "t", NULL, TYPE(40)},
    {"type 2^32-1", NULL, UNSUPPORTED, "t", NULL, TYPE(UINT32_MAX)},
    {"row not of whole blocks of 32", NULL, FORMAT, "t", NULL,
     TENSOR(AT_TYPE, "t", 8, 0, 2048, 2, 33, 32)},
    /* 8 rows of 32 are one block of 256 together, but no row is */
    {"row not of whole blocks of 256", NULL, FORMAT, "t", NULL,
     TENSOR(AT_TYPE, "t", 12, 0, 144, 2, 32, 8)},
    {"offset not aligned", NULL, FORMAT, "t", NULL, TENSOR(AT_OFFSET, "t", 0, 16, 160, 1, 32)},
    {"offset not aligned to the file's own", offset_unaligned_by_key, FORMAT, "t", NULL},
    {"first offset not 0", NULL, FORMAT, "t", NULL, TENSOR(AT_OFFSET, "t", 0, 32, 160, 1, 32)},
    {"offset near 2^64", NULL, FORMAT, "t", NULL,
     TENSOR(AT_OFFSET, "t", 0, UINT64_MAX - 31, 160, 1, 32)},
    {"tensors overlap", NULL, FORMAT, "t", "overlap", SECOND(32)},
    {"tensors at the same place", NULL, FORMAT, "t", NULL, SECOND(0)},
    {"a gap between tensors", NULL, FORMAT, "t", "gap", SECOND(96)},
    {"a gap, described in another order", gap_in_other_order, FORMAT, "t", NULL},
    {"tensor data cut short", NULL, FORMAT, "t", NULL, TENSOR(AT_OFFSET, "t", 0, 0, 127, 1, 32)},
    {"no tensor data", no_data_at_all, FORMAT, "t", NULL},
    {"cut in a tensor's description", cut_in_tensor, FORMAT, "a name longer than the rest", NULL},
    {"cut in a tensor's dimensions", cut_in_dims, FORMAT, "a name longer than the rest", NULL},
    {"duplicate tensor", duplicate_tensor, FORMAT, "t", NULL},
    {"more than one unit after the last tensor", trailing_33, FORMAT, "", NULL},
    {"more than one unit after the metadata", trailing_without_tensors, FORMAT, "", NULL},

    {"one part of a split model", NULL, UNSUPPORTED, "split.count", "part 2 of a model in 3",
     SPLIT(AT_COUNT, 1, 3, 20)},
    {"split number not below the count", NULL, FORMAT, "split.no", NULL, SPLIT(AT_NO, 3, 3, 20)},
    {"split number 1 of 1", NULL, FORMAT, "split.no", NULL, SPLIT(AT_NO, 1, 1, 1)},
    {"split total below this part's", NULL, FORMAT, "split.tensors.count", NULL,
     SPLIT(AT_TOTAL, 0, 2, 0)},
    {"split total negative", NULL, FORMAT, "split.tensors.count", NULL,
     SPLIT(AT_TOTAL, 0, 2, UINT32_MAX)},
    {"split total of a single part", NULL, FORMAT, "split.tensors.count", NULL,
     SPLIT(AT_TOTAL, 0, 1, 2)},
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
