/* A small GGUF file, one key and no tensors, for tests that take models in. */
#ifndef TINY_GGUF_H
#define TINY_GGUF_H

#include "store_folder.h"

#define TINY_BYTES 80u

static uint8_t tiny[TINY_BYTES];
static char tiny_hex[ORI_SHA256_HEX + 1];

HELPER size_t put_u64(size_t at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        tiny[at + i] = (uint8_t)(value >> (8 * i));
    return at + 8;
}

HELPER void make_tiny(char letter)
{
    struct ori_sha256 hash;

    memset(tiny, 0, sizeof(tiny));
    memcpy(tiny, "GGUF\3\0\0\0", 8);
    size_t at = put_u64(8, 0); /* tensors */
    at = put_u64(at, 1);       /* keys */
    at = put_u64(at, 1);
    tiny[at++] = 'k';
    tiny[at] = 8; /* a string */
    at = put_u64(at + 4, TINY_BYTES - at - 12);
    memset(tiny + at, letter, TINY_BYTES - at);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, tiny, sizeof(tiny));
    ori_sha256_hex(&hash, tiny_hex);
}

HELPER int set_up_tiny(void **state)
{
    make_tiny('a');
    return set_up(state);
}

/* `path` is below the folder, which holds the store too. */
HELPER void put_in(const char *path, const void *data, size_t len)
{
    char whole[1400];
    (void)snprintf(whole, sizeof(whole), "%s", at(path));
    for (char *c = whole + strlen(folder) + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            (void)mkdir(whole, 0700);
            *c = '/';
        }
    put(path, data, len);
}

HELPER void put_tiny(const char *path)
{
    put_in(path, tiny, sizeof(tiny));
}

HELPER void put_text(const char *path, const char *text)
{
    put_in(path, text, strlen(text));
}

#endif
