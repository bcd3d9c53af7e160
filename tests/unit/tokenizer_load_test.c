/* What a vocabulary file may not be: each refusal with its status, key and
 * byte offset; and odd files that are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "tokenizer/tokenizer.h"
#include "vocab_file.h"

#define KEY_MODEL "tokenizer.ggml.model"
#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_SCORES "tokenizer.ggml.scores"
#define KEY_TYPES "tokenizer.ggml.token_type"
#define KEY_UNK "tokenizer.ggml.unknown_token_id"

static struct test_vocab vocab;

static void put_small(void)
{
    vocab_put_basics(&vocab);
    vocab_put(&vocab, "a", -1, T_NORMAL); /* 259 */
    vocab_put(&vocab, "b", -2, T_NORMAL); /* 260 */
}

static void key_model(struct vocab_file *file)
{
    file_str(file, KEY_MODEL, "llama");
}

static void keys_but_ids(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    file_scores(file, &vocab);
    file_types(file, &vocab);
}

/* ---- files that are wrong ---- */

static void no_model(struct vocab_file *file)
{
    file_tokens(file, &vocab);
}

static void other_model(struct vocab_file *file)
{
    file_str(file, KEY_MODEL, "rwkv");
    file_tokens(file, &vocab);
}

static void model_not_text(struct vocab_file *file)
{
    file_u32(file, KEY_MODEL, 1);
}

static void no_tokens(struct vocab_file *file)
{
    key_model(file);
}

static void tokens_not_text(struct vocab_file *file)
{
    key_model(file);
    file_array(file, KEY_TOKENS, ORI_GGUF_U32, 1);
    put_u32(&file->keys, 1);
}

static void tokens_not_array(struct vocab_file *file)
{
    key_model(file);
    file_str(file, KEY_TOKENS, "a");
}

static void tokens_empty(struct vocab_file *file)
{
    key_model(file);
    file_array(file, KEY_TOKENS, ORI_GGUF_STRING, 0);
}

static void too_many_tokens(struct vocab_file *file)
{
    key_model(file);
    file_array(file, KEY_TOKENS, ORI_GGUF_STRING, (1u << 20) + 1);
    for (uint32_t i = 0; i <= 1u << 20; i++)
        put_string(&file->keys, "", 0);
}

static void piece_too_long(struct vocab_file *file)
{
    static char text[1025];
    memset(text, 'a', sizeof(text));
    key_model(file);
    file_array(file, KEY_TOKENS, ORI_GGUF_STRING, 2);
    put_string(&file->keys, "abc", 3);
    put_string(&file->keys, text, sizeof(text));
}

static void duplicate(struct vocab_file *file)
{
    vocab_rename(&vocab, 260, "a");
    keys_but_ids(file);
}

static void types_of_other_length(struct vocab_file *file)
{
    keys_but_ids(file); /* scores and types of the full length ... */
    file_release(file);
    file_init(file);
    key_model(file);
    file_tokens(file, &vocab);
    file_scores(file, &vocab);
    vocab.count--; /* ... and once more with one type less */
    file_types(file, &vocab);
    vocab.count++;
}

static void types_not_numbers(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    file_scores(file, &vocab);
    file_array(file, KEY_TYPES, ORI_GGUF_F32, 1);
    put_u32(&file->keys, 0);
}

static void type_unknown(struct vocab_file *file)
{
    vocab.tokens[259].type = 7;
    keys_but_ids(file);
}

static void type_negative(struct vocab_file *file)
{
    vocab.tokens[0].type = -1;
    keys_but_ids(file);
}

static void no_scores(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    file_types(file, &vocab);
}

static void scores_of_other_length(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    vocab.count++;
    file_scores(file, &vocab);
    vocab.count--;
    file_types(file, &vocab);
}

static void scores_not_f32(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    file_array(file, KEY_SCORES, ORI_GGUF_U32, 1);
    put_u32(&file->keys, 0);
    file_types(file, &vocab);
}

static void score_nan(struct vocab_file *file)
{
    vocab.tokens[260].score = NAN;
    keys_but_ids(file);
}

static void score_infinite(struct vocab_file *file)
{
    vocab.tokens[1].score = -INFINITY;
    keys_but_ids(file);
}

static void byte_not_hexadecimal(struct vocab_file *file)
{
    vocab_rename(&vocab, 3, "<0x-1>");
    keys_but_ids(file);
}

static void byte_too_long(struct vocab_file *file)
{
    vocab_rename(&vocab, 258, "<0x0FF>");
    keys_but_ids(file);
}

static void byte_without_frame(struct vocab_file *file)
{
    vocab_rename(&vocab, 4, "1");
    keys_but_ids(file);
}

static void byte_twice(struct vocab_file *file)
{
    vocab_rename(&vocab, 3 + 0xAB, "<0xac>"); /* as token 3 + 0xAC in capitals */
    keys_but_ids(file);
}

static void byte_missing(struct vocab_file *file)
{
    vocab.tokens[100].type = T_NORMAL;
    keys_but_ids(file);
}

static void byte_missing_and_unknown_ends(struct vocab_file *file)
{
    byte_missing(file);
    file_u32(file, KEY_UNK, 2);
    file_u32(file, "tokenizer.ggml.eos_token_id", 2);
}

static void bos_out_of_range(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.bos_token_id", vocab.count);
}

static void eos_out_of_range(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.eos_token_id", UINT32_MAX);
}

static void eot_out_of_range(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.eot_token_id", 1000000);
}

static void unk_out_of_range(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, KEY_UNK, 261);
}

static void pad_out_of_range(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.padding_token_id", 261);
}

static void eos_is_a_byte(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.eos_token_id", 3);
}

static void id_not_a_number(struct vocab_file *file)
{
    keys_but_ids(file);
    file_str(file, "tokenizer.ggml.bos_token_id", "1");
}

static void switch_not_bool(struct vocab_file *file)
{
    keys_but_ids(file);
    file_u32(file, "tokenizer.ggml.add_space_prefix", 1);
}

#define NOWHERE (-2)  /* the key is not there */
#define AT_VALUE (-1) /* where the key's value begins */

static const struct {
    const char *label;
    void (*put)(struct vocab_file *file);
    orion_status status;
    const char *key;
    int element; /* of the array that is pointed at, or one of the above */
    const char *says;
} refusals[] = {
    {"no model", no_model, ORION_E_FORMAT, KEY_MODEL, NOWHERE, "is missing"},
    {"another model", other_model, ORION_E_UNSUPPORTED, KEY_MODEL, AT_VALUE, "'rwkv'"},
    {"the model is no text", model_not_text, ORION_E_FORMAT, KEY_MODEL, AT_VALUE, ""},
    {"no tokens", no_tokens, ORION_E_FORMAT, KEY_TOKENS, NOWHERE, "is missing"},
    {"tokens are no texts", tokens_not_text, ORION_E_FORMAT, KEY_TOKENS, AT_VALUE, ""},
    {"tokens are no array", tokens_not_array, ORION_E_FORMAT, KEY_TOKENS, AT_VALUE, ""},
    {"an empty vocabulary", tokens_empty, ORION_E_FORMAT, KEY_TOKENS, AT_VALUE, "0 tokens"},
    {"too many tokens", too_many_tokens, ORION_E_FORMAT, KEY_TOKENS, AT_VALUE, "1048577"},
    {"a piece too long", piece_too_long, ORION_E_UNSUPPORTED, KEY_TOKENS, 1, "1025 bytes"},
    {"a duplicate", duplicate, ORION_E_FORMAT, KEY_TOKENS, 260, "same text as token 259: 'a'"},
    {"types of another length", types_of_other_length, ORION_E_FORMAT, KEY_TYPES, 0, "260"},
    {"types are no integers", types_not_numbers, ORION_E_FORMAT, KEY_TYPES, AT_VALUE, ""},
    {"an unknown type", type_unknown, ORION_E_FORMAT, KEY_TYPES, 259, "type 7"},
    {"a negative type", type_negative, ORION_E_FORMAT, KEY_TYPES, 0, "type -1"},
    {"no scores", no_scores, ORION_E_FORMAT, KEY_SCORES, NOWHERE, "is missing"},
    {"scores of another length", scores_of_other_length, ORION_E_FORMAT, KEY_SCORES, 0, "262"},
    {"scores are no floats", scores_not_f32, ORION_E_FORMAT, KEY_SCORES, AT_VALUE, ""},
    {"a score that is no number", score_nan, ORION_E_FORMAT, KEY_SCORES, 260, "token 260"},
    {"an infinite score", score_infinite, ORION_E_FORMAT, KEY_SCORES, 1, "token 1"},
    {"<0x-1>", byte_not_hexadecimal, ORION_E_FORMAT, KEY_TOKENS, 3, "'<0x-1>'"},
    {"<0x0FF>", byte_too_long, ORION_E_FORMAT, KEY_TOKENS, 258, "'<0x0FF>'"},
    {"a byte token without its frame", byte_without_frame, ORION_E_FORMAT, KEY_TOKENS, 4, "'1'"},
    {"a byte twice", byte_twice, ORION_E_FORMAT, KEY_TOKENS, 3 + 0xAC, "same byte"},
    {"no unknown token, a byte missing", byte_missing, ORION_E_FORMAT, KEY_TOKENS, 0, "1 byte"},
    {"the unknown token ends answers, a byte missing", byte_missing_and_unknown_ends,
     ORION_E_FORMAT, KEY_TOKENS, 0, "1 byte"},
    {"bos out of range", bos_out_of_range, ORION_E_FORMAT, "tokenizer.ggml.bos_token_id", AT_VALUE,
     "261 tokens"},
    {"eos out of range", eos_out_of_range, ORION_E_FORMAT, "tokenizer.ggml.eos_token_id", AT_VALUE,
     "4294967295"},
    {"eot out of range", eot_out_of_range, ORION_E_FORMAT, "tokenizer.ggml.eot_token_id", AT_VALUE,
     "1000000"},
    {"unk out of range", unk_out_of_range, ORION_E_FORMAT, KEY_UNK, AT_VALUE, "is 261"},
    {"pad out of range", pad_out_of_range, ORION_E_FORMAT, "tokenizer.ggml.padding_token_id",
     AT_VALUE, "is 261"},
    {"eos is a byte", eos_is_a_byte, ORION_E_FORMAT, "tokenizer.ggml.eos_token_id", AT_VALUE,
     "byte token"},
    {"an id that is no number", id_not_a_number, ORION_E_FORMAT, "tokenizer.ggml.bos_token_id",
     AT_VALUE, ""},
    {"a switch that is no bool", switch_not_bool, ORION_E_FORMAT, "tokenizer.ggml.add_space_prefix",
     AT_VALUE, ""},
};

static uint64_t expected_offset(const struct ori_gguf *gguf, const char *key, int element)
{
    if (element == NOWHERE)
        return ORION_NO_OFFSET;
    const struct ori_gguf_kv *kv = ori_gguf_find(gguf, key);
    assert_non_null(kv);
    if (element == AT_VALUE)
        return kv->offset;
    if (kv->element != ORI_GGUF_STRING)
        return kv->offset + 4 * (uint64_t)element;
    const uint8_t *cursor = kv->data;
    for (int i = 0; i < element; i++)
        (void)ori_gguf_next_string(&cursor);
    return kv->offset + (uint64_t)(cursor - kv->data);
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(refusals); i++) {
        struct vocab_file file;
        struct ori_gguf *gguf;
        struct ori_vocab *out = (struct ori_vocab *)&file; /* must be cleared */
        orion_error err = {0};

        put_small();
        file_init(&file);
        refusals[i].put(&file);
        file_finish(&file);
        if (ori_gguf_parse(file.bytes.data, file.bytes.len, "test", &gguf, &err) != ORION_OK)
            fail_msg("%s: the container is refused: %s", refusals[i].label, err.message);

        const orion_status status = ori_vocab_new(gguf, NULL, &out, &err);
        const uint64_t offset = expected_offset(gguf, refusals[i].key, refusals[i].element);
        if (status != refusals[i].status || out || err.status != status ||
            strcmp(err.name, refusals[i].key) != 0 || err.offset != offset ||
            !strstr(err.message, refusals[i].says))
            fail_msg("%s: got status %d, '%s' at %llu, want at %llu: %s", refusals[i].label,
                     (int)status, err.name, (unsigned long long)err.offset,
                     (unsigned long long)offset, err.message);
        assert_int_equal(ori_vocab_new(gguf, NULL, &out, NULL), refusals[i].status);
        ori_gguf_close(gguf);
        file_release(&file);
    }
}

/* ---- files that are odd, but right ---- */

static void byte_missing_but_unknown(struct vocab_file *file)
{
    byte_missing(file);
    file_u32(file, KEY_UNK, 0);
}

static void no_types(struct vocab_file *file)
{
    key_model(file);
    file_tokens(file, &vocab);
    file_scores(file, &vocab);
    file_u32(file, KEY_UNK, 0);
}

static void empty_pieces(struct vocab_file *file)
{
    vocab_put(&vocab, "", 0, T_UNUSED);
    vocab_put(&vocab, "", 0, T_CONTROL);
    keys_but_ids(file);
}

static void piece_of_the_greatest_length(struct vocab_file *file)
{
    static char text[1024];
    memset(text, 'a', sizeof(text));
    key_model(file);
    file_array(file, KEY_TOKENS, ORI_GGUF_STRING, 2);
    put_string(&file->keys, "abc", 3);
    put_string(&file->keys, text, sizeof(text));
    file_array(file, KEY_SCORES, ORI_GGUF_F32, 2);
    put_u64(&file->keys, 0);
    file_u32(file, KEY_UNK, 0);
}

static void small_digits(struct vocab_file *file)
{
    vocab_rename(&vocab, 3 + 0xAB, "<0xaB>");
    keys_but_ids(file);
}

static void test_accepted(void **state)
{
    static const struct {
        const char *label;
        void (*put)(struct vocab_file *file);
    } cases[] = {
        {"as it should be", keys_but_ids},
        {"a byte missing, an unknown token", byte_missing_but_unknown},
        {"no types", no_types},
        {"empty pieces", empty_pieces},
        {"the longest piece", piece_of_the_greatest_length},
        {"hexadecimal digits in small letters", small_digits},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct vocab_file file;
        struct ori_gguf *gguf;
        struct ori_vocab *out = NULL;
        orion_error err = {0};

        put_small();
        file_init(&file);
        cases[i].put(&file);
        file_finish(&file);
        if (ori_gguf_parse(file.bytes.data, file.bytes.len, "test", &gguf, &err) != ORION_OK ||
            ori_vocab_new(gguf, NULL, &out, &err) != ORION_OK)
            fail_msg("%s: %s", cases[i].label, err.message);
        assert_int_equal(ori_vocab_bos(out), ORI_NO_TOKEN);
        assert_false(ori_vocab_adds_bos(out));
        ori_vocab_free(out);
        ori_gguf_close(gguf);
        file_release(&file);
    }
    ori_vocab_free(NULL);
}

/* Pieces made to share a place in the table are refused before they cost
 * much.  Found by trying, as an attacker would: the hash of index.c again. */
static uint32_t index_hash(const char *text, size_t len)
{
    uint64_t hash = 0xCBF29CE484222325u ^ len;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001B3u;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return (uint32_t)(hash >> 32);
}

static void test_collisions_are_refused(void **state)
{
    static struct test_vocab hostile;
    struct vocab_file file;
    struct ori_gguf *gguf;
    struct ori_vocab *out;
    orion_error err = {0};

    (void)state;
    hostile.count = 0;
    /* 300 tokens make a table of 1024 places: all of these want the first. */
    for (unsigned i = 0; hostile.count < 300; i++) {
        char text[16];
        const int len = snprintf(text, sizeof(text), "%u", i);
        if ((index_hash(text, (size_t)len) & 1023u) == 0)
            vocab_put(&hostile, text, 0, T_NORMAL);
    }
    file_init(&file);
    key_model(&file);
    file_tokens(&file, &hostile);
    file_finish(&file);
    assert_int_equal(ori_gguf_parse(file.bytes.data, file.bytes.len, "test", &gguf, &err),
                     ORION_OK);
    assert_int_equal(ori_vocab_new(gguf, NULL, &out, &err), ORION_E_UNSUPPORTED);
    assert_string_equal(err.name, KEY_TOKENS);
    assert_int_equal(err.offset, expected_offset(gguf, KEY_TOKENS, 256));
    ori_gguf_close(gguf);
    file_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_collisions_are_refused),
    };
    return cmocka_run_group_tests_name("tokenizer_load", tests, NULL, NULL);
}
