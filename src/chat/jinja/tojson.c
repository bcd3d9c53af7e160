/* tojson, as Hugging Face defines it: json.dumps() of Python with its spaces,
 * keys in their order, and every character as it is. */
#include "chat/jinja/interp.h"

#include <math.h>
#include <string.h>

struct writer {
    struct interp *ip;
    struct builder out;
    struct text item_end, key_end; /* separators */
    struct text indent;            /* of a level; only when `lines` */
    bool lines;
    bool sorts;
    bool ascii; /* other characters are escaped */
    size_t level;
};

static void put(struct writer *w, const char *literal)
{
    ori_jbuild_trusted(w->ip, &w->out, literal);
}

static void put_value(struct writer *w, struct value value);

static void put_escaped(struct writer *w, struct text c)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *named = c.data[0] ? strchr(from, c.data[0]) : NULL;
    const uint32_t code =
        (unsigned char)c.data[0] < 0x80 ? (unsigned char)c.data[0] : ori_jtext_code(c, 0);

    if (code > 0xFFFF)
        ori_jbuild_format(w->ip, &w->out, false, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10),
                          0xDC00 | (code & 0x3FF));
    else if (named)
        ori_jbuild_format(w->ip, &w->out, false, "\\%c", to[named - from]);
    else
        ori_jbuild_format(w->ip, &w->out, false, "\\u%04x", code);
}

static void put_text(struct writer *w, struct text text)
{
    put(w, "\"");
    for (size_t at = 0; at < text.len && ori_jinja_spend(w->ip, 1);) {
        size_t end = at;
        while (end < text.len && (unsigned char)text.data[end] >= 0x20 && text.data[end] != '"' &&
               text.data[end] != '\\' && !(w->ascii && (unsigned char)text.data[end] >= 0x7f))
            end++;
        ori_jbuild(w->ip, &w->out, ori_jtext_part(text, at, end));
        at = end;
        if (at == text.len)
            break;
        end += ori_jtext_char(text, at);
        put_escaped(w, ori_jtext_part(text, at, end));
        at = end;
    }
    put(w, "\"");
}

static void new_line(struct writer *w)
{
    if (!w->lines)
        return;
    put(w, "\n");
    for (size_t i = 0; i < w->level; i++)
        ori_jbuild(w->ip, &w->out, w->indent);
}

/* Between two items, or before the first. */
static void next_item(struct writer *w, size_t i)
{
    if (i > 0)
        ori_jbuild(w->ip, &w->out, w->item_end);
    new_line(w);
}

static void close_items(struct writer *w, size_t n, const char *mark)
{
    w->level--;
    if (n > 0)
        new_line(w);
    put(w, mark);
}

static void put_list(struct writer *w, const struct list *list)
{
    put(w, "[");
    w->level++;
    for (size_t i = 0; i < list->n && !ori_jinja_failed(w->ip); i++) {
        next_item(w, i);
        put_value(w, list->at[i]);
    }
    close_items(w, list->n, "]");
}

static void put_key(struct writer *w, struct value key)
{
    if (key.kind == VALUE_TEXT) {
        put_value(w, key);
        return;
    }
    put(w, "\"");
    put_value(w, key);
    put(w, "\"");
}

static void put_dict(struct writer *w, struct value value)
{
    const struct value by_case = ori_jbool(true);
    const struct args order = {.at = &by_case, .n = 1};
    const char *filter = w->sorts ? "dictsort" : "items";
    const struct value pairs =
        ori_jfilter((struct ori_str){filter, strlen(filter)})->run(w->ip, value, &order);

    if (ori_jinja_failed(w->ip))
        return;
    put(w, "{");
    w->level++;
    for (size_t i = 0; i < pairs.as.list->n && !ori_jinja_failed(w->ip); i++) {
        const struct value *pair = pairs.as.list->at[i].as.list->at;
        next_item(w, i);
        put_key(w, pair[0]);
        ori_jbuild(w->ip, &w->out, w->key_end);
        put_value(w, pair[1]);
    }
    close_items(w, pairs.as.list->n, "}");
}

static void put_real(struct writer *w, double real)
{
    if (isnan(real))
        put(w, "NaN");
    else if (isinf(real))
        put(w, real < 0 ? "-Infinity" : "Infinity");
    else
        ori_jbuild_float(w->ip, &w->out, real);
}

static void put_value(struct writer *w, struct value value)
{
    switch (value.kind) {
    case VALUE_NONE:
        put(w, "null");
        return;
    case VALUE_BOOL:
        put(w, value.as.truth ? "true" : "false");
        return;
    case VALUE_INT:
        ori_jbuild(w->ip, &w->out, ori_jprint(w->ip, value));
        return;
    case VALUE_FLOAT:
        put_real(w, value.as.real);
        return;
    case VALUE_TEXT:
        put_text(w, *value.as.text);
        return;
    case VALUE_LIST:
    case VALUE_DICT:
        if (!ori_jinja_enter(w->ip))
            return;
        if (value.kind == VALUE_LIST)
            put_list(w, value.as.list);
        else
            put_dict(w, value);
        ori_jinja_leave(w->ip);
        return;
    default:
        ori_jinja_fail(w->ip, "a %s can't be written as JSON", ori_jkind_name(value));
    }
}

/* The arguments: ensure_ascii, indent, separators=(item, key), sort_keys. */
static void read_layout(struct writer *w, const struct args *args)
{
    struct interp *ip = w->ip;
    const struct value *indent = ori_jarg(args, 1, "indent");
    const struct value *separators = ori_jarg(args, 2, "separators");

    w->lines = indent && indent->kind != VALUE_NONE;
    if (w->lines)
        w->indent =
            ori_jprint(ip, indent->kind == VALUE_TEXT
                               ? *indent
                               : ori_joperate(ip, OP_MUL, ori_jtext_literal(ip, " "), *indent));
    w->item_end = ori_jtext_trusted((struct ori_str){w->lines ? "," : ", ", w->lines ? 1 : 2});
    w->key_end = ori_jtext_trusted((struct ori_str){": ", 2});
    if (separators && separators->kind == VALUE_LIST && separators->as.list->n == 2) {
        w->item_end = ori_jprint(ip, separators->as.list->at[0]);
        w->key_end = ori_jprint(ip, separators->as.list->at[1]);
    }
    w->sorts = ori_jarg_truth(args, 3, "sort_keys", false);
    w->ascii = ori_jarg_truth(args, 0, "ensure_ascii", false);
}

/* A text of which a part is untrusted is untrusted as a whole: nothing in JSON is
 * meant to be a control token. */
struct value ori_jtojson(struct interp *ip, struct value self, const struct args *args)
{
    struct writer writer = {.ip = ip};

    read_layout(&writer, args);
    put_value(&writer, self);
    struct text text = ori_jbuilt(&writer.out);
    text.marks = NULL;
    return ori_jtext(ip, text);
}
