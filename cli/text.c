/* Text for a terminal. */
#include "text.h"

#include <string.h>

/* ---- UTF-8 ---- */

#define BROKEN 0xFFFFFFFFu

/* The character at the start of s: its bytes (1 for a broken one) and its
 * code point, or BROKEN. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *code)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t length = s[0] < 0x80             ? 1
                          : (s[0] & 0xE0) == 0xC0 ? 2
                          : (s[0] & 0xF0) == 0xE0 ? 3
                          : (s[0] & 0xF8) == 0xF0 ? 4
                                                  : 0;
    uint32_t value;

    *code = BROKEN;
    if (length == 0 || length > n)
        return 1;
    if (length == 1) {
        *code = s[0];
        return 1;
    }
    value = s[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 1;
    *code = value;
    return length;
}

/* A character that moves or reorders what is on the screen. */
static bool steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == BROKEN;
}

static int columns_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        int columns;
    } ranges[] = {
        {0x0300, 0x036F, 0}, {0x200B, 0x200F, 0}, {0xFE00, 0xFE0F, 0},   {0x1100, 0x115F, 2},
        {0x2E80, 0xA4CF, 2}, {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},   {0xFE30, 0xFE6F, 2},
        {0xFF00, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

/* ---- cleaning ---- */

void cli_text_clean(const char *text, char *out, size_t out_bytes)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = strlen(text), used = 0;

    while (n > 0) {
        uint32_t code;
        const size_t length = decode(s, n, &code);
        const bool replace = steers(code);
        const size_t added = replace ? 1 : length;

        if (used + added >= out_bytes)
            break;
        if (replace)
            out[used] = '?';
        else
            memcpy(out + used, s, length);
        used += added;
        s += length;
        n -= length;
    }
    out[used] = '\0';
}

void cli_text_put(FILE *stream, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;

    while (n > 0) {
        uint32_t code;
        const size_t length = decode(s, n, &code);

        if (steers(code) && code != '\n' && code != '\t')
            (void)fputc('?', stream);
        else
            (void)fwrite(s, 1, length, stream);
        s += length;
        n -= length;
    }
}

void cli_text_put_escaped(FILE *stream, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = strlen(text);

    while (n > 0) {
        uint32_t code;
        const size_t length = decode(s, n, &code);

        if (code == '\n')
            (void)fputs("\\n", stream);
        else if (code == '\t')
            (void)fputs("\\t", stream);
        else if (code == BROKEN || code < 0x80 ? steers(code) : false)
            (void)fprintf(stream, "\\x%02x", s[0]);
        else if (steers(code))
            (void)fprintf(stream, "\\u%04x", (unsigned)code);
        else
            (void)fwrite(s, 1, length, stream);
        s += length;
        n -= length;
    }
}

void cli_text_mend(const char *text, size_t n, char *out)
{
    const unsigned char *s = (const unsigned char *)text;

    while (n > 0) {
        uint32_t code;
        const size_t length = decode(s, n, &code);
        const char *bytes = code == BROKEN ? "\xEF\xBF\xBD" : (const char *)s;
        const size_t added = code == BROKEN ? 3 : length;

        memcpy(out, bytes, added);
        out += added;
        s += length;
        n -= length;
    }
    *out = '\0';
}

/* ---- measuring ---- */

int cli_text_width(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = strlen(text);
    int columns = 0;

    while (n > 0) {
        uint32_t code;
        const size_t length = decode(s, n, &code);
        columns += columns_of(code);
        s += length;
        n -= length;
    }
    return columns;
}

/* Bytes of the longest start of text that takes at most `columns`. */
static size_t fitting(const char *text, int columns)
{
    const unsigned char *s = (const unsigned char *)text;
    const size_t n = strlen(text);
    size_t used = 0;

    while (used < n) {
        uint32_t code;
        const size_t length = decode(s + used, n - used, &code);
        columns -= columns_of(code);
        if (columns < 0)
            break;
        used += length;
    }
    return used;
}

void cli_text_clip(const char *text, int columns, char *out, size_t out_bytes)
{
    if (cli_text_width(text) <= columns && strlen(text) < out_bytes) {
        (void)snprintf(out, out_bytes, "%s", text);
        return;
    }
    const int kept = columns > 3 ? columns - 3 : 0;
    const int dots = columns < 0 ? 0 : columns < 3 ? columns : 3;
    const size_t start = fitting(text, kept);

    if (start + 3 < out_bytes)
        (void)snprintf(out, out_bytes, "%.*s%.*s", (int)start, text, dots, "...");
    else
        out[0] = '\0';
}

/* ---- numbers ---- */

const char *cli_text_bytes(uint64_t bytes, char out[CLI_NUMBER_BYTES])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1000) {
        (void)snprintf(out, CLI_NUMBER_BYTES, "%u B", (unsigned)bytes);
        return out;
    }
    while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    (void)snprintf(out, CLI_NUMBER_BYTES, "%.*f %s", decimals, value, units[unit]);
    return out;
}

const char *cli_text_duration(double seconds, char out[CLI_NUMBER_BYTES])
{
    const unsigned long long s =
        seconds > 0 && seconds < 1e9 ? (unsigned long long)(seconds + 0.5) : 0;

    if (s >= 3600)
        (void)snprintf(out, CLI_NUMBER_BYTES, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, CLI_NUMBER_BYTES, "%llu:%02llu", s / 60, s % 60);
    return out;
}
