/* Filters over numbers and any value, and finding a filter by its name. */
#include "chat/jinja/interp.h"

#include <math.h>
#include <string.h>

static struct value default_value(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *other = ori_jarg(args, 0, "default_value");
    const bool boolean = ori_jarg_truth(args, 1, "boolean", false);

    if (boolean ? ori_jtruth(self) : self.kind != VALUE_UNDEFINED)
        return self;
    return other ? *other : ori_jtext_literal(ip, "");
}

/* Not a dict's keys. */
static struct value attr(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text = ori_jarg_text(ip, args, 0, "name", NULL);
    const struct ori_str name = {text.data, text.len};
    const struct builtin *method = ori_jmethod(self, name);

    if (ori_jinja_failed(ip))
        return self;
    if (self.kind != VALUE_DICT)
        return ori_jattribute(ip, self, name);
    return method ? ori_jfunction(ip, method, self) : ori_jundefined(ip, text);
}

static struct value pprint(struct interp *ip, struct value self, const struct args *args)
{
    struct builder out = {0};
    (void)args;
    ori_jrepr(ip, &out, self);
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* ---- numbers ---- */

static bool read_number(struct interp *ip, struct value self, double *out)
{
    if (self.kind != VALUE_TEXT)
        return ori_jnumber(self, out);
    struct text text = ori_jtext_strip(ip, *self.as.text, (struct text){0}, true, true);
    if (!ori_jinja_spend(ip, 8 + text.len / 16)) /* a look at every byte, and JSON */
        return false;
    const bool negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (negative || text.data[0] == '+'))
        text = ori_jtext_part(text, 1, text.len);
    while (text.len > 1 && text.data[0] == '0' && text.data[1] >= '0' && text.data[1] <= '9')
        text = ori_jtext_part(text, 1, text.len);
    if (text.len == 0 || text.data[0] == '-' || !ori_jread_float(text.data, text.len, out))
        return false;
    *out = negative ? -*out : *out;
    return true;
}

static struct value to_int(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *other = ori_jarg(args, 0, "default");
    int64_t integer;
    double real;

    if (ori_jinteger(self, &integer))
        return ori_jint(integer);
    if (read_number(ip, self, &real) && fabs(real) < 9e18)
        return ori_jint((int64_t)real);
    return other ? *other : ori_jint(0);
}

static struct value to_float(struct interp *ip, struct value self, const struct args *args)
{
    const struct value *other = ori_jarg(args, 0, "default");
    double real;

    if (read_number(ip, self, &real))
        return ori_jfloat(real);
    return other ? *other : ori_jfloat(0);
}

static struct value absolute(struct interp *ip, struct value self, const struct args *args)
{
    double real;

    (void)args;
    if (!ori_jnumber(self, &real))
        return ori_jinja_fail(ip, "abs wants a number, not a %s", ori_jkind_name(self));
    return real < 0 ? ori_jnegate(ip, self) : self;
}

/* Halves to the even side, as Python does. */
static struct value round_number(struct interp *ip, struct value self, const struct args *args)
{
    const int64_t precision = ori_jarg_integer(ip, args, 0, "precision", 0);
    const struct text method = ori_jarg_text(ip, args, 1, "method", "common");
    double real;

    if (!ori_jnumber(self, &real))
        return ori_jinja_fail(ip, "round wants a number, not a %s", ori_jkind_name(self));
    if (self.kind == VALUE_INT && precision >= 0 && ori_jtext_is(method, "common"))
        return self;
    const double scale = pow(10, (double)precision);
    const double scaled = real * scale;
    if (!isfinite(scaled) || scale == 0)
        return ori_jfloat(real);
    if (ori_jtext_is(method, "ceil"))
        return ori_jfloat(ceil(scaled) / scale);
    if (ori_jtext_is(method, "floor"))
        return ori_jfloat(floor(scaled) / scale);
    return ori_jfloat(nearbyint(scaled) / scale);
}

static const struct builtin filters[] = {
    {"default", default_value}, {"d", default_value},    {"attr", attr},
    {"pprint", pprint},         {"int", to_int},         {"float", to_float},
    {"abs", absolute},          {"round", round_number},
};

const struct builtin *ori_jbuiltin_find(const struct builtin *table, size_t n, struct ori_str name)
{
    for (size_t i = 0; i < n; i++)
        if (ori_str_eq(name, table[i].name))
            return &table[i];
    return NULL;
}

const struct builtin *ori_jfilter(struct ori_str name)
{
    const struct {
        const struct builtin *table;
        size_t n;
    } tables[] = {
        {filters, ORI_COUNT(filters)},
        {ori_jfilters_text, ori_jn_filters_text},
        {ori_jfilters_list, ori_jn_filters_list},
        {ori_jfilters_pick, ori_jn_filters_pick},
    };
    const struct builtin *found = NULL;
    for (size_t i = 0; i < ORI_COUNT(tables) && !found; i++)
        found = ori_jbuiltin_find(tables[i].table, tables[i].n, name);
    return found;
}
