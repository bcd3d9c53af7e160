/* Methods of text, as those of Python's str. */
#include "chat/jinja/interp.h"

#include <string.h>

static struct text self_text(struct value self)
{
    return *self.as.text;
}

/* ---- white space and parts ---- */

static struct value stripped(struct interp *ip, struct value self, const struct args *args,
                             bool left, bool right)
{
    struct text set = {0};
    if (args->n > 0 && args->at[0].kind != VALUE_NONE)
        set = ori_jarg_text(ip, args, 0, "chars", NULL);
    return ori_jtext(ip, ori_jtext_strip(ip, self_text(self), set, left, right));
}

static struct value strip(struct interp *ip, struct value self, const struct args *args)
{
    return stripped(ip, self, args, true, true);
}

static struct value lstrip(struct interp *ip, struct value self, const struct args *args)
{
    return stripped(ip, self, args, true, false);
}

static struct value rstrip(struct interp *ip, struct value self, const struct args *args)
{
    return stripped(ip, self, args, false, true);
}

static bool is_end(struct interp *ip, struct text text, struct text part, bool prefix)
{
    if (part.len > text.len || !ori_jinja_spend_bytes(ip, part.len))
        return false;
    const size_t at = prefix ? 0 : text.len - part.len;
    return ori_jtext_equal(ori_jtext_part(text, at, at + part.len), part);
}

/* The argument is a text, or a tuple of which one will do. */
static struct value ends(struct interp *ip, struct value self, const struct args *args, bool prefix)
{
    const struct text text = self_text(self);
    bool is = false;

    if (args->n == 0 || args->at[0].kind != VALUE_LIST)
        return ori_jbool(is_end(ip, text, ori_jarg_text(ip, args, 0, "prefix", NULL), prefix));
    const struct list *list = args->at[0].as.list;
    for (size_t i = 0; i < list->n && !is && ori_jinja_spend(ip, 1); i++)
        is = list->at[i].kind == VALUE_TEXT && is_end(ip, text, *list->at[i].as.text, prefix);
    return ori_jbool(is);
}

static struct value startswith(struct interp *ip, struct value self, const struct args *args)
{
    return ends(ip, self, args, true);
}

static struct value endswith(struct interp *ip, struct value self, const struct args *args)
{
    return ends(ip, self, args, false);
}

static struct value without_end(struct interp *ip, struct value self, const struct args *args,
                                bool prefix)
{
    const struct text text = self_text(self), part = ori_jarg_text(ip, args, 0, "prefix", NULL);
    if (!is_end(ip, text, part, prefix))
        return self;
    return ori_jtext(ip, prefix ? ori_jtext_part(text, part.len, text.len)
                                : ori_jtext_part(text, 0, text.len - part.len));
}

static struct value removeprefix(struct interp *ip, struct value self, const struct args *args)
{
    return without_end(ip, self, args, true);
}

static struct value removesuffix(struct interp *ip, struct value self, const struct args *args)
{
    return without_end(ip, self, args, false);
}

/* ---- splitting ---- */

static void add_part(struct interp *ip, struct list *list, struct text text, size_t begin,
                     size_t end)
{
    ori_jlist_add(ip, list, ori_jtext(ip, ori_jtext_part(text, begin, end)));
}

static struct value split_at(struct interp *ip, struct text text, struct text by, int64_t most)
{
    struct list *parts = ori_jlist_new(ip, 0);
    size_t begin = 0;

    if (by.len == 0)
        return ori_jinja_fail(ip, "split wants a separator that is not empty");
    for (; most != 0 && !ori_jinja_failed(ip); most--) {
        const size_t end = ori_jtext_find(ip, text, by, begin);
        if (end > text.len)
            break;
        add_part(ip, parts, text, begin, end);
        begin = end + by.len;
    }
    add_part(ip, parts, text, begin, text.len);
    return ori_jlist(parts);
}

/* At runs of white space; none at the ends. */
static struct value split_words(struct interp *ip, struct text text, int64_t most)
{
    const struct text space = {0};
    struct list *parts = ori_jlist_new(ip, 0);

    text = ori_jtext_strip(ip, text, space, true, most < 0);
    for (; text.len > 0 && !ori_jinja_failed(ip); most--) {
        size_t end = 0;
        while (end < text.len && (most == 0 || !ori_jtext_is_space(text, end)))
            end += ori_jtext_char(text, end);
        ori_jinja_spend(ip, end / 8); /* a close look at every byte */
        add_part(ip, parts, text, 0, end);
        text = ori_jtext_strip(ip, ori_jtext_part(text, end, text.len), space, true, false);
    }
    return ori_jlist(parts);
}

static struct value split(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *by = ori_jarg(args, 0, "sep");
    const int64_t most = ori_jarg_integer(ip, args, 1, "maxsplit", -1);

    if (!by || by->kind == VALUE_NONE)
        return split_words(ip, self_text(self), most);
    const struct text separator = ori_jarg_text(ip, args, 0, "sep", NULL);
    return split_at(ip, self_text(self), separator, most);
}

static size_t find_last(struct interp *ip, struct text text, struct text part)
{
    size_t last = text.len + 1;

    if (part.len > text.len)
        return last;
    ori_jinja_spend(ip, text.len / 16); /* a look at every byte */
    for (size_t at = text.len - part.len + 1; at-- > 0;)
        if (ori_jtext_equal(ori_jtext_part(text, at, at + part.len), part))
            return at;
        else if (part.len > 64 && !ori_jinja_spend(ip, part.len / 64))
            break;
    return last;
}

/* From the end, which matters only with a limit. */
static struct value rsplit(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *by = ori_jarg(args, 0, "sep");
    int64_t most = ori_jarg_integer(ip, args, 1, "maxsplit", -1);
    struct list *parts = ori_jlist_new(ip, 0);
    struct text text = self_text(self);

    if (!by || by->kind == VALUE_NONE || most < 0)
        return split(ip, self, args);
    const struct text separator = ori_jarg_text(ip, args, 0, "sep", NULL);
    for (; most > 0 && separator.len > 0 && !ori_jinja_failed(ip); most--) {
        const size_t at = find_last(ip, text, separator);
        if (at > text.len)
            break;
        add_part(ip, parts, text, at + separator.len, text.len);
        text = ori_jtext_part(text, 0, at);
    }
    add_part(ip, parts, text, 0, text.len);
    return ori_jslice(ip, ori_jlist(parts), ori_jnone(), ori_jnone(), ori_jint(-1));
}

static struct value splitlines(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = self_text(self);
    const bool keep = ori_jarg_truth(args, 0, "keepends", false);
    struct list *lines = ori_jlist_new(ip, 0);

    for (size_t at = 0; at < text.len && !ori_jinja_failed(ip);) {
        size_t end = at;
        while (end < text.len && text.data[end] != '\n' && text.data[end] != '\r')
            end++;
        ori_jinja_spend_bytes(ip, end - at);
        size_t next = end + (end < text.len);
        if (end + 1 < text.len && text.data[end] == '\r' && text.data[end + 1] == '\n')
            next++;
        add_part(ip, lines, text, at, keep ? next : end);
        at = next;
    }
    return ori_jlist(lines);
}

/* ---- looking ---- */

static struct value char_index(struct interp *ip, struct text text, size_t at)
{
    if (at > text.len)
        return ori_jint(-1);
    return ori_jint((int64_t)ori_jtext_chars(ip, ori_jtext_part(text, 0, at)));
}

static struct value find(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = self_text(self), part = ori_jarg_text(ip, args, 0, "sub", NULL);
    const int64_t from = ori_jarg_integer(ip, args, 1, "start", 0);

    if (from < 0)
        return ori_jinja_fail(ip, "find wants a start of at least 0");
    return char_index(ip, text,
                      ori_jtext_find(ip, text, part, ori_jtext_offset(ip, text, (size_t)from)));
}

static struct value rfind(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = self_text(self), part = ori_jarg_text(ip, args, 0, "sub", NULL);
    return char_index(ip, text, find_last(ip, text, part));
}

static struct value index_of(struct interp *ip, struct value self, const struct args *args)
{
    const struct value found = find(ip, self, args);
    if (!ori_jinja_failed(ip) && found.as.integer < 0)
        return ori_jinja_fail(ip, "the string has no such part");
    return found;
}

static struct value count(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = self_text(self), part = ori_jarg_text(ip, args, 0, "sub", NULL);
    int64_t n = 0;

    if (part.len == 0)
        return ori_jint((int64_t)ori_jtext_chars(ip, text) + 1);
    for (size_t at = ori_jtext_find(ip, text, part, 0); at <= text.len && ori_jinja_spend(ip, 1);
         at = ori_jtext_find(ip, text, part, at + part.len))
        n++;
    return ori_jint(n);
}

enum class { CLASS_DIGIT, CLASS_LETTER, CLASS_BOTH, CLASS_SPACE };

/* Any letter beyond ASCII counts as one. */
static bool is_of(struct text text, size_t at, enum class class)
{
    const char c = text.data[at];
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (ori_jtext_code(text, at) > 0xA0 && !ori_jtext_is_space(text, at));

    if (class == CLASS_SPACE)
        return ori_jtext_is_space(text, at);
    return (digit && class != CLASS_LETTER) || (letter && class != CLASS_DIGIT);
}

static struct value all_are(struct interp *ip, struct value self, enum class class)
{
    const struct text text = self_text(self);
    bool all = text.len > 0;

    ori_jinja_spend(ip, text.len / 8); /* a close look at every byte */
    for (size_t at = 0; at < text.len && all; at += ori_jtext_char(text, at))
        all = is_of(text, at, class);
    return ori_jbool(all);
}

static struct value isdigit_(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return all_are(ip, self, CLASS_DIGIT);
}

static struct value isalpha_(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return all_are(ip, self, CLASS_LETTER);
}

static struct value isalnum_(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return all_are(ip, self, CLASS_BOTH);
}

static struct value isspace_(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return all_are(ip, self, CLASS_SPACE);
}

/* ---- making ---- */

static struct value replace(struct interp *ip, struct value self, const struct args *args)
{
    const struct text from = ori_jarg_text(ip, args, 0, "old", NULL);
    const struct text to = ori_jarg_text(ip, args, 1, "new", NULL);
    const int64_t most = ori_jarg_integer(ip, args, 2, "count", -1);

    if (ori_jinja_failed(ip))
        return self;
    return ori_jtext(ip, ori_jreplace(ip, self_text(self), from, to, most));
}

static struct value join(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *items = args->n > 0 ? ori_jitems(ip, args->at[0]) : NULL;
    struct builder out = {0};

    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++) {
        if (items->at[i].kind != VALUE_TEXT)
            return ori_jinja_fail(ip, "join wants strings, not a %s", ori_jkind_name(items->at[i]));
        if (i > 0)
            ori_jbuild(ip, &out, self_text(self));
        ori_jbuild(ip, &out, *items->at[i].as.text);
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* A letter behind none is upper case, every other lower. */
static struct value title(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = self_text(self);
    struct builder out = {0};
    bool letter = false;

    (void)args;
    for (size_t at = 0; at < text.len && ori_jinja_spend(ip, 1);) {
        const size_t end = at + ori_jtext_char(text, at);
        ori_jbuild_cased(ip, &out, ori_jtext_part(text, at, end), letter ? CASE_LOWER : CASE_UPPER);
        letter = ori_jtext_is_letter(text, at);
        at = end;
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* A filter of the same name does the same. */
static struct value by_filter(struct interp *ip, struct value self, const char *name,
                              const struct args *args)
{
    return ori_jfilter((struct ori_str){name, strlen(name)})->run(ip, self, args);
}

static struct value upper(struct interp *ip, struct value self, const struct args *args)
{
    return by_filter(ip, self, "upper", args);
}

static struct value lower(struct interp *ip, struct value self, const struct args *args)
{
    return by_filter(ip, self, "lower", args);
}

static struct value capitalize(struct interp *ip, struct value self, const struct args *args)
{
    return by_filter(ip, self, "capitalize", args);
}

static struct value format(struct interp *ip, struct value self, const struct args *args)
{
    return ori_jformat_braces(ip, self_text(self), args);
}

const struct builtin ori_jmethods_text[] = {
    {"strip", strip},
    {"lstrip", lstrip},
    {"rstrip", rstrip},
    {"startswith", startswith},
    {"endswith", endswith},
    {"removeprefix", removeprefix},
    {"removesuffix", removesuffix},
    {"split", split},
    {"rsplit", rsplit},
    {"splitlines", splitlines},
    {"find", find},
    {"rfind", rfind},
    {"index", index_of},
    {"count", count},
    {"isdigit", isdigit_},
    {"isnumeric", isdigit_},
    {"isdecimal", isdigit_},
    {"isalpha", isalpha_},
    {"isalnum", isalnum_},
    {"isspace", isspace_},
    {"replace", replace},
    {"join", join},
    {"title", title},
    {"upper", upper},
    {"lower", lower},
    {"capitalize", capitalize},
    {"format", format},
};
const size_t ori_jn_methods_text = ORI_COUNT(ori_jmethods_text);
