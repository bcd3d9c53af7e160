/* Makes GGUF files that hold a vocabulary, in memory, for tests: right ones
 * and wrong ones. */
#ifndef TEST_VOCAB_FILE_H
#define TEST_VOCAB_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gguf/gguf.h"

enum { T_NORMAL = 1, T_UNKNOWN, T_CONTROL, T_USER, T_UNUSED, T_BYTE };

#define MAX_TEST_TOKENS 2048

/* A vocabulary as a test writes it down; text is NUL-terminated. */
struct test_vocab {
    struct {
        char text[32];
        float score;
        int32_t type;
    } tokens[MAX_TEST_TOKENS];
    uint32_t count;
};

static inline void vocab_rename(struct test_vocab *vocab, uint32_t id, const char *text)
{
    (void)snprintf(vocab->tokens[id].text, sizeof(vocab->tokens[id].text), "%s", text);
}

static inline int32_t vocab_put(struct test_vocab *vocab, const char *text, float score,
                                int32_t type)
{
    if (vocab->count == MAX_TEST_TOKENS)
        abort();
    const uint32_t id = vocab->count++;
    vocab_rename(vocab, id, text);
    vocab->tokens[id].score = score;
    vocab->tokens[id].type = type;
    return (int32_t)id;
}

/* <unk> 0, <s> 1, </s> 2, and the bytes 3..258. */
static inline void vocab_put_basics(struct test_vocab *vocab)
{
    vocab->count = 0;
    vocab_put(vocab, "<unk>", 0, T_UNKNOWN);
    vocab_put(vocab, "<s>", 0, T_CONTROL);
    vocab_put(vocab, "</s>", 0, T_CONTROL);
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "<0x%02X>", byte);
        vocab_put(vocab, text, 0, T_BYTE);
    }
}

/* A file being written: keys one after another, the head at the end. */
struct vocab_file {
    struct ori_buf keys;
    uint64_t n_keys;
    struct ori_buf bytes; /* the file, after file_finish() */
};

static inline void file_init(struct vocab_file *file)
{
    file->n_keys = 0;
    ori_buf_init(&file->keys, 64u << 20);
    ori_buf_init(&file->bytes, 64u << 20);
}

static inline void file_release(struct vocab_file *file)
{
    ori_buf_release(&file->keys);
    ori_buf_release(&file->bytes);
}

static inline void put_u32(struct ori_buf *buf, uint32_t value)
{
    (void)ori_buf_add(buf, &value, sizeof(value));
}

static inline void put_u64(struct ori_buf *buf, uint64_t value)
{
    (void)ori_buf_add(buf, &value, sizeof(value));
}

static inline void put_string(struct ori_buf *buf, const char *text, size_t len)
{
    put_u64(buf, len);
    (void)ori_buf_add(buf, text, len);
}

static inline void file_key(struct vocab_file *file, const char *key, uint32_t type)
{
    file->n_keys++;
    put_string(&file->keys, key, strlen(key));
    put_u32(&file->keys, type);
}

static inline void file_u32(struct vocab_file *file, const char *key, uint32_t value)
{
    file_key(file, key, ORI_GGUF_U32);
    put_u32(&file->keys, value);
}

static inline void file_bool(struct vocab_file *file, const char *key, bool value)
{
    const char byte = value;
    file_key(file, key, ORI_GGUF_BOOL);
    (void)ori_buf_add(&file->keys, &byte, 1);
}

static inline void file_str(struct vocab_file *file, const char *key, const char *value)
{
    file_key(file, key, ORI_GGUF_STRING);
    put_string(&file->keys, value, strlen(value));
}

static inline void file_array(struct vocab_file *file, const char *key, uint32_t element,
                              uint64_t count)
{
    file_key(file, key, ORI_GGUF_ARRAY);
    put_u32(&file->keys, element);
    put_u64(&file->keys, count);
}

static inline void file_tokens(struct vocab_file *file, const struct test_vocab *vocab)
{
    file_array(file, "tokenizer.ggml.tokens", ORI_GGUF_STRING, vocab->count);
    for (uint32_t i = 0; i < vocab->count; i++)
        put_string(&file->keys, vocab->tokens[i].text, strlen(vocab->tokens[i].text));
}

static inline void file_scores(struct vocab_file *file, const struct test_vocab *vocab)
{
    file_array(file, "tokenizer.ggml.scores", ORI_GGUF_F32, vocab->count);
    for (uint32_t i = 0; i < vocab->count; i++)
        (void)ori_buf_add(&file->keys, &vocab->tokens[i].score, sizeof(float));
}

static inline void file_types(struct vocab_file *file, const struct test_vocab *vocab)
{
    file_array(file, "tokenizer.ggml.token_type", ORI_GGUF_I32, vocab->count);
    for (uint32_t i = 0; i < vocab->count; i++)
        put_u32(&file->keys, (uint32_t)vocab->tokens[i].type);
}

/* Put the head in front.  No tensors. */
static inline void file_finish(struct vocab_file *file)
{
    (void)ori_buf_add(&file->bytes, "GGUF", 4);
    put_u32(&file->bytes, 3);
    put_u64(&file->bytes, 0);
    put_u64(&file->bytes, file->n_keys);
    (void)ori_buf_add(&file->bytes, ori_buf_text(&file->keys), file->keys.len);
    while (file->bytes.len % 32 != 0)
        (void)ori_buf_add(&file->bytes, "", 1);
    if (file->keys.status != ORION_OK || file->bytes.status != ORION_OK)
        abort();
}

/* The whole of an ordinary vocabulary file. */
static inline void file_of_vocab(struct vocab_file *file, const struct test_vocab *vocab,
                                 const char *architecture)
{
    file_init(file);
    file_str(file, "general.architecture", architecture);
    file_str(file, "tokenizer.ggml.model", "llama");
    file_tokens(file, vocab);
    file_scores(file, vocab);
    file_types(file, vocab);
    file_u32(file, "tokenizer.ggml.bos_token_id", 1);
    file_u32(file, "tokenizer.ggml.eos_token_id", 2);
    file_u32(file, "tokenizer.ggml.unknown_token_id", 0);
}

#endif
