#include "chat/jinja/lexer.h"

#include "base/ascii.h"

#include <string.h>

void ori_jinja_lexer_init(struct lexer *lexer, struct ori_str source)
{
    *lexer = (struct lexer){.source = source, .tag = TOKEN_END, .line_begins = true};
}

static bool is_name(char c) /* any other byte than ASCII is a letter */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || ori_is_digit(c) ||
           (unsigned char)c >= 0x80;
}

static bool follows(const struct lexer *lexer, size_t at, const char *word)
{
    const size_t len = strlen(word);
    return lexer->source.len - at >= len && memcmp(lexer->source.data + at, word, len) == 0;
}

static struct token token(const struct lexer *lexer, enum token_kind kind, size_t begin, size_t end)
{
    return (struct token){kind, {lexer->source.data + begin, end - begin}, begin};
}

static struct token bad(size_t at, const char *why)
{
    return (struct token){TOKEN_BAD, {why, strlen(why)}, at};
}

/* ---- the ends of tags ---- */

static void skip_space(struct lexer *lexer)
{
    while (lexer->at < lexer->source.len && ori_is_space(lexer->source.data[lexer->at]))
        lexer->at++;
}

/* Behind a mark that closes a tag and has `sign` before it ('-', '+' or 0). */
static void end_tag(struct lexer *lexer, char sign, bool block)
{
    const size_t begin = lexer->at;

    if (sign == '-')
        skip_space(lexer);
    else if (block && sign != '+' && follows(lexer, lexer->at, "\n"))
        lexer->at++;
    lexer->line_begins = lexer->at > begin && lexer->source.data[lexer->at - 1] == '\n';
}

/* The length of a closing mark at `at`, `sign` included; 0 when there is none. */
static size_t closing(const struct lexer *lexer, size_t at, const char *mark, char *sign)
{
    *sign = 0;
    if (follows(lexer, at, mark))
        return 2;
    if (!(follows(lexer, at, "-") || follows(lexer, at, "+")) || !follows(lexer, at + 1, mark))
        return 0;
    *sign = lexer->source.data[at];
    return 3;
}

/* ---- outside of tags ---- */

static bool opens_tag(const struct lexer *lexer, size_t at)
{
    return follows(lexer, at, "{{") || follows(lexer, at, "{%") || follows(lexer, at, "{#");
}

static size_t find_tag(const struct lexer *lexer, size_t at)
{
    while (at < lexer->source.len && !opens_tag(lexer, at))
        at++;
    return at;
}

/* Where the text [begin, tag) really ends, by the white space before the tag. */
static size_t text_end(const struct lexer *lexer, size_t begin, size_t tag)
{
    const char *data = lexer->source.data;
    const bool block = tag < lexer->source.len && data[tag + 1] != '{';
    size_t end = tag;

    if (tag == lexer->source.len || follows(lexer, tag + 2, "+"))
        return end;
    const bool all = follows(lexer, tag + 2, "-");
    if (!all && !block)
        return end;
    while (end > begin && ori_is_space(data[end - 1]) && (all || data[end - 1] != '\n'))
        end--;
    if (all || (end > begin ? data[end - 1] == '\n' : lexer->line_begins))
        return end;
    return tag;
}

/* Past a comment that begins here; false when it has no end. */
static bool skip_comment(struct lexer *lexer)
{
    char sign;

    for (size_t at = lexer->at + 2; at < lexer->source.len; at++) {
        const size_t len = closing(lexer, at, "#}", &sign);
        if (len > 0) {
            lexer->at = at + len;
            end_tag(lexer, sign, true);
            return true;
        }
    }
    return false;
}

/* Past `{% word %}` at `at`; false, lexer as it was, when something else is there. */
static bool take_plain_tag(struct lexer *lexer, size_t at, const char *word)
{
    const struct lexer before = *lexer;
    char sign;

    lexer->at = at;
    if (!follows(lexer, at, "{%"))
        return false;
    lexer->at += 2;
    if (follows(lexer, lexer->at, "-") || follows(lexer, lexer->at, "+"))
        lexer->at++;
    skip_space(lexer);
    if (follows(lexer, lexer->at, word)) {
        lexer->at += strlen(word);
        skip_space(lexer);
        const size_t len = closing(lexer, lexer->at, "%}", &sign);
        if (len > 0) {
            lexer->at += len;
            end_tag(lexer, sign, true);
            return true;
        }
    }
    *lexer = before;
    return false;
}

/* The text up to `{% endraw %}`. */
static struct token raw_text(struct lexer *lexer, size_t tag)
{
    const size_t begin = lexer->at;
    const bool line_begins = lexer->line_begins;

    for (size_t at = begin; at < lexer->source.len; at++) {
        if (!take_plain_tag(lexer, at, "endraw"))
            continue;
        const struct lexer after = *lexer;
        lexer->line_begins = line_begins;
        const size_t end = text_end(lexer, begin, at);
        *lexer = after;
        return token(lexer, TOKEN_TEXT, begin, end);
    }
    return bad(tag, "this {% raw %} has no {% endraw %}");
}

static struct token open_tag(struct lexer *lexer)
{
    const size_t begin = lexer->at;

    lexer->tag = follows(lexer, begin, "{{") ? TOKEN_PRINT_OPEN : TOKEN_BLOCK_OPEN;
    lexer->at += 2;
    if (follows(lexer, lexer->at, "-") || follows(lexer, lexer->at, "+"))
        lexer->at++;
    return token(lexer, lexer->tag, begin, lexer->at);
}

static struct token next_outside(struct lexer *lexer)
{
    for (;;) {
        const size_t begin = lexer->at;
        const size_t tag = find_tag(lexer, begin);
        const size_t end = text_end(lexer, begin, tag);

        lexer->at = tag;
        if (end > begin)
            return token(lexer, TOKEN_TEXT, begin, end);
        if (tag == lexer->source.len)
            return token(lexer, TOKEN_END, tag, tag);
        if (take_plain_tag(lexer, tag, "raw")) {
            const struct token text = raw_text(lexer, tag);
            if (text.kind == TOKEN_BAD || text.text.len > 0)
                return text;
        } else if (!follows(lexer, tag, "{#")) {
            return open_tag(lexer);
        } else if (!skip_comment(lexer)) {
            return bad(tag, "this comment has no end");
        }
    }
}

/* ---- in a tag ---- */

static struct token string_token(struct lexer *lexer)
{
    const char *data = lexer->source.data;
    const size_t begin = lexer->at;
    size_t at = begin + 1;

    while (at < lexer->source.len && data[at] != data[begin])
        at += data[at] == '\\' ? 2 : 1;
    if (at >= lexer->source.len)
        return bad(begin, "this string has no end");
    lexer->at = at + 1;
    return token(lexer, TOKEN_STRING, begin, lexer->at);
}

static size_t skip_digits(const struct lexer *lexer, size_t at)
{
    while (at < lexer->source.len &&
           (ori_is_digit(lexer->source.data[at]) || lexer->source.data[at] == '_'))
        at++;
    return at;
}

/* The `0` of `items.0.name` is no beginning of a float. */
static struct token number_token(struct lexer *lexer)
{
    const char *data = lexer->source.data;
    const size_t begin = lexer->at;
    size_t at = skip_digits(lexer, begin);
    enum token_kind kind = TOKEN_INT;

    if (begin == 0 || data[begin - 1] != '.') {
        if (at + 1 < lexer->source.len && data[at] == '.' && ori_is_digit(data[at + 1])) {
            at = skip_digits(lexer, at + 1);
            kind = TOKEN_FLOAT;
        }
        size_t exponent = at + 1;
        if (at < lexer->source.len && (data[at] == 'e' || data[at] == 'E')) {
            if (follows(lexer, exponent, "-") || follows(lexer, exponent, "+"))
                exponent++;
            if (exponent < lexer->source.len && ori_is_digit(data[exponent])) {
                at = skip_digits(lexer, exponent);
                kind = TOKEN_FLOAT;
            }
        }
    }
    lexer->at = at;
    return token(lexer, kind, begin, at);
}

static struct token name_token(struct lexer *lexer)
{
    const size_t begin = lexer->at;
    while (lexer->at < lexer->source.len && is_name(lexer->source.data[lexer->at]))
        lexer->at++;
    return token(lexer, TOKEN_NAME, begin, lexer->at);
}

static struct token op_token(struct lexer *lexer)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "//", "**", "+", "-", "*",
                                      "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                      "]",  "{",  "}",  ",",  ":",  ".",  "|"};
    const size_t begin = lexer->at;

    for (size_t i = 0; i < ORI_COUNT(ops); i++) {
        if (!follows(lexer, begin, ops[i]))
            continue;
        lexer->at += strlen(ops[i]);
        if (strchr("([{", ops[i][0]))
            lexer->brackets++;
        else if (strchr(")]}", ops[i][0]) && lexer->brackets > 0)
            lexer->brackets--;
        return token(lexer, TOKEN_OP, begin, lexer->at);
    }
    return bad(begin, "this character has no meaning in a tag");
}

static bool close_tag(struct lexer *lexer, struct token *out)
{
    const bool block = lexer->tag == TOKEN_BLOCK_OPEN;
    const size_t begin = lexer->at;
    char sign;
    const size_t len = closing(lexer, begin, block ? "%}" : "}}", &sign);

    if (len == 0 || lexer->brackets > 0 || (sign == '+' && !block))
        return false;
    lexer->at += len;
    *out = token(lexer, block ? TOKEN_BLOCK_CLOSE : TOKEN_PRINT_CLOSE, begin, lexer->at);
    end_tag(lexer, sign, block);
    lexer->tag = TOKEN_END;
    return true;
}

static struct token next_inside(struct lexer *lexer)
{
    struct token closed;

    skip_space(lexer);
    if (lexer->at == lexer->source.len)
        return bad(lexer->at, "the last tag has no end");
    if (close_tag(lexer, &closed))
        return closed;
    const char c = lexer->source.data[lexer->at];
    if (c == '"' || c == '\'')
        return string_token(lexer);
    if (ori_is_digit(c))
        return number_token(lexer);
    return is_name(c) ? name_token(lexer) : op_token(lexer);
}

struct token ori_jinja_next_token(struct lexer *lexer)
{
    return lexer->tag == TOKEN_END ? next_outside(lexer) : next_inside(lexer);
}
