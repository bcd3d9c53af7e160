/* Filters over lists and dicts as a whole. */
#include "chat/jinja/interp.h"

#include <string.h>

static struct value copied(struct interp *ip, const struct list *items)
{
    struct list *list = ori_jlist_new(ip, items ? items->n : 0);
    for (size_t i = 0; items && i < items->n; i++)
        ori_jlist_add(ip, list, items->at[i]);
    return ori_jlist(list);
}

static struct value list(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return copied(ip, ori_jitems(ip, self));
}

static struct value length(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return ori_jint(ori_jlength(ip, self));
}

static struct value end_of(struct interp *ip, struct value self, bool last)
{
    const struct list *items = ori_jitems(ip, self);

    if (!items || items->n == 0)
        return ori_jundefined(
            ip, ori_jtext_trusted((struct ori_str){last ? "last" : "first", last ? 4 : 5}));
    return items->at[last ? items->n - 1 : 0];
}

static struct value first(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return end_of(ip, self, false);
}

static struct value last(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return end_of(ip, self, true);
}

static struct value join(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *items = ori_jitems(ip, self);
    const struct value *separator = ori_jarg(args, 0, "d");
    const struct value *attribute = ori_jarg(args, 1, "attribute");
    struct builder out = {0};

    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++) {
        if (i > 0 && separator)
            ori_jbuild(ip, &out, ori_jprint(ip, *separator));
        const struct value item =
            attribute ? ori_jpath(ip, items->at[i], ori_jprint(ip, *attribute)) : items->at[i];
        ori_jbuild(ip, &out, ori_jprint(ip, item));
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

static struct value reverse(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    if (self.kind != VALUE_TEXT && self.kind != VALUE_LIST)
        self = copied(ip, ori_jitems(ip, self));
    if (ori_jinja_failed(ip))
        return self;
    struct value out = ori_jslice(ip, self, ori_jnone(), ori_jnone(), ori_jint(-1));
    return out;
}

static struct value items(struct interp *ip, struct value self, const struct args *args)
{
    struct list *pairs = ori_jlist_new(ip, 0);

    (void)args;
    if (self.kind != VALUE_DICT && self.kind != VALUE_UNDEFINED)
        return ori_jinja_fail(ip, "items wants a dict, not a %s", ori_jkind_name(self));
    for (size_t i = 0; self.kind == VALUE_DICT && i < self.as.dict->n; i++)
        ori_jlist_add(ip, pairs, ori_jpair(ip, self.as.dict->at[i].key, self.as.dict->at[i].value));
    return ori_jlist(pairs);
}

/* ---- sorting: by merging, stable ---- */

struct sorting {
    bool reverse;
    bool any_case;
    struct value attribute; /* text, or undefined: the item itself */
    size_t part;            /* of a pair: 1 key, 2 value; 0: all */
};

struct keyed {
    struct value key, item;
};

static struct value sort_key(struct interp *ip, struct value item, const struct sorting *how)
{
    if (how->part > 0)
        item = item.as.list->at[how->part - 1];
    if (how->attribute.kind == VALUE_TEXT)
        item = ori_jpath(ip, item, *how->attribute.as.text);
    else if (how->attribute.kind != VALUE_UNDEFINED && how->attribute.kind != VALUE_NONE)
        item = ori_jitem(ip, item, how->attribute);
    if (how->any_case && item.kind == VALUE_TEXT)
        return ori_jtext(ip, ori_jtext_cased(ip, *item.as.text, CASE_LOWER));
    return item;
}

static void merge(struct interp *ip, const struct keyed *from, size_t begin, size_t middle,
                  size_t end, bool reversed, struct keyed *to)
{
    size_t a = begin, b = middle;

    for (size_t i = begin; i < end && ori_jinja_spend(ip, 1); i++) {
        bool right = a == middle;
        if (!right && b < end) {
            const int order = ori_jorder(ip, from[b].key, from[a].key);
            right = reversed ? order == 1 : order == -1;
        }
        to[i] = from[right ? b++ : a++];
    }
}

static struct value sorted(struct interp *ip, const struct list *list, const struct sorting *how)
{
    const size_t n = list ? list->n : 0;
    struct keyed *from = ori_jinja_alloc(ip, n + 1, sizeof(*from));
    struct keyed *to = ori_jinja_alloc(ip, n + 1, sizeof(*to));
    struct list *out = ori_jlist_new(ip, n);

    for (size_t i = 0; i < n && !ori_jinja_failed(ip); i++)
        from[i] = (struct keyed){sort_key(ip, list->at[i], how), list->at[i]};
    for (size_t width = 1; width < n && !ori_jinja_failed(ip); width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            const size_t middle = at + width < n ? at + width : n;
            merge(ip, from, at, middle, middle + width < n ? middle + width : n, how->reverse, to);
        }
        struct keyed *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n && !ori_jinja_failed(ip); i++)
        ori_jlist_add(ip, out, from[i].item);
    return ori_jlist(out);
}

static struct value sort(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *attribute = ori_jarg(args, 2, "attribute");
    const struct sorting how = {
        .reverse = ori_jarg_truth(args, 0, "reverse", false),
        .any_case = !ori_jarg_truth(args, 1, "case_sensitive", false),
        .attribute = attribute ? *attribute : (struct value){0},
    };
    return sorted(ip, ori_jitems(ip, self), &how);
}

static struct value dictsort(struct interp *ip, struct value self, const struct args *args)
{
    const struct sorting how = {
        .any_case = !ori_jarg_truth(args, 0, "case_sensitive", false),
        .part = ori_jtext_is(ori_jarg_text(ip, args, 1, "by", "key"), "value") ? 2 : 1,
        .reverse = ori_jarg_truth(args, 2, "reverse", false),
    };
    const struct value pairs = items(ip, self, args);
    return ori_jinja_failed(ip) ? pairs : sorted(ip, pairs.as.list, &how);
}

static struct value unique(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *attribute = ori_jarg(args, 1, "attribute");
    const struct sorting how = {
        .any_case = !ori_jarg_truth(args, 0, "case_sensitive", false),
        .attribute = attribute ? *attribute : (struct value){0},
    };
    const struct list *all = ori_jitems(ip, self);
    struct list *kept = ori_jlist_new(ip, 0), *keys = ori_jlist_new(ip, 0);

    for (size_t i = 0; all && i < all->n && !ori_jinja_failed(ip); i++) {
        const struct value key = sort_key(ip, all->at[i], &how);
        if (ori_jinja_failed(ip) || ori_jcompare(ip, OP_IN, key, ori_jlist(keys)))
            continue;
        ori_jlist_add(ip, keys, key);
        ori_jlist_add(ip, kept, all->at[i]);
    }
    return ori_jlist(kept);
}

/* ---- one value of many ---- */

static struct value extreme(struct interp *ip, struct value self, const struct args *args,
                            bool most)
{
    const struct value *attribute = ori_jarg(args, 1, "attribute");
    const struct sorting how = {
        .reverse = most,
        .any_case = !ori_jarg_truth(args, 0, "case_sensitive", false),
        .attribute = attribute ? *attribute : (struct value){0},
    };
    const struct value all = sorted(ip, ori_jitems(ip, self), &how);
    return ori_jinja_failed(ip) ? all : end_of(ip, all, false);
}

static struct value min(struct interp *ip, struct value self, const struct args *args)
{
    return extreme(ip, self, args, false);
}

static struct value max(struct interp *ip, struct value self, const struct args *args)
{
    return extreme(ip, self, args, true);
}

static struct value sum(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *all = ori_jitems(ip, self);
    const struct value *attribute = ori_jarg(args, 0, "attribute");
    const struct value *start = ori_jarg(args, 1, "start");
    struct value total = start ? *start : ori_jint(0);

    for (size_t i = 0; all && i < all->n && ori_jinja_spend(ip, 1); i++)
        total = ori_joperate(ip, OP_ADD, total,
                             attribute ? ori_jpath(ip, all->at[i], ori_jprint(ip, *attribute))
                                       : all->at[i]);
    return total;
}

static struct value batch(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *all = ori_jitems(ip, self);
    const int64_t size = ori_jarg_integer(ip, args, 0, "linecount", 0);
    const struct value *fill = ori_jarg(args, 1, "fill_with");
    struct list *out = ori_jlist_new(ip, 0), *row = NULL;

    if (size <= 0)
        return ori_jinja_fail(ip, "batch wants a size of at least 1");
    for (size_t i = 0; all && i < all->n && !ori_jinja_failed(ip); i++) {
        if (i % (size_t)size == 0) {
            row = ori_jlist_new(ip, 0);
            ori_jlist_add(ip, out, ori_jlist(row));
        }
        ori_jlist_add(ip, row, all->at[i]);
    }
    while (row && fill && row->n < (size_t)size && !ori_jinja_failed(ip))
        ori_jlist_add(ip, row, *fill);
    return ori_jlist(out);
}

/* Pairs of what the attribute is and the list of those that have it, in order. */
static struct value groupby(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *attribute = ori_jarg(args, 0, "attribute");
    const struct sorting how = {.any_case = true,
                                .attribute = attribute ? *attribute : (struct value){0}};
    const struct value all = sorted(ip, ori_jitems(ip, self), &how);
    struct list *out = ori_jlist_new(ip, 0), *group = NULL;
    struct value key = {0};

    for (size_t i = 0; !ori_jinja_failed(ip) && i < all.as.list->n; i++) {
        const struct value item = all.as.list->at[i];
        const struct value next = sort_key(ip, item, &how);
        if (!group || !ori_jequal(ip, key, next)) {
            group = ori_jlist_new(ip, 0);
            key = next;
            ori_jlist_add(
                ip, out,
                ori_jpair(ip, sort_key(ip, item, &(struct sorting){.attribute = how.attribute}),
                          ori_jlist(group)));
        }
        ori_jlist_add(ip, group, item);
    }
    return ori_jlist(out);
}

const struct builtin ori_jfilters_list[] = {
    {"list", list}, {"length", length},     {"count", length},    {"first", first},
    {"last", last}, {"join", join},         {"reverse", reverse}, {"items", items},
    {"sort", sort}, {"dictsort", dictsort}, {"unique", unique},   {"min", min},
    {"max", max},   {"sum", sum},           {"batch", batch},     {"groupby", groupby},
};
const size_t ori_jn_filters_list = ORI_COUNT(ori_jfilters_list);
