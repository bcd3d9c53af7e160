/* What the fuzz harnesses share. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HELPER __attribute__((unused)) static

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold, whatever the input. */
HELPER void require(bool holds)
{
    if (!holds)
        abort();
}

/* A copy with a NUL behind it; free() it. */
HELPER char *text_of(const void *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Cut the next part, up to `end`, off the rest of a text; NULL after the last. */
HELPER char *next_part(char **rest, char end)
{
    char *part = *rest;
    char *at = part ? strchr(part, end) : NULL;
    if (at)
        *at++ = '\0';
    *rest = at;
    return part;
}

#endif
