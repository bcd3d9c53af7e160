/* Filters that pick items, or something of each: map, select and their kin. */
#include "chat/jinja/interp.h"

/* args without the first `n` by position. */
static struct args rest(const struct args *args, size_t n)
{
    struct args out = *args;
    n = n < args->n ? n : args->n;
    out.at = n > 0 ? out.at + n : out.at;
    out.n -= n;
    return out;
}

static struct ori_str name_of(struct interp *ip, const struct args *args, size_t position)
{
    const struct text name = ori_jarg_text(ip, args, position, "name", NULL);
    return (struct ori_str){name.data, name.len};
}

static struct value map_attribute(struct interp *ip, const struct list *items,
                                  struct value attribute, const struct args *args)
{
    const struct value *without = ori_jarg(args, args->n, "default");
    struct list *out = ori_jlist_new(ip, 0);

    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++) {
        const struct value found = ori_jpath(ip, items->at[i], ori_jprint(ip, attribute));
        ori_jlist_add(ip, out, found.kind == VALUE_UNDEFINED && without ? *without : found);
    }
    return ori_jlist(out);
}

static struct value map(struct interp *ip, struct value self, const struct args *args)
{
    const struct list *items = ori_jitems(ip, self);
    const struct value *attribute = ori_jarg(args, args->n, "attribute");

    if (attribute)
        return map_attribute(ip, items, *attribute, args);
    const struct ori_str name = name_of(ip, args, 0);
    const struct builtin *filter = ori_jfilter(name);
    const struct args others = rest(args, 1);
    struct list *out = ori_jlist_new(ip, 0);
    if (!filter)
        return ori_jinja_fail(ip, "there is no filter '%.*s'", ORI_STR_ARG(name));
    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++)
        ori_jlist_add(ip, out, filter->run(ip, items->at[i], &others));
    return ori_jlist(out);
}

/* Items (or those whose attribute) that pass a test, or that fail it. */
static struct value pick(struct interp *ip, struct value self, const struct args *args,
                         bool by_attribute, bool wanted)
{
    const struct list *items = ori_jitems(ip, self);
    const size_t at = by_attribute ? 1 : 0;
    const struct ori_str attribute = by_attribute ? name_of(ip, args, 0) : (struct ori_str){"", 0};
    const struct ori_str name = args->n > at ? name_of(ip, args, at) : (struct ori_str){"", 0};
    const struct builtin *test = args->n > at ? ori_jtest(name) : NULL;
    const struct args others = rest(args, at + 1);
    struct list *out = ori_jlist_new(ip, 0);

    if (args->n > at && !test)
        return ori_jinja_fail(ip, "there is no test '%.*s'", ORI_STR_ARG(name));
    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++) {
        struct value value = items->at[i];
        if (by_attribute)
            value = ori_jpath(ip, value, ori_jtext_trusted(attribute));
        if (test && !ori_jinja_failed(ip))
            value = test->run(ip, value, &others);
        if (ori_jtruth(value) == wanted)
            ori_jlist_add(ip, out, items->at[i]);
    }
    return ori_jlist(out);
}

static struct value select_items(struct interp *ip, struct value self, const struct args *args)
{
    return pick(ip, self, args, false, true);
}

static struct value reject_items(struct interp *ip, struct value self, const struct args *args)
{
    return pick(ip, self, args, false, false);
}

static struct value selectattr(struct interp *ip, struct value self, const struct args *args)
{
    return pick(ip, self, args, true, true);
}

static struct value rejectattr(struct interp *ip, struct value self, const struct args *args)
{
    return pick(ip, self, args, true, false);
}

const struct builtin ori_jfilters_pick[] = {
    {"map", map},
    {"select", select_items},
    {"reject", reject_items},
    {"selectattr", selectattr},
    {"rejectattr", rejectattr},
};
const size_t ori_jn_filters_pick = ORI_COUNT(ori_jfilters_pick);
