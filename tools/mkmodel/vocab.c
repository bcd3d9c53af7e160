/* A vocabulary of the kind "llama" and any size: <unk> <s> </s>, the 256
 * bytes, single characters, and then made-up words of syllables. */
#include "mkmodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "\xE2\x96\x81"
#define PIECE_BYTES 32
#define FIRST_BYTE 3
#define FIRST_PIECE (FIRST_BYTE + 256)
#define PHI3_ADDED 64 /* the last of Phi-3's 32,064 tokens */

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

static const char phi3_template[] =
    "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + "
    "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + "
    "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' "
    "%}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if "
    "add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

struct tables {
    char (*texts)[PIECE_BYTES]; /* [n] */
    struct ori_str *strings;    /* [n], into texts */
    float *scores;              /* [n] */
    int32_t *types;             /* [n] */
};

/* Characters that make up the words; later pieces join them. */
static const char *const characters[] = {
    SPACE, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k",  "l", "m", "n", "o",
    "p",   "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "A",  "B", "C", "D", "E",
    "F",   "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q",  "R", "S", "T", "U",
    "V",   "W", "X", "Y", "Z", "0", "1", "2", "3", "4", "5", "6",  "7", "8", "9", ".",
    ",",   ":", ";", "!", "?", "-", "(", ")", "/", "%", "'", "\"",
};

/* Word `index`: its digits in base 100 as syllables, every second one with a
 * space in front.  Different numbers give different words. */
static void made_up_word(uint32_t index, char out[PIECE_BYTES])
{
    static const char consonants[] = "bcdfghjklmnpqrstvwxz";
    static const char vowels[] = "aeiou";
    char *to = out;

    if (index % 2 == 0)
        to += sprintf(to, SPACE);
    uint32_t number = index / 2 + 1; /* from 1, so that there is a syllable */
    for (; number > 0; number /= 100) {
        *to++ = consonants[number % 100 / 5];
        *to++ = vowels[number % 5];
    }
    *to = '\0';
}

static void set_token(struct tables *t, uint32_t id, const char *text, int32_t type, float score)
{
    (void)snprintf(t->texts[id], PIECE_BYTES, "%s", text);
    t->strings[id] = (struct ori_str){t->texts[id], strlen(t->texts[id])};
    t->types[id] = type;
    t->scores[id] = score;
}

static void set_phi3_added(struct tables *t, uint32_t first)
{
    static const struct {
        uint32_t at;
        const char *text;
    } named[] = {{0, "<|endoftext|>"},
                 {1, "<|assistant|>"},
                 {6, "<|system|>"},
                 {7, "<|end|>"},
                 {10, "<|user|>"}};

    for (uint32_t i = 0; i < PHI3_ADDED; i++) {
        char text[PIECE_BYTES];
        (void)snprintf(text, sizeof(text), "<|placeholder%u|>", i);
        set_token(t, first + i, text, CONTROL, -1000.0f);
    }
    for (size_t i = 0; i < ORI_COUNT(named); i++)
        set_token(t, first + named[i].at, named[i].text, CONTROL, -1000.0f);
}

static void make_tables(struct tables *t, const struct shape *shape)
{
    const uint32_t n_words = shape->n_vocab - (shape->phi3_chat ? PHI3_ADDED : 0);

    set_token(t, 0, "<unk>", UNKNOWN, 0);
    set_token(t, 1, "<s>", CONTROL, 0);
    set_token(t, 2, "</s>", CONTROL, 0);
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[PIECE_BYTES];
        (void)snprintf(text, sizeof(text), "<0x%02X>", byte);
        set_token(t, FIRST_BYTE + byte, text, BYTE, 0);
    }
    for (uint32_t id = FIRST_PIECE; id < n_words; id++) {
        const uint32_t index = id - FIRST_PIECE;
        char word[PIECE_BYTES];
        if (index < ORI_COUNT(characters))
            (void)snprintf(word, sizeof(word), "%s", characters[index]);
        else
            made_up_word(index - (uint32_t)ORI_COUNT(characters), word);
        set_token(t, id, word, NORMAL, -(float)index);
    }
    if (shape->phi3_chat)
        set_phi3_added(t, n_words);
}

static void write_keys(struct ori_gguf_writer *w, const struct shape *shape, const struct tables *t)
{
    const uint32_t n = shape->n_vocab;

    ori_gguf_write_str(w, "tokenizer.ggml.model", "llama");
    ori_gguf_write_str(w, "tokenizer.ggml.pre", "default");
    ori_gguf_write_str_array(w, "tokenizer.ggml.tokens", t->strings, n);
    ori_gguf_write_f32_array(w, "tokenizer.ggml.scores", t->scores, n);
    ori_gguf_write_i32_array(w, "tokenizer.ggml.token_type", t->types, n);
    ori_gguf_write_u32(w, "tokenizer.ggml.bos_token_id", 1);
    ori_gguf_write_u32(w, "tokenizer.ggml.eos_token_id", shape->phi3_chat ? n - PHI3_ADDED : 2);
    ori_gguf_write_u32(w, "tokenizer.ggml.unknown_token_id", 0);
    ori_gguf_write_bool(w, "tokenizer.ggml.add_bos_token", true);
    ori_gguf_write_bool(w, "tokenizer.ggml.add_eos_token", false);
    if (shape->norm_sum)
        ori_gguf_write_u32(w, "tokenizer.ggml.token_type_count", SHAPE_TOKEN_TYPES);
    if (shape->phi3_chat)
        ori_gguf_write_str(w, "tokenizer.chat_template", phi3_template);
}

orion_status vocab_write_made_up(struct ori_gguf_writer *w, const struct shape *shape,
                                 orion_error *err)
{
    const size_t n = shape->n_vocab;
    struct tables t = {
        .texts = ori_calloc_array(n, sizeof(*t.texts)),
        .strings = ori_calloc_array(n, sizeof(*t.strings)),
        .scores = ori_calloc_array(n, sizeof(*t.scores)),
        .types = ori_calloc_array(n, sizeof(*t.types)),
    };
    orion_status status = ORION_OK;

    if (t.texts && t.strings && t.scores && t.types) {
        make_tables(&t, shape);
        write_keys(w, shape, &t);
    } else {
        status = ori_fail_nomem(err, "a vocabulary");
    }
    free(t.texts);
    free(t.strings);
    free(t.scores);
    free(t.types);
    return status;
}

orion_status vocab_copy(struct ori_gguf_writer *w, const struct ori_gguf *from, uint32_t *n_tokens,
                        orion_error *err)
{
    const struct ori_gguf_kv *tokens;
    const orion_status status =
        ori_gguf_get_array(from, "tokenizer.ggml.tokens", ORI_GGUF_STRING, &tokens, err);

    if (status != ORION_OK)
        return status;
    *n_tokens = (uint32_t)tokens->count; /* the reader caps arrays at 4 Mi */
    for (size_t i = 0; i < ori_gguf_n_kv(from); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(from, i);
        if (strncmp(kv->key, "tokenizer.", 10) == 0)
            ori_gguf_write_kv(w, kv);
    }
    return ORION_OK;
}
