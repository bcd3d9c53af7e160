/* Filters over text. */
#include "chat/jinja/interp.h"

#include <string.h>

static struct value trim(struct interp *ip, struct value self, const struct args *args)
{
    struct text set = {0};
    const struct value *chars = ori_jarg(args, 0, "chars");

    if (chars && chars->kind != VALUE_NONE)
        set = ori_jarg_text(ip, args, 0, "chars", NULL);
    return ori_jtext(ip, ori_jtext_strip(ip, ori_jprint(ip, self), set, true, true));
}

static struct value upper(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return ori_jtext(ip, ori_jtext_cased(ip, ori_jprint(ip, self), CASE_UPPER));
}

static struct value lower(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return ori_jtext(ip, ori_jtext_cased(ip, ori_jprint(ip, self), CASE_LOWER));
}

static struct value capitalize(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = ori_jprint(ip, self);
    const size_t first = text.len > 0 ? ori_jtext_char(text, 0) : 0;
    struct builder out = {0};

    (void)args;
    ori_jbuild(ip, &out, ori_jtext_cased(ip, ori_jtext_part(text, 0, first), CASE_UPPER));
    ori_jbuild(ip, &out, ori_jtext_cased(ip, ori_jtext_part(text, first, text.len), CASE_LOWER));
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* A word begins behind white space, or one of -({[< . */
static struct value title(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = ori_jprint(ip, self);
    struct builder out = {0};
    static const char opening[] = {'-', '(', '{', '[', '<'};
    bool begins = true;

    (void)args;
    for (size_t at = 0; at < text.len && ori_jinja_spend(ip, 1);) {
        const size_t end = at + ori_jtext_char(text, at);
        ori_jbuild_cased(ip, &out, ori_jtext_part(text, at, end), begins ? CASE_UPPER : CASE_LOWER);
        begins =
            ori_jtext_is_space(text, at) || memchr(opening, text.data[at], sizeof(opening)) != NULL;
        at = end;
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

struct text ori_jreplace(struct interp *ip, struct text text, struct text from, struct text to,
                         int64_t most)
{
    struct builder out = {0};
    size_t at = 0;

    for (int64_t i = 0; (most < 0 || i < most) && ori_jinja_spend(ip, 1); i++) {
        const size_t found = ori_jtext_find(ip, text, from, at);
        if (found > text.len)
            break;
        ori_jbuild(ip, &out, ori_jtext_part(text, at, found));
        ori_jbuild(ip, &out, to);
        at = found + from.len;
        if (from.len > 0)
            continue;
        if (at == text.len) /* nothing stands between any two characters, and at the end */
            break;
        ori_jbuild(ip, &out, ori_jtext_part(text, at, at + ori_jtext_char(text, at)));
        at += ori_jtext_char(text, at);
    }
    ori_jbuild(ip, &out, ori_jtext_part(text, at, text.len));
    return ori_jbuilt(&out);
}

static struct value replace(struct interp *ip, struct value self, const struct args *args)
{
    const struct text from = ori_jarg_text(ip, args, 0, "old", NULL);
    const struct text to = ori_jarg_text(ip, args, 1, "new", NULL);
    const int64_t most = ori_jarg_integer(ip, args, 2, "count", -1);

    if (ori_jinja_failed(ip))
        return self;
    return ori_jtext(ip, ori_jreplace(ip, ori_jprint(ip, self), from, to, most));
}

static struct text indention(struct interp *ip, const struct args *args)
{
    const struct value *width = ori_jarg(args, 0, "width");

    if (width && width->kind == VALUE_TEXT)
        return *width->as.text;
    const int64_t n = ori_jarg_integer(ip, args, 0, "width", 4);
    return ori_jprint(ip, ori_joperate(ip, OP_MUL, ori_jtext_literal(ip, " "), ori_jint(n)));
}

/* Every line but the first, and but empty ones, begins further right. */
static struct value indent(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = ori_jprint(ip, self);
    const struct text by = indention(ip, args);
    const bool first = ori_jarg_truth(args, 1, "first", false);
    const bool blank = ori_jarg_truth(args, 2, "blank", false);
    struct builder out = {0};

    for (size_t at = 0; at <= text.len && ori_jinja_spend(ip, 1);) {
        const char *newline = at < text.len ? memchr(text.data + at, '\n', text.len - at) : NULL;
        const size_t end = newline ? (size_t)(newline - text.data) + 1 : text.len;
        const bool empty = end == at || text.data[at] == '\n';
        if (at == 0 ? first : blank || !empty)
            ori_jbuild(ip, &out, by);
        ori_jbuild(ip, &out, ori_jtext_part(text, at, end));
        at = newline ? end : text.len + 1;
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

static struct value escape(struct interp *ip, struct value self, const struct args *args)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    struct text text = ori_jprint(ip, self);

    (void)args;
    for (size_t i = 0; i < ORI_COUNT(entities); i++) {
        const struct text from = {&entities[i].c, 1, NULL, true};
        text = ori_jreplace(
            ip, text, from,
            ori_jtext_trusted((struct ori_str){entities[i].entity, strlen(entities[i].entity)}),
            -1);
    }
    return ori_jtext(ip, text);
}

static struct value string(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return ori_jtext(ip, ori_jprint(ip, self));
}

static struct value format(struct interp *ip, struct value self, const struct args *args)
{
    return ori_jformat(ip, ori_jprint(ip, self), args->at, args->n);
}

static struct value wordcount(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = ori_jprint(ip, self);
    int64_t words = 0;
    bool space = true;

    (void)args;
    ori_jinja_spend(ip, text.len / 8); /* a close look at every byte */
    for (size_t at = 0; at < text.len; at += ori_jtext_char(text, at)) {
        const bool was = space;
        space = ori_jtext_is_space(text, at);
        words += was && !space;
    }
    return ori_jint(words);
}

const struct builtin ori_jfilters_text[] = {
    {"trim", trim},
    {"upper", upper},
    {"lower", lower},
    {"capitalize", capitalize},
    {"title", title},
    {"replace", replace},
    {"indent", indent},
    {"escape", escape},
    {"e", escape},
    {"safe", string},
    {"string", string},
    {"format", format},
    {"wordcount", wordcount},
    {"tojson", ori_jtojson},
};
const size_t ori_jn_filters_text = ORI_COUNT(ori_jfilters_text);
