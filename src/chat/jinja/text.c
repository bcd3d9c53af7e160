#include "chat/jinja/interp.h"

#include <string.h>

#include "base/utf8.h"

struct text ori_jtext_part(struct text text, size_t begin, size_t end)
{
    text.data += begin;
    text.len = end - begin;
    if (text.marks)
        text.marks += begin;
    return text;
}

bool ori_jtext_is(struct text text, const char *literal)
{
    return ori_str_eq((struct ori_str){text.data, text.len}, literal);
}

bool ori_jtext_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int ori_jtext_order(struct text a, struct text b) /* UTF-8 sorts as its code points do */
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? (order > 0) - (order < 0) : (a.len > b.len) - (a.len < b.len);
}

/* Each place at which the first byte fits may cost the whole part. */
size_t ori_jtext_find(struct interp *ip, struct text text, struct text part, size_t from)
{
    ori_jinja_spend_bytes(ip, text.len - from);
    if (part.len == 0)
        return from;
    while (text.len - from >= part.len && ori_jinja_spend(ip, 1)) {
        const char *at = memchr(text.data + from, part.data[0], text.len - from - part.len + 1);
        if (!at)
            break;
        ori_jinja_spend_bytes(ip, part.len);
        from = (size_t)(at - text.data);
        if (memcmp(at, part.data, part.len) == 0)
            return from;
        from++;
    }
    return text.len + 1;
}

/* ---- characters ---- */

size_t ori_jtext_char(struct text text, size_t at)
{
    if ((unsigned char)text.data[at] < 0x80)
        return 1;
    const size_t len = ori_utf8_char(text.data + at, text.len - at);
    return len > 0 ? len : 1;
}

size_t ori_jtext_chars(struct interp *ip, struct text text)
{
    size_t n = 0;

    ori_jinja_spend(ip, text.len / 16); /* a look at every byte */
    for (size_t at = 0; at < text.len; at += ori_jtext_char(text, at))
        n++;
    return n;
}

size_t ori_jtext_offset(struct interp *ip, struct text text, size_t index)
{
    size_t at = 0;

    for (; at < text.len && index > 0; index--)
        at += ori_jtext_char(text, at);
    ori_jinja_spend(ip, at / 16);
    return at;
}

uint32_t ori_jtext_code(struct text text, size_t at)
{
    static const uint8_t first[] = {0, 0x7f, 0x1f, 0x0f, 0x07}; /* bits of the first byte */
    const size_t len = ori_utf8_char(text.data + at, text.len - at);
    uint32_t code = (unsigned char)text.data[at] & first[len];

    if (len == 0)
        return 0xFFFD;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text.data[at + i] & 0x3f);
    return code;
}

bool ori_jtext_is_space(struct text text, size_t at)
{
    const unsigned char first = (unsigned char)text.data[at];
    if (first < 0x80)
        return (first >= 9 && first <= 13) || (first >= 28 && first <= 32);
    const uint32_t c = ori_jtext_code(text, at);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_in(struct text set, struct text character)
{
    for (size_t at = 0; at < set.len; at += ori_jtext_char(set, at))
        if (ori_jtext_equal(ori_jtext_part(set, at, at + ori_jtext_char(set, at)), character))
            return true;
    return false;
}

static bool strips(struct text text, size_t at, struct text set)
{
    if (!set.data)
        return ori_jtext_is_space(text, at);
    return is_in(set, ori_jtext_part(text, at, at + ori_jtext_char(text, at)));
}

/* The beginning of the character that ends at `end`. */
static size_t char_before(struct text text, size_t end)
{
    if ((unsigned char)text.data[end - 1] < 0x80)
        return end - 1;
    for (size_t len = 2; len <= 4 && len <= end; len++)
        if (ori_utf8_char(text.data + end - len, len) == len)
            return end - len;
    return end - 1;
}

/* May the character at `at` go?  Each that is tried against a set is a step; white space
 * is told faster. */
static bool may_strip(struct interp *ip, struct text text, size_t at, struct text set)
{
    if (set.data ? !ori_jinja_spend(ip, 1 + set.len / 16) : ori_jinja_failed(ip))
        return false;
    return strips(text, at, set);
}

struct text ori_jtext_strip(struct interp *ip, struct text text, struct text set, bool left,
                            bool right)
{
    size_t begin = 0, end = text.len;

    while (left && begin < end && may_strip(ip, text, begin, set))
        begin += ori_jtext_char(text, begin);
    while (right && end > begin && may_strip(ip, text, char_before(text, end), set))
        end = char_before(text, end);
    ori_jinja_spend(ip, (text.len - (end - begin)) / 8); /* a close look at every byte */
    return ori_jtext_part(text, begin, end);
}
