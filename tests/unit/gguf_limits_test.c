/* Containers that are just inside of what the reader takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "gguf_parsed.h"

static void longest_key(struct bytes *b)
{
    put_head(b, 0, 1);
    put_long_text(b, 'k', 65535);
    put_u32(b, U8);
    put_u8(b, 1);
}

static void longest_string(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "k", STRING);
    put_long_text(b, 'x', 1u << 20);
}

static void longest_template(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "tokenizer.chat_template", STRING);
    put_long_text(b, 'x', 16u << 20);
}

static void second_template(struct bytes *b)
{
    put_head(b, 0, 1);
    put_key(b, "tokenizer.chat_template.tool_use", STRING);
    put_long_text(b, 'x', 2u << 20);
}

static void longest_array(struct bytes *b)
{
    put_head(b, 0, 1);
    put_array(b, "k", U8, 4u << 20);
    put_fill(b, 9, 4u << 20);
}

static void most_keys(struct bytes *b)
{
    put_head(b, 0, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key.%u", i * 2654435761u % 65536u);
        put_kv_le(b, key, U8, 1, 1);
    }
}

static void most_tensors(struct bytes *b)
{
    put_head(b, 65536, 0);
    for (unsigned i = 0; i < 65536; i++) {
        char name[80];
        (void)snprintf(name, sizeof(name), "%063u", i);
        put_tensor(b, name, 0, 1, (const uint64_t[]){8}, 32ull * (65535 - i));
    }
    put_padding(b, 32);
    put_fill(b, 0, 65536u * 32u);
}

static void no_keys_no_tensors(struct bytes *b)
{
    put_head(b, 0, 0);
}

static void keys_alone_unpadded(struct bytes *b)
{
    put_head(b, 0, 1);
    put_kv_le(b, "k", U8, 1, 1);
}

static void keys_alone_and_one_unit(struct bytes *b)
{
    keys_alone_unpadded(b);
    put_fill(b, 0, 32);
}

static void alignment_of(struct bytes *b, uint32_t alignment)
{
    put_head(b, 2, 1);
    put_kv_le(b, "general.alignment", U32, alignment, 4);
    put_tensor(b, "s", 0, 1, (const uint64_t[]){1}, 0);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){1}, alignment);
    put_padding(b, alignment);
    put_fill(b, 0, alignment + 4);
}

static void alignment_8(struct bytes *b)
{
    alignment_of(b, 8);
}

static void alignment_64k(struct bytes *b)
{
    alignment_of(b, 65536);
}

static void one_unit_after_the_last(struct bytes *b)
{
    alignment_of(b, 32);
    put_fill(b, 0xEE, 32);
}

static void longest_tensor_name(struct bytes *b)
{
    put_head(b, 1, 0);
    put_tensor(b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", 1, 1,
               (const uint64_t[]){2}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 4);
}

static void split_of(struct bytes *b, uint32_t count, uint32_t tensors)
{
    put_head(b, 1, 3);
    put_kv_le(b, "split.no", U16, 0, 2);
    put_kv_le(b, "split.count", U16, count, 2);
    put_kv_le(b, "split.tensors.count", I32, tensors, 4);
    put_tensor(b, "t", 0, 1, (const uint64_t[]){2}, 0);
    put_padding(b, 32);
    put_fill(b, 0, 8);
}

static void split_joined_again(struct bytes *b)
{
    split_of(b, 0, 1);
}

static void split_of_one(struct bytes *b)
{
    split_of(b, 1, 1);
}

/* clang-format off */
static const struct accepted {
    const char *label;
    void (*build)(struct bytes *b);
    size_t n_kv, n_tensors;
} accepted[] = {
    {"accepted: no keys and no tensors", no_keys_no_tensors, 0, 0},
    {"accepted: keys alone, unpadded", keys_alone_unpadded, 1, 0},
    {"accepted: keys alone and one unit of padding", keys_alone_and_one_unit, 1, 0},
    {"accepted: key of 65,535 bytes", longest_key, 1, 0},
    {"accepted: string of 1 MiB", longest_string, 1, 0},
    {"accepted: chat template of 16 MiB", longest_template, 1, 0},
    {"accepted: another chat template of 2 MiB", second_template, 1, 0},
    {"accepted: array of 4 Mi elements", longest_array, 1, 0},
    {"accepted: 65,536 keys", most_keys, 65536, 0},
    {"accepted: 65,536 tensors, last described first", most_tensors, 0, 65536},
    {"accepted: alignment 8", alignment_8, 1, 2},
    {"accepted: alignment 64 KiB", alignment_64k, 1, 2},
    {"accepted: one unit after the last tensor", one_unit_after_the_last, 1, 2},
    {"accepted: tensor name of 63 bytes", longest_tensor_name, 0, 1},
    {"accepted: split and joined again", split_joined_again, 3, 1},
    {"accepted: split into one", split_of_one, 3, 1},
};

/* clang-format on */

static void accepted_test(void **state)
{
    const struct accepted *row = *state;
    struct bytes b = {0};

    row->build(&b);
    struct parsed p = parse(&b);
    assert_int_equal(ori_gguf_n_kv(p.gguf), row->n_kv);
    assert_int_equal(ori_gguf_n_tensors(p.gguf), row->n_tensors);
    assert_true(ori_gguf_data_offset(p.gguf) <= p.size);
    for (size_t i = 0; i < row->n_kv; i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(p.gguf, i);
        assert_ptr_equal(ori_gguf_find(p.gguf, kv->key), kv);
    }
    for (size_t i = 0; i < row->n_tensors; i++) {
        const struct ori_gguf_tensor *tensor = ori_gguf_tensor_at(p.gguf, i);
        assert_ptr_equal(ori_gguf_find_tensor(p.gguf, tensor->name), tensor);
        assert_true(tensor->offset + tensor->size_bytes <= p.size);
    }
    release(&p);
}

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(accepted)];

    for (size_t i = 0; i < ORI_COUNT(tests); i++)
        tests[i] = (struct CMUnitTest){.name = accepted[i].label,
                                       .test_func = accepted_test,
                                       .initial_state = (void *)(uintptr_t)&accepted[i]};
    return cmocka_run_group_tests_name("gguf: limits", tests, NULL, NULL);
}
