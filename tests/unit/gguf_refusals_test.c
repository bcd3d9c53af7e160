/* Every way in which the header and the keys of a container can be wrong: what the reader
 * says of it.
 *
 * A row builds the file and marks the byte at which it is wrong.  Tensors are in
 * gguf_tensor_refusals_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "gguf_refusal.h"

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

/* clang-format off */
static const struct refusal refusals[] = {
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

};
/* clang-format on */

int main(void)
{
    return run_refusals("gguf: refusals", refusals, ORI_COUNT(refusals));
}
