/* What stands behind `is`. */
#include "chat/jinja/interp.h"

#define TEST(name, holds)                                                                          \
    static struct value name(struct interp *ip, struct value self, const struct args *args)        \
    {                                                                                              \
        (void)ip;                                                                                  \
        (void)args;                                                                                \
        return ori_jbool(holds);                                                                   \
    }

TEST(is_defined, self.kind != VALUE_UNDEFINED)
TEST(is_undefined, self.kind == VALUE_UNDEFINED)
TEST(is_none, self.kind == VALUE_NONE)
TEST(is_boolean, self.kind == VALUE_BOOL)
TEST(is_true, self.kind == VALUE_BOOL && self.as.truth)
TEST(is_false, self.kind == VALUE_BOOL && !self.as.truth)
TEST(is_integer, self.kind == VALUE_INT)
TEST(is_float, self.kind == VALUE_FLOAT)
TEST(is_number, self.kind == VALUE_INT || self.kind == VALUE_FLOAT || self.kind == VALUE_BOOL)
TEST(is_string, self.kind == VALUE_TEXT)
TEST(is_mapping, self.kind == VALUE_DICT)
TEST(is_iterable, self.kind == VALUE_TEXT || self.kind == VALUE_LIST || self.kind == VALUE_DICT ||
                      self.kind == VALUE_UNDEFINED)
TEST(is_sequence, self.kind == VALUE_TEXT || self.kind == VALUE_LIST || self.kind == VALUE_DICT ||
                      self.kind == VALUE_UNDEFINED)
TEST(is_callable, self.kind == VALUE_FUNCTION || self.kind == VALUE_MACRO)

/* ---- beside another value ---- */

static struct value compare(struct interp *ip, enum operator op, struct value self,
                            const struct args *args)
{
    if (args->n == 0)
        return ori_jinja_fail(ip, "this test wants a value to compare with");
    return ori_jbool(ori_jcompare(ip, op, self, args->at[0]));
}

#define COMPARISON(name, op)                                                                       \
    static struct value name(struct interp *ip, struct value self, const struct args *args)        \
    {                                                                                              \
        return compare(ip, op, self, args);                                                        \
    }

COMPARISON(is_eq, OP_EQ)
COMPARISON(is_ne, OP_NE)
COMPARISON(is_lt, OP_LT)
COMPARISON(is_le, OP_LE)
COMPARISON(is_gt, OP_GT)
COMPARISON(is_ge, OP_GE)
COMPARISON(is_in, OP_IN)

static struct value is_sameas(struct interp *ip, struct value self, const struct args *args)
{
    return args->n > 0 && args->at[0].kind != self.kind ? ori_jbool(false)
                                                        : compare(ip, OP_EQ, self, args);
}

static struct value remainder_is(struct interp *ip, struct value self, int64_t divisor,
                                 int64_t wanted)
{
    const struct value rest = ori_joperate(ip, OP_MOD, self, ori_jint(divisor));
    return ori_jbool(!ori_jinja_failed(ip) && ori_jequal(ip, rest, ori_jint(wanted)));
}

static struct value is_even(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return remainder_is(ip, self, 2, 0);
}

static struct value is_odd(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return remainder_is(ip, self, 2, 1);
}

static struct value is_divisibleby(struct interp *ip, struct value self, const struct args *args)
{
    return remainder_is(ip, self, ori_jarg_integer(ip, args, 0, "num", 0), 0);
}

/* ---- letters ---- */

static struct value is_cased(struct interp *ip, struct value self, enum letter_case wanted)
{
    const struct text text = ori_jprint(ip, self);
    bool letters = false;

    ori_jinja_spend(ip, text.len / 8); /* a close look at every byte */
    for (size_t at = 0; at < text.len && !letters; at += ori_jtext_char(text, at))
        letters = ori_jtext_is_letter(text, at);
    return ori_jbool(letters && ori_jtext_equal(text, ori_jtext_cased(ip, text, wanted)));
}

static struct value is_lower(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return is_cased(ip, self, CASE_LOWER);
}

static struct value is_upper(struct interp *ip, struct value self, const struct args *args)
{
    (void)args;
    return is_cased(ip, self, CASE_UPPER);
}

const struct builtin *ori_jtest(struct ori_str name)
{
    static const struct builtin tests[] = {
        {"defined", is_defined},
        {"undefined", is_undefined},
        {"none", is_none},
        {"None", is_none},
        {"boolean", is_boolean},
        {"true", is_true},
        {"false", is_false},
        {"integer", is_integer},
        {"float", is_float},
        {"number", is_number},
        {"string", is_string},
        {"mapping", is_mapping},
        {"iterable", is_iterable},
        {"sequence", is_sequence},
        {"callable", is_callable},
        {"eq", is_eq},
        {"equalto", is_eq},
        {"ne", is_ne},
        {"lt", is_lt},
        {"lessthan", is_lt},
        {"le", is_le},
        {"gt", is_gt},
        {"greaterthan", is_gt},
        {"ge", is_ge},
        {"in", is_in},
        {"sameas", is_sameas},
        {"even", is_even},
        {"odd", is_odd},
        {"divisibleby", is_divisibleby},
        {"lower", is_lower},
        {"upper", is_upper},
        {"==", is_eq},
        {"!=", is_ne},
        {">", is_gt},
        {">=", is_ge},
        {"<", is_lt},
        {"<=", is_le},
    };
    return ori_jbuiltin_find(tests, ORI_COUNT(tests), name);
}
