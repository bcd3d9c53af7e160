/* Golden logits: tests/golden/<model>.json, written by an implementation that
 * shares nothing with ours (tools/golden).  Include after cmocka.h.
 *
 *   {"model": "x.gguf", "cases": [{"label", "tokens": [ids], "positions": [t],
 *    "logits": [base64 of little-endian float32[n_vocab]], "mean_nll": x|null}]}
 */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct golden_case {
    const char *label;
    int32_t *tokens; /* [n_tokens] */
    uint32_t n_tokens;
    uint32_t *positions; /* [n_positions] */
    uint32_t n_positions;
    float *logits;   /* [n_positions][n_vocab] */
    double mean_nll; /* NAN: none, the case has one token */
};

struct golden {
    json_t *root; /* owns the labels */
    uint32_t n_vocab;
    struct golden_case *cases;
    size_t n_cases;
};

static inline uint8_t golden_sextet(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(alphabet, c);
    if (c == '\0' || !at)
        fail_msg("golden data: '%c' is not base64", c);
    return (uint8_t)(at - alphabet);
}

/* Bytes of a base64 text into out[max]; how many there are. */
static inline size_t golden_base64(const char *text, uint8_t *out, size_t max)
{
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;

    for (; *text && *text != '='; text++) {
        bits = (bits << 6) | golden_sextet(*text);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (n == max)
            fail_msg("golden data: a row is too long");
        out[n++] = (uint8_t)(bits >> have);
    }
    return n;
}

static inline uint32_t golden_u32(const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        fail_msg("golden data: an integer is missing");
    return (uint32_t)json_integer_value(value);
}

static inline void *golden_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

static inline void golden_read_case(struct golden *golden, struct golden_case *c, json_t *from)
{
    const json_t *tokens = json_object_get(from, "tokens");
    const json_t *positions = json_object_get(from, "positions");
    const json_t *logits = json_object_get(from, "logits");
    const json_t *nll = json_object_get(from, "mean_nll");
    const size_t row = (size_t)golden->n_vocab * sizeof(float);

    c->label = json_string_value(json_object_get(from, "label"));
    c->n_tokens = (uint32_t)json_array_size(tokens);
    c->n_positions = (uint32_t)json_array_size(positions);
    if (!c->label || c->n_tokens == 0 || c->n_positions == 0 ||
        json_array_size(logits) != c->n_positions)
        fail_msg("golden data: a case is incomplete");
    c->tokens = golden_alloc(c->n_tokens, sizeof(*c->tokens));
    c->positions = golden_alloc(c->n_positions, sizeof(*c->positions));
    c->logits = golden_alloc(c->n_positions, row);
    for (uint32_t i = 0; i < c->n_tokens; i++)
        c->tokens[i] = (int32_t)golden_u32(json_array_get(tokens, i));
    for (uint32_t i = 0; i < c->n_positions; i++) {
        c->positions[i] = golden_u32(json_array_get(positions, i));
        const char *text = json_string_value(json_array_get(logits, i));
        uint8_t *out = (uint8_t *)(c->logits + (size_t)i * golden->n_vocab);
        if (!text || golden_base64(text, out, row) != row)
            fail_msg("golden data: '%s' has a row of the wrong length", c->label);
    }
    c->mean_nll = json_is_number(nll) ? json_number_value(nll) : (double)NAN;
}

static inline void golden_read(const char *path, uint32_t n_vocab, struct golden *golden)
{
    json_error_t error;

    *golden = (struct golden){.n_vocab = n_vocab};
    golden->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!golden->root)
        fail_msg("%s: %s", path, error.text);
    json_t *cases = json_object_get(golden->root, "cases");
    golden->n_cases = json_array_size(cases);
    if (golden->n_cases == 0)
        fail_msg("%s holds no case", path);
    golden->cases = golden_alloc(golden->n_cases, sizeof(*golden->cases));
    for (size_t i = 0; i < golden->n_cases; i++)
        golden_read_case(golden, &golden->cases[i], json_array_get(cases, i));
}

static inline void golden_release(struct golden *golden)
{
    for (size_t i = 0; i < golden->n_cases; i++) {
        free(golden->cases[i].tokens);
        free(golden->cases[i].positions);
        free(golden->cases[i].logits);
    }
    free(golden->cases);
    json_decref(golden->root);
}

#endif
