/* Building text, and letters in another case. */
#include "chat/jinja/interp.h"

#include <stdio.h>
#include <string.h>

/* In an arena nothing is given back: doubling wastes as much as it holds. */
static bool make_room(struct interp *ip, struct builder *builder, size_t more)
{
    size_t need;

    if (!ori_add(builder->len, more, &need) || need > ORI_JINJA_MAX_TEXT) {
        ori_jinja_limit(ip, "a text of more than %u bytes", ORI_JINJA_MAX_TEXT);
        return false;
    }
    if (need <= builder->cap)
        return true;
    const size_t cap = need > builder->cap * 2 ? need + 32 : builder->cap * 2;
    char *data = ori_jinja_alloc(ip, cap, 2); /* the marks stand behind the bytes */
    if (!data)
        return false;
    if (builder->len > 0) {
        memcpy(data, builder->data, builder->len);
        memcpy(data + cap, builder->marks, builder->len);
    }
    builder->data = data;
    builder->marks = (uint8_t *)data + cap;
    builder->cap = cap;
    return true;
}

void ori_jbuild(struct interp *ip, struct builder *builder, struct text text)
{
    if (text.len == 0 || !ori_jinja_spend(ip, 1 + text.len / 64) ||
        !make_room(ip, builder, text.len))
        return;
    uint8_t *marks = builder->marks + builder->len;
    memcpy(builder->data + builder->len, text.data, text.len);
    if (text.marks)
        memcpy(marks, text.marks, text.len);
    else
        memset(marks, text.trusted, text.len);
    builder->len += text.len;
    builder->holds[false] |= text.marks ? memchr(marks, false, text.len) != NULL : !text.trusted;
    builder->holds[true] |= text.marks ? memchr(marks, true, text.len) != NULL : text.trusted;
}

void ori_jbuild_trusted(struct interp *ip, struct builder *builder, const char *literal)
{
    ori_jbuild(ip, builder, ori_jtext_trusted((struct ori_str){literal, strlen(literal)}));
}

void ori_jbuild_format(struct interp *ip, struct builder *builder, bool trusted, const char *fmt,
                       ...)
{
    char bytes[64];
    va_list args;

    va_start(args, fmt);
    const int len = vsnprintf(bytes, sizeof(bytes), fmt, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof(bytes))
        ori_jbuild(ip, builder, (struct text){bytes, (size_t)len, NULL, trusted});
}

struct text ori_jbuilt(const struct builder *builder)
{
    const bool mixed = builder->holds[false] && builder->holds[true];
    return (struct text){builder->data ? builder->data : "", builder->len,
                         mixed ? builder->marks : NULL, !builder->holds[false]};
}

/* ---- letters ---- */

/* Runs of letters whose other case is `apart` away. */
static const struct {
    uint32_t first, last; /* the upper case */
    uint32_t apart;
} letters[] = {
    {'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},   {0x391, 0x3A1, 32},
    {0x3A3, 0x3A9, 32}, {0x400, 0x40F, 80}, {0x410, 0x42F, 32},
};

static uint32_t cased(uint32_t code, enum letter_case to)
{
    for (size_t i = 0; i < ORI_COUNT(letters); i++) {
        const uint32_t base = to == CASE_UPPER ? letters[i].apart : 0;
        if (code >= letters[i].first + base && code <= letters[i].last + base)
            return to == CASE_UPPER ? code - letters[i].apart : code + letters[i].apart;
    }
    return code;
}

bool ori_jtext_is_letter(struct text text, size_t at)
{
    const uint32_t code = ori_jtext_code(text, at);
    return cased(code, CASE_LOWER) != code || cased(code, CASE_UPPER) != code;
}

void ori_jbuild_cased(struct interp *ip, struct builder *builder, struct text character,
                      enum letter_case to)
{
    const uint32_t code = ori_jtext_code(character, 0);
    const uint32_t other = cased(code, to);
    const bool trusted = character.marks ? character.marks[0] : character.trusted;

    if (other == code) {
        ori_jbuild(ip, builder, character);
        return;
    }
    const char bytes[2] = {(char)(other < 0x80 ? other : 0xC0 | other >> 6),
                           (char)(0x80 | (other & 0x3f))};
    ori_jbuild(ip, builder, (struct text){bytes, other < 0x80 ? 1 : 2, NULL, trusted});
}

struct text ori_jtext_cased(struct interp *ip, struct text text, enum letter_case to)
{
    struct builder builder = {0};

    for (size_t at = 0; at < text.len && ori_jinja_spend(ip, 1);) {
        const size_t end = at + ori_jtext_char(text, at);
        ori_jbuild_cased(ip, &builder, ori_jtext_part(text, at, end), to);
        at = end;
    }
    return ori_jbuilt(&builder);
}
