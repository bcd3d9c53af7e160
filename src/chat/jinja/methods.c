/* Methods of lists, dicts and loops, and finding a method by its name. */
#include "chat/jinja/interp.h"

#include <string.h>

/* ---- lists ---- */

static struct value append(struct interp *ip, struct value self, const struct args *args)
{
    if (args->n != 1)
        return ori_jinja_fail(ip, "append wants one item");
    ori_jlist_add(ip, self.as.list, args->at[0]);
    return ori_jnone();
}

static struct value extend(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *items = args->n > 0 ? ori_jitems(ip, args->at[0]) : NULL;
    const size_t n = items ? items->n : 0; /* it may be the list itself */

    for (size_t i = 0; i < n && !ori_jinja_failed(ip); i++)
        ori_jlist_add(ip, self.as.list, items->at[i]);
    return ori_jnone();
}

/* Where `index`, which may count from the end, is; n + 1 when out of range. */
static size_t place(size_t n, int64_t index)
{
    if (index < 0)
        index += (int64_t)n;
    return index < 0 || index > (int64_t)n ? n + 1 : (size_t)index;
}

static struct value insert(struct interp *ip, struct value self, const struct args *args)
{
    struct list *list = self.as.list;
    const size_t at = place(list->n, ori_jarg_integer(ip, args, 0, "index", 0));

    if (args->n != 2 || at > list->n)
        return ori_jinja_fail(ip, "insert wants a place in the list and an item");
    ori_jlist_add(ip, list, args->at[1]);
    if (ori_jinja_failed(ip) || !ori_jinja_spend(ip, (list->n - at) / 4))
        return ori_jnone();
    memmove(&list->at[at + 1], &list->at[at], (list->n - 1 - at) * sizeof(*list->at));
    list->at[at] = args->at[1];
    return ori_jnone();
}

static struct value pop_item(struct interp *ip, struct value self, const struct args *args)
{
    struct list *list = self.as.list;
    const size_t at = place(list->n, ori_jarg_integer(ip, args, 0, "index", -1));

    if (at >= list->n || !ori_jinja_spend(ip, (list->n - at) / 4))
        return ori_jinja_fail(ip, "pop wants an item that is in the list");
    const struct value item = list->at[at];
    list->n--;
    memmove(&list->at[at], &list->at[at + 1], (list->n - at) * sizeof(*list->at));
    return item;
}

static struct value count(struct interp *ip, struct value self, const struct args *args)
{
    int64_t n = 0;
    for (size_t i = 0; args->n > 0 && i < self.as.list->n && ori_jinja_spend(ip, 1); i++)
        n += ori_jequal(ip, self.as.list->at[i], args->at[0]);
    return ori_jint(n);
}

static struct value index_of(struct interp *ip, struct value self, const struct args *args)
{
    for (size_t i = 0; args->n > 0 && i < self.as.list->n && ori_jinja_spend(ip, 1); i++)
        if (ori_jequal(ip, self.as.list->at[i], args->at[0]))
            return ori_jint((int64_t)i);
    return ori_jinja_fail(ip, "the list has no such item");
}

/* ---- dicts ---- */

static struct value dict_items(struct interp *ip, struct value self, const struct args *args)
{
    return ori_jfilter((struct ori_str){"items", 5})->run(ip, self, args);
}

static struct value keys(struct interp *ip, struct value self, const struct args *args)
{
    return ori_jfilter((struct ori_str){"list", 4})->run(ip, self, args);
}

static struct value values(struct interp *ip, struct value self, const struct args *args)
{
    struct list *list = ori_jlist_new(ip, 0);

    (void)args;
    for (size_t i = 0; i < self.as.dict->n; i++)
        ori_jlist_add(ip, list, self.as.dict->at[i].value);
    return ori_jlist(list);
}

static struct value get(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *found = args->n > 0 ? ori_jdict_get(ip, self.as.dict, args->at[0]) : NULL;
    const struct value *other = ori_jarg(args, 1, "default");

    if (found)
        return *found;
    return other ? *other : ori_jnone();
}

static struct value pop_key(struct interp *ip, struct value self, const struct args *args)
{
    struct dict *dict = self.as.dict;
    const struct value *other = ori_jarg(args, 1, "default");

    for (size_t i = 0; args->n > 0 && i < dict->n && ori_jinja_spend(ip, 1); i++) {
        if (!ori_jequal(ip, dict->at[i].key, args->at[0]))
            continue;
        const struct value value = dict->at[i].value;
        dict->n--;
        memmove(&dict->at[i], &dict->at[i + 1], (dict->n - i) * sizeof(*dict->at));
        return value;
    }
    return other ? *other : ori_jinja_fail(ip, "the dict has no such key");
}

static struct value update(struct interp *ip, struct value self, const struct args *args)
{
    if (args->n > 0 && args->at[0].kind == VALUE_DICT) {
        const struct dict *from = args->at[0].as.dict;
        for (size_t i = 0; i < from->n && !ori_jinja_failed(ip); i++)
            ori_jdict_set(ip, self.as.dict, from->at[i].key, from->at[i].value);
    }
    for (size_t i = 0; i < args->n_keywords && !ori_jinja_failed(ip); i++)
        ori_jdict_set(ip, self.as.dict, ori_jtext(ip, ori_jtext_trusted(args->keywords[i].name)),
                      args->keywords[i].value);
    return ori_jnone();
}

static struct value copy(struct interp *ip, struct value self, const struct args *args)
{
    const struct args all = {.at = &self, .n = 1};
    const struct value out = ori_jdict(ori_jdict_new(ip));

    (void)args;
    if (!ori_jinja_failed(ip))
        (void)update(ip, out, &all);
    return out;
}

/* ---- loops ---- */

static struct value cycle(struct interp *ip, struct value self, const struct args *args)
{
    if (args->n == 0)
        return ori_jinja_fail(ip, "loop.cycle wants values to choose from");
    return args->at[self.as.loop->index % args->n];
}

static struct value changed(struct interp *ip, struct value self, const struct args *args)
{
    struct loop *loop = self.as.loop;
    struct list *now = ori_jlist_new(ip, 0);

    for (size_t i = 0; i < args->n; i++)
        ori_jlist_add(ip, now, args->at[i]);
    const struct value value = ori_jlist(now);
    const bool is = !ori_jequal(ip, loop->changed, value);
    loop->changed = value;
    return ori_jbool(is);
}

const struct builtin *ori_jmethod(struct value object, struct ori_str name)
{
    static const struct builtin of_list[] = {
        {"append", append}, {"extend", extend}, {"insert", insert},
        {"pop", pop_item},  {"count", count},   {"index", index_of},
    };
    static const struct builtin of_dict[] = {
        {"items", dict_items}, {"keys", keys},     {"values", values}, {"get", get},
        {"pop", pop_key},      {"update", update}, {"copy", copy},
    };
    static const struct builtin of_loop[] = {{"cycle", cycle}, {"changed", changed}};

    switch (object.kind) {
    case VALUE_TEXT:
        return ori_jbuiltin_find(ori_jmethods_text, ori_jn_methods_text, name);
    case VALUE_LIST:
        return ori_jbuiltin_find(of_list, ORI_COUNT(of_list), name);
    case VALUE_DICT:
        return ori_jbuiltin_find(of_dict, ORI_COUNT(of_dict), name);
    case VALUE_LOOP:
        return ori_jbuiltin_find(of_loop, ORI_COUNT(of_loop), name);
    default:
        return NULL;
    }
}
