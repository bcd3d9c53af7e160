#include "base/utf8.h"

/* Length that a first byte announces and the bounds of the second byte, which
 * exclude overlong forms and surrogates (Unicode 15, table 3-7). */
static size_t announced(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF) {
        if (first == 0xE0)
            *low = 0xA0;
        if (first == 0xED)
            *high = 0x9F;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (first == 0xF0)
            *low = 0x90;
        if (first == 0xF4)
            *high = 0x8F;
        return 4;
    }
    return 0;
}

/* How many of the bytes fit the form of one character; *need is its length. */
static size_t matching(const char *text, size_t len, size_t *need)
{
    uint8_t low;
    uint8_t high;

    *need = 0;
    if (len == 0)
        return 0;
    *need = announced((uint8_t)text[0], &low, &high);
    if (*need == 0)
        return 0;
    size_t i = 1;
    for (; i < *need && i < len; i++) {
        const uint8_t byte = (uint8_t)text[i];
        if (byte < low || byte > high)
            break;
        low = 0x80;
        high = 0xBF;
    }
    return i;
}

size_t ori_utf8_char(const char *text, size_t len)
{
    size_t need;
    const size_t have = matching(text, len, &need);
    return need > 0 && have == need ? need : 0;
}

bool ori_utf8_is_partial(const char *text, size_t len)
{
    size_t need;
    const size_t have = matching(text, len, &need);
    return len > 0 && have == len && have < need;
}

size_t ori_utf8_valid_len(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        const size_t n = ori_utf8_char(text + i, len - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}
