/* Strings with their escapes, and numbers. */
#include "base/ascii.h"
#include "chat/jinja/interp.h"
#include "chat/jinja/parser.h"

#include <string.h>

/* ---- strings ---- */

struct unescaping {
    const char *from, *end;
    char *to;
};

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    const size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; --i > 0; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(first[len] | code);
    return len;
}

/* At most `most` digits to a code point. */
static uint32_t take_code(struct unescaping *u, size_t most, int base)
{
    uint32_t code = 0;
    for (; most > 0 && u->from < u->end; most--) {
        const int digit = ori_hex_digit(*u->from);
        if (digit < 0 || digit >= base)
            break;
        code = code * (uint32_t)base + (uint32_t)digit;
        u->from++;
    }
    return code;
}

static uint32_t valid(uint32_t code)
{
    return code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0xFFFD : code;
}

/* Behind a backslash.  No escape is shorter than what it stands for. */
static void unescape(struct unescaping *u)
{
    static const char names[] = "abfnrtv\\'\"", values[] = "\a\b\f\n\r\t\v\\'\"";
    const char c = *u->from;
    const char *name = memchr(names, c, sizeof(names) - 1);
    const size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;

    if (c >= '0' && c <= '7') {
        u->to += put_utf8(u->to, take_code(u, 3, 8));
        return;
    }
    if (name) {
        *u->to++ = values[name - names];
    } else if (hex > 0 && u->from + 1 < u->end && ori_hex_digit(u->from[1]) >= 0) {
        u->from++;
        u->to += put_utf8(u->to, valid(take_code(u, hex, 16)));
        return;
    } else if (c != '\n') { /* a line that goes on */
        *u->to++ = '\\';
        *u->to++ = c;
    }
    u->from++;
}

/* The bytes between the quotes to `to`, which has room for them; their end. */
static char *take_string(struct ori_str token, char *to)
{
    struct unescaping u = {token.data + 1, token.data + token.len - 1, to};

    while (u.from < u.end) {
        if (*u.from != '\\') {
            *u.to++ = *u.from++;
        } else {
            u.from++;
            unescape(&u);
        }
    }
    return u.to;
}

/* Strings that stand side by side are one: how long they are, at most. */
static size_t strings_room(struct parser look)
{
    size_t room = 0;
    for (look.err = NULL; look.token.kind == TOKEN_STRING; ori_jparse_advance(&look))
        room += look.token.text.len;
    return room;
}

static struct value string_literal(struct parser *p)
{
    struct text *text = ori_jparse_alloc(p, 1, sizeof(*text));
    char *data = ori_jparse_alloc(p, strings_room(*p), 1);

    if (!text || !data)
        return (struct value){0};
    char *end = data;
    for (; p->token.kind == TOKEN_STRING; ori_jparse_advance(p))
        end = take_string(p->token.text, end);
    *text = ori_jtext_trusted((struct ori_str){data, (size_t)(end - data)});
    return (struct value){VALUE_TEXT, {.text = text}};
}

/* ---- numbers ---- */

static struct value int_literal(struct parser *p)
{
    const struct token token = p->token;
    int64_t integer = 0;

    ori_jparse_advance(p);
    for (size_t i = 0; i < token.text.len; i++) {
        const char c = token.text.data[i];
        if (c != '_' && (__builtin_mul_overflow(integer, 10, &integer) ||
                         __builtin_add_overflow(integer, c - '0', &integer))) {
            ori_jparse_fail(p, token.at, "this number does not fit 64 bits");
            return (struct value){0};
        }
    }
    return ori_jint(integer);
}

static struct value float_literal(struct parser *p)
{
    const struct token token = p->token;
    double real = 0;

    ori_jparse_advance(p);
    if (!ori_jread_float(token.text.data, token.text.len, &real))
        ori_jparse_fail(p, token.at, "this number can't be read");
    return ori_jfloat(real);
}

struct value ori_jparse_literal(struct parser *p)
{
    if (p->token.kind == TOKEN_STRING)
        return string_literal(p);
    return p->token.kind == TOKEN_INT ? int_literal(p) : float_literal(p);
}
