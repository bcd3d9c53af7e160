#include "chat/jinja/interp.h"

#include <string.h>

/* ---- making ---- */

static struct value boxed(struct interp *ip, enum value_kind kind, struct text text)
{
    struct text *box = ori_jinja_alloc(ip, 1, sizeof(*box));
    if (!box)
        return (struct value){0};
    *box = text;
    return (struct value){kind, {.text = box}};
}

struct value ori_jtext(struct interp *ip, struct text text)
{
    return boxed(ip, VALUE_TEXT, text);
}

struct value ori_jtext_literal(struct interp *ip, const char *literal)
{
    return ori_jtext(ip, ori_jtext_trusted((struct ori_str){literal, strlen(literal)}));
}

struct value ori_jundefined(struct interp *ip, struct text name)
{
    return boxed(ip, VALUE_UNDEFINED, name);
}

/* Room for one more thing of `size` bytes in an array of the arena. */
static void *grown(struct interp *ip, void *at, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return at;
    const size_t more = *cap ? *cap * 2 : 8;
    void *moved = ori_jinja_alloc(ip, more, size);
    if (!moved)
        return NULL;
    if (n > 0)
        memcpy(moved, at, n * size);
    *cap = more;
    return moved;
}

struct list *ori_jlist_new(struct interp *ip, size_t room)
{
    struct list *list = ori_jinja_alloc(ip, 1, sizeof(*list));

    if (!list || room == 0)
        return list;
    list->at = ori_jinja_alloc(ip, room, sizeof(*list->at));
    list->cap = list->at ? room : 0;
    return list->at ? list : NULL;
}

void ori_jlist_add(struct interp *ip, struct list *list, struct value item)
{
    if (!list || !ori_jinja_spend(ip, 1))
        return;
    struct value *at = grown(ip, list->at, list->n, &list->cap, sizeof(*at));
    if (!at)
        return;
    list->at = at;
    list->at[list->n++] = item;
}

struct value ori_jlist(struct list *list)
{
    return list ? (struct value){VALUE_LIST, {.list = list}} : (struct value){0};
}

struct value ori_jpair(struct interp *ip, struct value a, struct value b)
{
    struct list *pair = ori_jlist_new(ip, 2);
    ori_jlist_add(ip, pair, a);
    ori_jlist_add(ip, pair, b);
    if (pair)
        pair->tuple = true;
    return ori_jlist(pair);
}

struct dict *ori_jdict_new(struct interp *ip)
{
    return ori_jinja_alloc(ip, 1, sizeof(struct dict));
}

struct value ori_jdict(struct dict *dict)
{
    return dict ? (struct value){VALUE_DICT, {.dict = dict}} : (struct value){0};
}

const struct value *ori_jdict_get(struct interp *ip, const struct dict *dict, struct value key)
{
    for (size_t i = 0; dict && i < dict->n; i++)
        if ((i % 16 != 15 || ori_jinja_spend(ip, 1)) && ori_jequal(ip, dict->at[i].key, key))
            return &dict->at[i].value;
    return NULL;
}

void ori_jdict_set(struct interp *ip, struct dict *dict, struct value key, struct value value)
{
    if (!dict || !ori_jinja_spend(ip, 1))
        return;
    if (key.kind == VALUE_LIST || key.kind == VALUE_DICT || key.kind == VALUE_UNDEFINED) {
        ori_jinja_fail(ip, "a %s can't be the key of a dict", ori_jkind_name(key));
        return;
    }
    for (size_t i = 0; i < dict->n; i++) {
        if (i % 16 == 15 && !ori_jinja_spend(ip, 1))
            return;
        if (ori_jequal(ip, dict->at[i].key, key)) {
            dict->at[i].value = value;
            return;
        }
    }
    struct entry *at = grown(ip, dict->at, dict->n, &dict->cap, sizeof(*at));
    if (!at)
        return;
    dict->at = at;
    dict->at[dict->n++] = (struct entry){key, value};
}

void ori_jdict_set_literal(struct interp *ip, struct dict *dict, const char *key,
                           struct value value)
{
    ori_jdict_set(ip, dict, ori_jtext_literal(ip, key), value);
}

/* ---- asking ---- */

const char *ori_jkind_name(struct value value)
{
    static const char *const names[] = {
        [VALUE_UNDEFINED] = "undefined value",
        [VALUE_NONE] = "None",
        [VALUE_BOOL] = "bool",
        [VALUE_INT] = "int",
        [VALUE_FLOAT] = "float",
        [VALUE_TEXT] = "string",
        [VALUE_LIST] = "list",
        [VALUE_DICT] = "dict",
        [VALUE_NAMESPACE] = "namespace",
        [VALUE_FUNCTION] = "function",
        [VALUE_MACRO] = "macro",
        [VALUE_LOOP] = "loop",
    };
    return value.kind == VALUE_LIST && value.as.list->tuple ? "tuple" : names[value.kind];
}

bool ori_jtruth(struct value value)
{
    switch (value.kind) {
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return value.as.truth;
    case VALUE_INT:
        return value.as.integer != 0;
    case VALUE_FLOAT:
        return value.as.real < 0 || value.as.real > 0 || value.as.real != value.as.real;
    case VALUE_TEXT:
        return value.as.text->len > 0;
    case VALUE_LIST:
        return value.as.list->n > 0;
    case VALUE_DICT:
        return value.as.dict->n > 0;
    default:
        return true;
    }
}

bool ori_jinteger(struct value value, int64_t *out)
{
    if (value.kind != VALUE_INT && value.kind != VALUE_BOOL)
        return false;
    *out = value.kind == VALUE_INT ? value.as.integer : value.as.truth;
    return true;
}

bool ori_jnumber(struct value value, double *out)
{
    int64_t integer;

    if (value.kind == VALUE_FLOAT) {
        *out = value.as.real;
        return true;
    }
    if (!ori_jinteger(value, &integer))
        return false;
    *out = (double)integer;
    return true;
}

/* False when one of them is no number. */
static bool order_numbers(struct value a, struct value b, int *out)
{
    int64_t i, j;
    double x, y;

    if (ori_jinteger(a, &i) && ori_jinteger(b, &j)) {
        *out = (i > j) - (i < j);
        return true;
    }
    if (!ori_jnumber(a, &x) || !ori_jnumber(b, &y))
        return false;
    *out = x != x || y != y ? 2 : (x > y) - (x < y); /* nothing equals a NaN */
    return true;
}

static bool equal_lists(struct interp *ip, const struct list *a, const struct list *b)
{
    bool equal = a->n == b->n && a->tuple == b->tuple;

    for (size_t i = 0; equal && i < a->n; i++)
        equal = ori_jinja_spend(ip, 1) && ori_jequal(ip, a->at[i], b->at[i]);
    return equal;
}

static bool equal_dicts(struct interp *ip, const struct dict *a, const struct dict *b)
{
    bool equal = a->n == b->n;

    for (size_t i = 0; equal && i < a->n; i++) {
        const struct value *other = ori_jdict_get(ip, b, a->at[i].key);
        equal = other && ori_jinja_spend(ip, 1) && ori_jequal(ip, a->at[i].value, *other);
    }
    return equal;
}

bool ori_jequal(struct interp *ip, struct value a, struct value b)
{
    int order;

    if (order_numbers(a, b, &order))
        return order == 0;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        return true;
    case VALUE_TEXT:
        return (a.as.text->len != b.as.text->len || ori_jinja_spend_bytes(ip, a.as.text->len)) &&
               ori_jtext_equal(*a.as.text, *b.as.text);
    case VALUE_LIST:
    case VALUE_DICT: {
        if (!ori_jinja_enter(ip))
            return false;
        const bool equal = a.kind == VALUE_LIST ? equal_lists(ip, a.as.list, b.as.list)
                                                : equal_dicts(ip, a.as.dict, b.as.dict);
        ori_jinja_leave(ip);
        return equal;
    }
    default:
        return a.as.dict == b.as.dict; /* the same thing */
    }
}

static int order_lists(struct interp *ip, const struct list *a, const struct list *b)
{
    if (!ori_jinja_enter(ip))
        return 0;
    int order = 0;
    for (size_t i = 0; order == 0 && i < a->n && i < b->n && ori_jinja_spend(ip, 1); i++)
        if (!ori_jequal(ip, a->at[i], b->at[i]))
            order = ori_jorder(ip, a->at[i], b->at[i]);
    ori_jinja_leave(ip);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

int ori_jorder(struct interp *ip, struct value a, struct value b)
{
    int order;

    if (order_numbers(a, b, &order))
        return order;
    if (a.kind == VALUE_TEXT && b.kind == VALUE_TEXT) {
        ori_jinja_spend_bytes(ip, a.as.text->len);
        return ori_jtext_order(*a.as.text, *b.as.text);
    }
    if (a.kind == VALUE_LIST && b.kind == VALUE_LIST)
        return order_lists(ip, a.as.list, b.as.list);
    ori_jinja_fail(ip, "a %s and a %s have no order", ori_jkind_name(a), ori_jkind_name(b));
    return 0;
}

static struct list *characters(struct interp *ip, struct text text)
{
    struct list *list = ori_jlist_new(ip, 0);

    for (size_t at = 0; at < text.len && !ori_jinja_failed(ip);) {
        const size_t end = at + ori_jtext_char(text, at);
        ori_jlist_add(ip, list, ori_jtext(ip, ori_jtext_part(text, at, end)));
        at = end;
    }
    return list;
}

const struct list *ori_jitems(struct interp *ip, struct value value)
{
    struct list *list;

    switch (value.kind) {
    case VALUE_LIST:
        return value.as.list;
    case VALUE_TEXT:
        return characters(ip, *value.as.text);
    case VALUE_UNDEFINED:
        return ori_jlist_new(ip, 0);
    case VALUE_DICT:
        list = ori_jlist_new(ip, value.as.dict->n);
        for (size_t i = 0; i < value.as.dict->n; i++)
            ori_jlist_add(ip, list, value.as.dict->at[i].key);
        return list;
    default:
        ori_jinja_fail(ip, "a %s has no items to go over", ori_jkind_name(value));
        return NULL;
    }
}

int64_t ori_jlength(struct interp *ip, struct value value)
{
    switch (value.kind) {
    case VALUE_UNDEFINED:
        return 0;
    case VALUE_TEXT:
        return (int64_t)ori_jtext_chars(ip, *value.as.text);
    case VALUE_LIST:
        return (int64_t)value.as.list->n;
    case VALUE_DICT:
        return (int64_t)value.as.dict->n;
    default:
        ori_jinja_fail(ip, "a %s has no length", ori_jkind_name(value));
        return 0;
    }
}

/* ---- arguments ---- */

const struct value *ori_jarg(const struct args *args, size_t position, const char *name)
{
    if (position < args->n)
        return &args->at[position];
    for (size_t i = 0; i < args->n_keywords; i++)
        if (ori_str_eq(args->keywords[i].name, name))
            return &args->keywords[i].value;
    return NULL;
}

bool ori_jarg_truth(const struct args *args, size_t position, const char *name, bool without)
{
    const struct value *value = ori_jarg(args, position, name);
    return value ? ori_jtruth(*value) : without;
}

int64_t ori_jarg_integer(struct interp *ip, const struct args *args, size_t position,
                         const char *name, int64_t without)
{
    const struct value *value = ori_jarg(args, position, name);
    int64_t integer = without;

    if (value && value->kind != VALUE_NONE && !ori_jinteger(*value, &integer))
        ori_jinja_fail(ip, "%s must be an int, not a %s", name, ori_jkind_name(*value));
    return integer;
}

struct text ori_jarg_text(struct interp *ip, const struct args *args, size_t position,
                          const char *name, const char *without)
{
    const struct value *value = ori_jarg(args, position, name);

    if (value && value->kind == VALUE_TEXT)
        return *value->as.text;
    if (value)
        ori_jinja_fail(ip, "%s must be a string, not a %s", name, ori_jkind_name(*value));
    else if (!without)
        ori_jinja_fail(ip, "%s is missing", name);
    without = without ? without : "";
    return ori_jtext_trusted((struct ori_str){without, strlen(without)});
}
