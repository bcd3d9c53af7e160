/* object.name, object[key], object[start:stop:step]. */
#include "chat/jinja/interp.h"

#include <string.h>

static struct text text_of(struct ori_str str)
{
    return ori_jtext_trusted(str);
}

static struct value of_undefined(struct interp *ip, struct value object)
{
    const struct text *name = object.as.text;
    if (!name)
        return ori_jinja_fail(ip, "something undefined is asked for a part");
    return ori_jinja_fail(ip, "'%.*s' is undefined",
                          ORI_STR_ARG(((struct ori_str){name->data, name->len})));
}

/* ---- loop.index and the like ---- */

static struct value neighbour(struct interp *ip, const struct loop *loop, bool next)
{
    const size_t at = next ? loop->index + 1 : loop->index - 1;
    if (at < loop->items->n) /* before the first, it wraps to a large one */
        return loop->items->at[at];
    return ori_jundefined(ip, text_of((struct ori_str){next ? "nextitem" : "previtem", 8}));
}

static bool loop_field(struct interp *ip, const struct loop *loop, struct ori_str name,
                       struct value *out)
{
    const int64_t index = (int64_t)loop->index, n = (int64_t)loop->items->n;
    const struct {
        const char *name;
        struct value value;
    } fields[] = {
        {"index", ori_jint(index + 1)},    {"index0", ori_jint(index)},
        {"revindex", ori_jint(n - index)}, {"revindex0", ori_jint(n - index - 1)},
        {"first", ori_jbool(index == 0)},  {"last", ori_jbool(index == n - 1)},
        {"length", ori_jint(n)},           {"depth", ori_jint(1)},
        {"depth0", ori_jint(0)},
    };
    for (size_t i = 0; i < ORI_COUNT(fields); i++) {
        if (ori_str_eq(name, fields[i].name)) {
            *out = fields[i].value;
            return true;
        }
    }
    const bool next = ori_str_eq(name, "nextitem");
    if (!next && !ori_str_eq(name, "previtem"))
        return false;
    *out = neighbour(ip, loop, next);
    return true;
}

/* ---- object.name ---- */

static const struct value *key_of(struct interp *ip, struct value object, struct ori_str name)
{
    const struct text text = text_of(name);
    const struct value key = {VALUE_TEXT, {.text = &text}};

    if (object.kind != VALUE_DICT && object.kind != VALUE_NAMESPACE)
        return NULL;
    return ori_jdict_get(ip, object.as.dict, key);
}

/* As in Python, a method hides a key of its name. */
struct value ori_jattribute(struct interp *ip, struct value object, struct ori_str name)
{
    struct value field;

    if (object.kind == VALUE_UNDEFINED)
        return of_undefined(ip, object);
    if (object.kind == VALUE_LOOP && loop_field(ip, object.as.loop, name, &field))
        return field;
    const struct builtin *method = ori_jmethod(object, name);
    if (method)
        return ori_jfunction(ip, method, object);
    const struct value *found = key_of(ip, object, name);
    return found ? *found : ori_jundefined(ip, text_of(name));
}

/* ---- object[key] ---- */

static struct value no_item(struct interp *ip, int64_t index)
{
    struct builder name = {0};
    ori_jbuild_format(ip, &name, true, "item %lld", (long long)index);
    return ori_jundefined(ip, ori_jbuilt(&name));
}

static struct value nth(struct interp *ip, struct value object, int64_t index)
{
    const int64_t n = ori_jlength(ip, object);

    if (index < 0)
        index += n;
    if (index < 0 || index >= n)
        return no_item(ip, index < 0 ? index - n : index);
    if (object.kind == VALUE_LIST)
        return object.as.list->at[index];
    const struct text text = *object.as.text;
    const size_t at = ori_jtext_offset(ip, text, (size_t)index);
    return ori_jtext(ip, ori_jtext_part(text, at, at + ori_jtext_char(text, at)));
}

struct value ori_jitem(struct interp *ip, struct value object, struct value key)
{
    int64_t index;

    if (object.kind == VALUE_UNDEFINED)
        return of_undefined(ip, object);
    if (object.kind == VALUE_DICT || object.kind == VALUE_NAMESPACE) {
        const struct value *found = ori_jdict_get(ip, object.as.dict, key);
        if (found)
            return *found;
    }
    if ((object.kind == VALUE_LIST || object.kind == VALUE_TEXT) && ori_jinteger(key, &index))
        return nth(ip, object, index);
    if (key.kind == VALUE_TEXT)
        return ori_jattribute(ip, object, (struct ori_str){key.as.text->data, key.as.text->len});
    return ori_jundefined(ip, ori_jprint(ip, key));
}

/* ---- slices ---- */

struct range {
    int64_t start, stop, step;
};

static int64_t limit(struct interp *ip, struct value value, int64_t without, int64_t n, bool back)
{
    const int64_t low = back ? -1 : 0, high = back ? n - 1 : n;
    int64_t at;

    if (value.kind == VALUE_NONE)
        return without;
    if (!ori_jinteger(value, &at)) {
        ori_jinja_fail(ip, "the limits of a slice must be int, not %s", ori_jkind_name(value));
        return 0;
    }
    if (at < 0)
        at = at < -n ? low : at + n;
    return at < low ? low : at > high ? high : at;
}

static struct value slice_text(struct interp *ip, struct text text, struct range range)
{
    struct builder out = {0};

    if (range.step == 1) {
        const size_t begin = ori_jtext_offset(ip, text, (size_t)range.start);
        const struct text rest = ori_jtext_part(text, begin, text.len);
        const int64_t n = range.stop > range.start ? range.stop - range.start : 0;
        return ori_jtext(ip, ori_jtext_part(rest, 0, ori_jtext_offset(ip, rest, (size_t)n)));
    }
    const struct value whole = {VALUE_TEXT, {.text = &text}};
    const struct list *chars = ori_jitems(ip, whole);
    for (int64_t i = range.start;
         chars && ori_jinja_spend(ip, 1) && (range.step > 0 ? i < range.stop : i > range.stop);
         i += range.step)
        ori_jbuild(ip, &out, *chars->at[i].as.text);
    return ori_jtext(ip, ori_jbuilt(&out));
}

static struct value slice_list(struct interp *ip, const struct list *list, struct range range)
{
    struct list *out = ori_jlist_new(ip, 0);

    for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;
         i += range.step) {
        if (ori_jinja_failed(ip))
            break;
        ori_jlist_add(ip, out, list->at[i]);
    }
    if (out)
        out->tuple = list->tuple;
    return ori_jlist(out);
}

struct value ori_jslice(struct interp *ip, struct value object, struct value start,
                        struct value stop, struct value step)
{
    struct range range = {.step = 1};

    if (object.kind == VALUE_UNDEFINED)
        return of_undefined(ip, object);
    if (object.kind != VALUE_TEXT && object.kind != VALUE_LIST)
        return ori_jinja_fail(ip, "a %s can't be sliced", ori_jkind_name(object));
    if (step.kind != VALUE_NONE && (!ori_jinteger(step, &range.step) || range.step == 0))
        return ori_jinja_fail(ip, "the step of a slice must be an int other than 0");
    const int64_t n = ori_jlength(ip, object);
    const bool back = range.step < 0;
    /* further than the length is past the end all the same, and can't overflow */
    range.step = range.step > n + 1 ? n + 1 : range.step < -n - 1 ? -n - 1 : range.step;
    range.start = limit(ip, start, back ? n - 1 : 0, n, back);
    range.stop = limit(ip, stop, back ? -1 : n, n, back);
    if (ori_jinja_failed(ip))
        return (struct value){0};
    return object.kind == VALUE_TEXT ? slice_text(ip, *object.as.text, range)
                                     : slice_list(ip, object.as.list, range);
}

/* ---- paths ---- */

static bool is_index(struct text part, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] < '0' || part.data[i] > '9' || part.len > 9)
            return false;
        *out = *out * 10 + (part.data[i] - '0');
    }
    return part.len > 0;
}

struct value ori_jpath(struct interp *ip, struct value object, struct text path)
{
    size_t begin = 0;
    int64_t index;

    ori_jinja_spend_bytes(ip, path.len);
    while (begin <= path.len && ori_jinja_spend(ip, 1)) {
        const char *dot = memchr(path.data + begin, '.', path.len - begin);
        const size_t end = dot ? (size_t)(dot - path.data) : path.len;
        const struct text part = ori_jtext_part(path, begin, end);
        object = is_index(part, &index) ? ori_jitem(ip, object, ori_jint(index))
                                        : ori_jitem(ip, object, ori_jtext(ip, part));
        begin = end + 1;
    }
    return object;
}
