/* Arithmetic and comparison as Python has them; whole numbers have 64 bits. */
#include "chat/jinja/interp.h"

#include <math.h>
#include <string.h>

static const char *spelling(enum operator op)
{
    switch (op) {
    case OP_ADD:
        return "+";
    case OP_SUB:
        return "-";
    case OP_MUL:
        return "*";
    case OP_DIV:
        return "/";
    case OP_FLOORDIV:
        return "//";
    case OP_MOD:
        return "%";
    default:
        return "**";
    }
}

static struct value unsuited(struct interp *ip, enum operator op, struct value a, struct value b)
{
    const struct value *undefined = a.kind == VALUE_UNDEFINED   ? &a
                                    : b.kind == VALUE_UNDEFINED ? &b
                                                                : NULL;
    if (undefined && undefined->as.text)
        return ori_jinja_fail(
            ip, "'%.*s' is undefined",
            ORI_STR_ARG(((struct ori_str){undefined->as.text->data, undefined->as.text->len})));
    return ori_jinja_fail(ip, "a %s and a %s can't be joined by %s", ori_jkind_name(a),
                          ori_jkind_name(b), spelling(op));
}

/* ---- text and lists ---- */

static struct value join_texts(struct interp *ip, struct text a, struct text b)
{
    struct builder out = {0};
    ori_jbuild(ip, &out, a);
    ori_jbuild(ip, &out, b);
    return ori_jtext(ip, ori_jbuilt(&out));
}

static struct value join_lists(struct interp *ip, const struct list *a, const struct list *b)
{
    struct list *list = ori_jlist_new(ip, a->n + b->n);
    for (size_t i = 0; i < a->n; i++)
        ori_jlist_add(ip, list, a->at[i]);
    for (size_t i = 0; i < b->n; i++)
        ori_jlist_add(ip, list, b->at[i]);
    if (list)
        list->tuple = a->tuple;
    return ori_jlist(list);
}

static struct value repeat(struct interp *ip, struct value what, int64_t times)
{
    struct builder out = {0};

    if (what.kind == VALUE_TEXT) {
        for (int64_t i = 0; i < times && ori_jinja_spend(ip, 1); i++)
            ori_jbuild(ip, &out, *what.as.text);
        return ori_jtext(ip, ori_jbuilt(&out));
    }
    struct list *list = ori_jlist_new(ip, 0);
    for (int64_t i = 0; i < times && ori_jinja_spend(ip, 1); i++)
        for (size_t j = 0; j < what.as.list->n; j++)
            ori_jlist_add(ip, list, what.as.list->at[j]);
    if (list)
        list->tuple = what.as.list->tuple;
    return ori_jlist(list);
}

/* ---- numbers ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool power(int64_t base, int64_t exponent, int64_t *out)
{
    int64_t result = 1;
    bool overflows = false;

    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            overflows |= __builtin_mul_overflow(result, base, &result);
        if (exponent > 1)
            overflows |= __builtin_mul_overflow(base, base, &base);
    }
    *out = result;
    return !overflows;
}

/* / and negative exponents leave the whole numbers. */
static struct value on_integers(struct interp *ip, enum operator op, int64_t a, int64_t b)
{
    int64_t out = 0;
    bool fits = true;

    switch (op) {
    case OP_ADD:
        fits = !__builtin_add_overflow(a, b, &out);
        break;
    case OP_SUB:
        fits = !__builtin_sub_overflow(a, b, &out);
        break;
    case OP_MUL:
        fits = !__builtin_mul_overflow(a, b, &out);
        break;
    case OP_FLOORDIV:
        fits = a != INT64_MIN || b != -1;
        out = fits ? floor_div(a, b) : 0;
        break;
    case OP_MOD:
        out = b == -1 ? 0 : a - floor_div(a, b) * b;
        break;
    default:
        fits = power(a, b, &out);
    }
    return fits ? ori_jint(out) : ori_jinja_fail(ip, "a number that does not fit 64 bits");
}

static struct value on_reals(struct interp *ip, enum operator op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return ori_jfloat(a + b);
    case OP_SUB:
        return ori_jfloat(a - b);
    case OP_MUL:
        return ori_jfloat(a * b);
    case OP_DIV:
        return ori_jfloat(a / b);
    case OP_FLOORDIV:
        return ori_jfloat(floor(a / b));
    case OP_MOD:
        return ori_jfloat(a - floor(a / b) * b);
    case OP_POW:
        return ori_jfloat(pow(a, b));
    default:
        return ori_jinja_fail(ip, "this operator is not for numbers");
    }
}

static struct value on_numbers(struct interp *ip, enum operator op, struct value a, struct value b)
{
    int64_t i, j;
    double x = 0, y = 0;

    (void)ori_jnumber(a, &x);
    (void)ori_jnumber(b, &y);
    if (y == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
        return ori_jinja_fail(ip, "a division by zero");
    if (op != OP_DIV && ori_jinteger(a, &i) && ori_jinteger(b, &j) && !(op == OP_POW && j < 0))
        return on_integers(ip, op, i, j);
    return on_reals(ip, op, x, y);
}

struct value ori_joperate(struct interp *ip, enum operator op, struct value a, struct value b)
{
    double x;
    int64_t times;

    if (op == OP_CONCAT)
        return join_texts(ip, ori_jprint(ip, a), ori_jprint(ip, b));
    if (ori_jnumber(a, &x) && ori_jnumber(b, &x))
        return on_numbers(ip, op, a, b);
    if (op == OP_ADD && a.kind == VALUE_TEXT && b.kind == VALUE_TEXT)
        return join_texts(ip, *a.as.text, *b.as.text);
    if (op == OP_ADD && a.kind == VALUE_LIST && b.kind == VALUE_LIST &&
        a.as.list->tuple == b.as.list->tuple)
        return join_lists(ip, a.as.list, b.as.list);
    if (op == OP_MUL && (a.kind == VALUE_TEXT || a.kind == VALUE_LIST) && ori_jinteger(b, &times))
        return repeat(ip, a, times);
    if (op == OP_MUL && (b.kind == VALUE_TEXT || b.kind == VALUE_LIST) && ori_jinteger(a, &times))
        return repeat(ip, b, times);
    if (op == OP_MOD && a.kind == VALUE_TEXT) {
        const bool several = b.kind == VALUE_LIST && b.as.list->tuple;
        return ori_jformat(ip, *a.as.text, several ? b.as.list->at : &b,
                           several ? b.as.list->n : 1);
    }
    return unsuited(ip, op, a, b);
}

struct value ori_jnegate(struct interp *ip, struct value value)
{
    return value.kind == VALUE_FLOAT ? ori_jfloat(-value.as.real)
                                     : ori_joperate(ip, OP_SUB, ori_jint(0), value);
}

/* ---- comparison ---- */

static bool contains(struct interp *ip, struct value container, struct value item)
{
    if (container.kind == VALUE_TEXT) {
        if (item.kind != VALUE_TEXT) {
            ori_jinja_fail(ip, "a %s can't be in a string", ori_jkind_name(item));
            return false;
        }
        return ori_jtext_find(ip, *container.as.text, *item.as.text, 0) <= container.as.text->len;
    }
    if (container.kind == VALUE_DICT)
        return ori_jdict_get(ip, container.as.dict, item) != NULL;
    const struct list *items = ori_jitems(ip, container);
    for (size_t i = 0; items && i < items->n && ori_jinja_spend(ip, 1); i++)
        if (ori_jequal(ip, items->at[i], item))
            return true;
    return false;
}

bool ori_jcompare(struct interp *ip, enum operator op, struct value a, struct value b)
{
    switch (op) {
    case OP_EQ:
        return ori_jequal(ip, a, b);
    case OP_NE:
        return !ori_jequal(ip, a, b);
    case OP_IN:
        return contains(ip, b, a);
    case OP_NOT_IN:
        return !contains(ip, b, a);
    default:
        break;
    }
    const int order = ori_jorder(ip, a, b);
    switch (op) {
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order == 1;
    default:
        return order == 0 || order == 1; /* 2: one is no number */
    }
}
