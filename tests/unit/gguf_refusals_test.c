/* Every way in which a container can be wrong: what the reader says of it.
 *
 * A row builds the file and marks the byte at which it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "gguf/gguf.h"
#include "gguf_bytes.h"

#define FORMAT ORION_E_FORMAT
#define UNSUPPORTED ORION_E_UNSUPPORTED

/* ---- header ---- */

static void empty_file(struct bytes *b)
{
    mark(b);
}

static void three_bytes(struct bytes *b)
{
    put(b, "GGU", 3);
}

static void wrong_magic(struct bytes *b)
{
    put_head(b, 0, 0);
    b->data[0] = 'g';
}

static void magic_wrong_at_its_end(struct bytes *b)
{
    put_head(b, 0, 0);
    b->data[3] = 'X';
}

static void zip_file(struct bytes *b)
{
    put(b, "PK\3\4", 4);
    put_fill(b, 0, 60);
}

static void big_endian(struct bytes *b)
{
    put(b, "GGUF\0\0\0\3", 8);
    put_fill(b, 0, 16);
    b->mark = 4;
}

static void version(struct bytes *b, uint32_t number)
{
    put(b, "GGUF", 4);
    mark(b);
    put_u32(b, number);
    put_fill(b, 0, 16);
}

static void version_0(struct bytes *b)
{
    version(b, 0);
}

static void version_1(struct bytes *b)
{
    version(b, 1);
}

static void version_4(struct bytes *b)
{
    version(b, 4);
}

static void cut_in_version(struct bytes *b)
{
    put(b, "GGUF\3\0", 6);
    b->mark = 4;
}

static void cut_in_counts(struct bytes *b)
{
    put_head(b, 0, 0);
    b->len = 20;
    b->mark = 16;
}

static void too_many_tensors(struct bytes *b)
{
    put_head(b, 65537, 0);
    put_fill(b, 0, 65537 * 33);
    b->mark = 8;
}

static void tensors_beyond_file(struct bytes *b)
{
    put_head(b, 3, 0);
    put_fill(b, 0, 3 * 33 - 1);
    b->mark = 8;
}

static void tensors_huge(struct bytes *b)
{
    put_head(b, UINT64_MAX, 0);
    b->mark = 8;
}

static void too_many_keys(struct bytes *b)
{
    put_head(b, 0, 65537);
    put_fill(b, 0, 65537 * 14);
    b->mark = 16;
}

static void keys_beyond_file(struct bytes *b)
{
    put_head(b, 0, 2);
    put_fill(b, 0, 2 * 14 - 1);
    b->mark = 16;
}

static void keys_huge(struct bytes *b)
{
    put_head(b, 0, UINT64_MAX);
    b->mark = 16;
}

/* ---- keys ---- */

/* Room so that a count of keys passes. */
static void put_room(struct bytes *b)
{
    put_fill(b, 0, 64);
}

static void empty_key(struct bytes *b)
{
    put_head(b, 0, 1);
    mark(b);
    put_kv_le(b, "", U32, 1, 4);
    put_room(b);
}

static void longest_key_and_one(struct bytes *b)
{
    put_head(b, 0, 1);
    mark(b);
    put_long_text(b, 'k', 65536);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void key_beyond_file(struct bytes *b)
{
    put_head(b, 0, 1);
    mark(b);
    put_u64(b, 100);
    put_fill(b, 'k', 99);
}

static void key_length_wraps(struct bytes *b)
{
    put_head(b, 0, 1);
    mark(b);
    put_u64(b, UINT64_MAX - 7);
    put_room(b);
}

static void key_with_nul(struct bytes *b)
{
    put_head(b, 0, 1);
    put_u64(b, 5);
    put(b, "ab", 2);
    mark(b);
    put(b, "\0de", 3);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void key_not_utf8(struct bytes *b)
{
    put_head(b, 0, 1);
    put_u64(b, 5);
    put(b, "abc", 3);
    mark(b);
    put(b, "\xC3\x28", 2);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void key_cut_utf8(struct bytes *b)
{
    put_head(b, 0, 1);
    put_u64(b, 3);
    put(b, "a", 1);
    mark(b);
    put(b, "\xE2\x82", 2);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void keys_too_long_together(struct bytes *b)
{
    put_head(b, 0, 33);
    for (char c = 'A'; c < 'A' + 33; c++) {
        mark(b); /* the 33rd exceeds 2 MiB */
        put_long_text(b, c, 65535);
        put_u32(b, U8);
        put_u8(b, 1);
    }
}

static void duplicate_key(struct bytes *b)
{
    put_head(b, 0, 4);
    put_kv_le(b, "one", U8, 1, 1);
    put_kv_le(b, "two", U8, 1, 1);
    put_kv_le(b, "three", U8, 1, 1);
    mark(b);
    put_kv_text(b, "two", "another type does not help");
}

static void duplicate_array_key(struct bytes *b)
{
    put_head(b, 0, 2);
    put_kv_le(b, "two", U8, 1, 1);
    mark(b);
    put_array(b, "two", U8, 3);
    put_fill(b, 0, 3);
}

/* ---- values ---- */

static void unknown_type(struct bytes *b)
{
    put_head(b, 0, 1);
    put_text(b, "k");
    mark(b);
    put_u32(b, 13);
    put_room(b);
}

static void huge_type(struct bytes *b)
{
    put_head(b, 0, 1);
    put_text(b, "k");
    mark(b);
    put_u32(b, UINT32_MAX);
    put_room(b);
}

static void unknown_element_type(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", ARRAY);
    mark(b);
    put_u32(b, 13);
    put_u64(b, 0);
}

static void cut_in_type(struct bytes *b)
{
    put_head(b, 0, 1);
    put_text(b, "key");
    mark(b);
    put(b, "\4\0\0", 3);
}

static void cut_in_value(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", U64);
    mark(b);
    put_fill(b, 0, 7);
}

static void nested_array(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", ARRAY);
    mark(b);
    put_u32(b, ARRAY);
    put_u64(b, 1);
    put_u32(b, U8);
    put_u64(b, 1);
    put_u8(b, 1);
}

static void array_count(struct bytes *b, uint32_t element, uint64_t count, size_t follow)
{
    put_head(b, 0, 1);
    put_key(b, "k", ARRAY);
    put_u32(b, element);
    mark(b);
    put_u64(b, count);
    put_fill(b, 0, follow);
}

static void array_beyond_file(struct bytes *b)
{
    array_count(b, U32, 4, 15);
}

static void string_array_beyond_file(struct bytes *b)
{
    array_count(b, STRING, 4, 31);
}

static void array_too_long(struct bytes *b)
{
    array_count(b, U8, (4u << 20) + 1, (4u << 20) + 1);
}

static void array_bytes_wrap(struct bytes *b)
{
    array_count(b, U64, 1ull << 61, 64);
}

static void array_count_max(struct bytes *b)
{
    array_count(b, U8, UINT64_MAX, 64);
}

static void cut_in_array_count(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", ARRAY);
    put_u32(b, U8);
    mark(b);
    put_fill(b, 0, 7);
}

static void string_beyond_file(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", STRING);
    mark(b);
    put_u64(b, 33);
    put_fill(b, 'x', 32);
}

static void string_length_wraps(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", STRING);
    mark(b);
    put_u64(b, UINT64_MAX);
    put_fill(b, 'x', 32);
}

static void string_too_long(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", STRING);
    mark(b);
    put_long_text(b, 'x', (1u << 20) + 1);
}

static void template_too_long(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "tokenizer.chat_template.tool", STRING);
    mark(b);
    put_long_text(b, 'x', (16u << 20) + 1);
}

static void string_element_beyond_file(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "k", STRING, 2);
    put_text(b, "0123456789");
    mark(b);
    put_u64(b, 4);
    put(b, "abc", 3);
}

static void string_element_too_long(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "k", STRING, 2);
    put_text(b, "fine");
    mark(b);
    put_long_text(b, 'x', (1u << 20) + 1);
}

static void bool_2(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", BOOL);
    mark(b);
    put_u8(b, 2);
}

static void bool_255_in_array(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "k", BOOL, 4);
    put(b, "\0\1", 2);
    mark(b);
    put(b, "\xFF\0", 2);
}

static void header_too_large(struct bytes *b)
{
    put_head(b, 0, 2);
    put_array(b, "a", U64, 4u << 20);
    put_fill(b, 0, 32u << 20);
    put_array(b, "b", U64, 4u << 20);
    mark(b); /* two arrays of 32 MiB and what is before them exceed 64 MiB */
    put_fill(b, 0, 32u << 20);
}

static void header_too_large_in_strings(struct bytes *b)
{
    put_head(b, 0, 3);
    put_array(b, "a", U64, 4u << 20);
    put_fill(b, 0, 32u << 20);
    put_array(b, "b", U64, (4u << 20) - 16);
    put_fill(b, 0, (32u << 20) - 128);
    put_array(b, "c", STRING, 20);
    while (b->len + 8 <= 64u << 20)
        put_u64(b, 0);
    mark(b); /* the length of this one straddles the limit */
    put_fill(b, 0, 160);
}

/* ---- alignment ---- */

static void alignment(struct bytes *b, uint64_t value)
{
    put_head(b, 0, 1);
    put_key(b, "general.alignment", U32);
    mark(b);
    put_u32(b, value);
}

static void alignment_0(struct bytes *b)
{
    alignment(b, 0);
}

static void alignment_4(struct bytes *b)
{
    alignment(b, 4);
}

static void alignment_48(struct bytes *b)
{
    alignment(b, 48);
}

static void alignment_128k(struct bytes *b)
{
    alignment(b, 131072);
}

static void alignment_2_31(struct bytes *b)
{
    alignment(b, 1u << 31);
}

static void alignment_u64(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "general.alignment", U64);
    mark(b);
    put_u64(b, 32);
}

static void alignment_text(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "general.alignment", STRING);
    mark(b);
    put_text(b, "32");
}

static void alignment_array(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "general.alignment", U32, 1);
    mark(b);
    put_u32(b, 32);
}

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
static const struct refusal {
    const char *label;
    void (*build)(struct bytes *b);
    orion_status status;
    const char *name; /* NULL: too long to write here */
    const char *says; /* part of the sentence, where the case is told apart only there */
} refusals[] = {
    {"an empty file", empty_file, FORMAT, "", NULL},
    {"three bytes", three_bytes, FORMAT, "", NULL},
    {"wrong magic", wrong_magic, FORMAT, "", NULL},
    {"magic wrong at its end", magic_wrong_at_its_end, FORMAT, "", NULL},
    {"another kind of file", zip_file, FORMAT, "", NULL},
    {"big-endian", big_endian, UNSUPPORTED, "", "big-endian"},
    {"version 0", version_0, UNSUPPORTED, "", NULL},
    {"version 1", version_1, UNSUPPORTED, "", NULL},
    {"version 4", version_4, UNSUPPORTED, "", NULL},
    {"cut in the version", cut_in_version, FORMAT, "", NULL},
    {"cut in the counts", cut_in_counts, FORMAT, "", NULL},
    {"more tensors than the cap", too_many_tensors, FORMAT, "", NULL},
    {"more tensors than bytes", tensors_beyond_file, FORMAT, "", NULL},
    {"2^64-1 tensors", tensors_huge, FORMAT, "", NULL},
    {"more keys than the cap", too_many_keys, FORMAT, "", NULL},
    {"more keys than bytes", keys_beyond_file, FORMAT, "", NULL},
    {"2^64-1 keys", keys_huge, FORMAT, "", NULL},

    {"empty key", empty_key, FORMAT, "", NULL},
    {"key of 65,536 bytes", longest_key_and_one, FORMAT, "", NULL},
    {"key past the end", key_beyond_file, FORMAT, "", NULL},
    {"key length near 2^64", key_length_wraps, FORMAT, "", NULL},
    {"key with NUL", key_with_nul, FORMAT, "ab", NULL},
    {"key not UTF-8", key_not_utf8, FORMAT, "abc?(", NULL},
    {"key ends inside a character", key_cut_utf8, FORMAT, "a??", NULL},
    {"keys too long together", keys_too_long_together, FORMAT, NULL, NULL},
    {"duplicate key", duplicate_key, FORMAT, "two", NULL},
    {"duplicate key of an array", duplicate_array_key, FORMAT, "two", NULL},

    {"unknown value type", unknown_type, FORMAT, "k", NULL},
    {"value type 2^32-1", huge_type, FORMAT, "k", NULL},
    {"unknown element type", unknown_element_type, FORMAT, "k", NULL},
    {"cut in a value's type", cut_in_type, FORMAT, "key", NULL},
    {"cut in a value", cut_in_value, FORMAT, "k", NULL},
    {"array of arrays", nested_array, FORMAT, "k", NULL},
    {"array past the end", array_beyond_file, FORMAT, "k", NULL},
    {"array of strings past the end", string_array_beyond_file, FORMAT, "k", NULL},
    {"array longer than the cap", array_too_long, FORMAT, "k", NULL},
    {"array whose bytes wrap", array_bytes_wrap, FORMAT, "k", NULL},
    {"array of 2^64-1", array_count_max, FORMAT, "k", NULL},
    {"cut in an array's count", cut_in_array_count, FORMAT, "k", NULL},
    {"string past the end", string_beyond_file, FORMAT, "k", NULL},
    {"string length 2^64-1", string_length_wraps, FORMAT, "k", NULL},
    {"string longer than the cap", string_too_long, FORMAT, "k", NULL},
    {"chat template longer than the cap", template_too_long, FORMAT,
     "tokenizer.chat_template.tool", NULL},
    {"string in an array past the end", string_element_beyond_file, FORMAT, "k", NULL},
    {"string in an array longer than the cap", string_element_too_long, FORMAT, "k", NULL},
    {"bool of 2", bool_2, FORMAT, "k", NULL},
    {"bool of 255 in an array", bool_255_in_array, FORMAT, "k", NULL},
    {"metadata above 64 MiB", header_too_large, FORMAT, "b", NULL},
    {"strings of an array above 64 MiB", header_too_large_in_strings, FORMAT, "c", NULL},

    {"alignment 0", alignment_0, FORMAT, "general.alignment", NULL},
    {"alignment below 8", alignment_4, FORMAT, "general.alignment", NULL},
    {"alignment not a power of two", alignment_48, FORMAT, "general.alignment", NULL},
    {"alignment above 64 KiB", alignment_128k, FORMAT, "general.alignment", NULL},
    {"alignment 2^31", alignment_2_31, FORMAT, "general.alignment", NULL},
    {"alignment as u64", alignment_u64, FORMAT, "general.alignment", NULL},
    {"alignment as text", alignment_text, FORMAT, "general.alignment", NULL},
    {"alignment as array", alignment_array, FORMAT, "general.alignment", NULL},

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

static void refusal_test(void **state)
{
    const struct refusal *row = *state;
    struct bytes b = {0};
    struct ori_gguf *gguf = (struct ori_gguf *)&b; /* must become NULL */
    orion_error err = {.status = ORION_OK};
    size_t size;

    row->build(&b);
    const uint64_t offset = b.mark;
    uint8_t *data = take_exact(&b, &size);
    const orion_status status = ori_gguf_parse(data, size, "dir/bad.gguf", &gguf, &err);

    assert_int_equal(status, row->status);
    assert_null(gguf);
    assert_int_equal(err.status, row->status);
    assert_int_equal(err.offset, offset);
    if (row->name)
        assert_string_equal(err.name, row->name);
    assert_non_null(strstr(err.message, "bad.gguf: byte "));
    assert_non_null(strstr(err.message, err.name));
    assert_non_null(strstr(err.message, row->says ? row->says : ""));
    /* the error is optional */
    assert_int_equal(ori_gguf_parse(data, size, "bad.gguf", &gguf, NULL), row->status);
    free(data);
}

int main(void)
{
    enum { COUNT = sizeof(refusals) / sizeof(refusals[0]) };
    struct CMUnitTest tests[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){
            .name = refusals[i].label,
            .test_func = refusal_test,
            .initial_state = (void *)(uintptr_t)&refusals[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
