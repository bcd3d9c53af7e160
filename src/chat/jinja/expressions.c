/* Expressions, with the precedence that Jinja has from Python. */
#include "chat/jinja/interp.h"
#include "chat/jinja/parser.h"

static const struct node *parse_unary(struct parser *p, bool with_filters);

static struct node *named(struct parser *p, enum node_kind kind, size_t at, struct ori_str name)
{
    struct node *node = ori_jparse_node(p, kind, at);
    node->name = name;
    return node;
}

/* ---- operators, the loosest first ---- */

enum level {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_CONCAT,
    LEVEL_PRODUCT,
    LEVEL_POWER,
    LEVEL_UNARY
};

static const struct node *parse_level(struct parser *p, enum level level);

/* The operator of this level that is at hand, and past it. */
static bool take_operator(struct parser *p, enum level level, enum operator* out)
{
    static const struct {
        enum level level;
        bool word;
        const char *text;
        enum operator op;
    } rows[] = {
        {LEVEL_OR, true, "or", OP_OR},
        {LEVEL_AND, true, "and", OP_AND},
        {LEVEL_COMPARE, false, "==", OP_EQ},
        {LEVEL_COMPARE, false, "!=", OP_NE},
        {LEVEL_COMPARE, false, "<", OP_LT},
        {LEVEL_COMPARE, false, "<=", OP_LE},
        {LEVEL_COMPARE, false, ">", OP_GT},
        {LEVEL_COMPARE, false, ">=", OP_GE},
        {LEVEL_COMPARE, true, "in", OP_IN},
        {LEVEL_SUM, false, "+", OP_ADD},
        {LEVEL_SUM, false, "-", OP_SUB},
        {LEVEL_CONCAT, false, "~", OP_CONCAT},
        {LEVEL_PRODUCT, false, "*", OP_MUL},
        {LEVEL_PRODUCT, false, "/", OP_DIV},
        {LEVEL_PRODUCT, false, "//", OP_FLOORDIV},
        {LEVEL_PRODUCT, false, "%", OP_MOD},
        {LEVEL_POWER, false, "**", OP_POW},
    };
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        if (rows[i].level == level && (rows[i].word ? ori_jparse_take_name(p, rows[i].text)
                                                    : ori_jparse_take_op(p, rows[i].text))) {
            *out = rows[i].op;
            return true;
        }
    }
    if (level != LEVEL_COMPARE || !ori_jparse_take_name(p, "not"))
        return false;
    if (!ori_jparse_take_name(p, "in"))
        ori_jparse_fail(p, p->token.at, "expected 'in' behind 'not'");
    *out = OP_NOT_IN;
    return true;
}

static const struct node *parse_not(struct parser *p)
{
    const size_t at = p->token.at;

    if (!ori_jparse_is_name(p, "not") || !ori_jparse_enter(p))
        return parse_level(p, LEVEL_COMPARE);
    ori_jparse_advance(p);
    struct node *node = ori_jparse_node(p, NODE_UNARY, at);
    node->op = OP_NOT;
    node->a = parse_not(p);
    ori_jparse_leave(p);
    return node;
}

/* a < b < c holds when both do. */
static const struct node *parse_compare(struct parser *p)
{
    const size_t at = p->token.at;
    const struct node *first = parse_level(p, LEVEL_SUM);
    struct siblings others = {0};
    enum operator op;

    while (take_operator(p, LEVEL_COMPARE, &op)) {
        struct node *other = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        other->op = op;
        other->a = parse_level(p, LEVEL_SUM);
        ori_jparse_append(&others, other);
    }
    if (!others.first)
        return first;
    struct node *node = ori_jparse_node(p, NODE_COMPARE, at);
    node->a = first;
    node->list = others.first;
    return node;
}

static const struct node *parse_level(struct parser *p, enum level level)
{
    enum operator op;

    if (level == LEVEL_NOT)
        return parse_not(p);
    if (level == LEVEL_COMPARE)
        return parse_compare(p);
    if (level == LEVEL_UNARY)
        return parse_unary(p, true);
    const struct node *left = parse_level(p, level + 1);
    for (size_t at = p->token.at; take_operator(p, level, &op); at = p->token.at) {
        struct node *node = ori_jparse_node(p, NODE_BINARY, at);
        node->op = op;
        node->a = left;
        node->b = parse_level(p, level + 1);
        left = node;
    }
    return left;
}

static const struct node *parse_ternary(struct parser *p)
{
    const struct node *then = parse_level(p, LEVEL_OR);

    while (ori_jparse_is_name(p, "if")) {
        struct node *node = ori_jparse_node(p, NODE_TERNARY, p->token.at);
        ori_jparse_advance(p);
        node->b = then;
        node->a = parse_level(p, LEVEL_OR);
        if (ori_jparse_take_name(p, "else"))
            node->c = ori_jparse_expression(p);
        then = node;
    }
    return then;
}

const struct node *ori_jparse_expression(struct parser *p)
{
    if (!ori_jparse_enter(p))
        return &p->nowhere;
    const struct node *node = parse_ternary(p);
    ori_jparse_leave(p);
    return node;
}

/* ---- displays ---- */

static bool ends_tuple(const struct parser *p)
{
    return p->token.kind == TOKEN_PRINT_CLOSE || p->token.kind == TOKEN_BLOCK_CLOSE ||
           ori_jparse_is_op(p, ")") || ori_jparse_is_op(p, "=") || ori_jparse_is_name(p, "in");
}

const struct node *ori_jparse_tuple(struct parser *p, bool without_if)
{
    const size_t at = p->token.at;
    struct siblings items = {0};
    bool comma = false;

    while (!ori_jparse_failed(p) && !(comma && ends_tuple(p))) {
        const struct node *item = without_if ? parse_level(p, LEVEL_OR) : ori_jparse_expression(p);
        comma = ori_jparse_take_op(p, ",");
        if (!comma && !items.first)
            return item;
        struct node *held = ori_jparse_node(p, NODE_ARGUMENT, item->at);
        held->a = item;
        ori_jparse_append(&items, held);
        if (!comma)
            break;
    }
    struct node *node = ori_jparse_node(p, NODE_TUPLE, at);
    node->list = items.first;
    return node;
}

/* Behind an opening bracket: items up to `close`, each in an ARGUMENT; of a dict,
 * keys and values in turn. */
static const struct node *parse_items(struct parser *p, const char *close, bool dict)
{
    struct siblings items = {0};

    while (!ori_jparse_failed(p) && !ori_jparse_take_op(p, close)) {
        for (int part = 0; part < (dict ? 2 : 1); part++) {
            if (part > 0)
                ori_jparse_expect_op(p, ":");
            struct node *item = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
            item->a = ori_jparse_expression(p);
            ori_jparse_append(&items, item);
        }
        if (!ori_jparse_is_op(p, close))
            ori_jparse_expect_op(p, ",");
    }
    return items.first;
}

static const struct node *parse_parentheses(struct parser *p)
{
    const size_t at = p->token.at;

    ori_jparse_advance(p);
    if (ori_jparse_take_op(p, ")"))
        return ori_jparse_node(p, NODE_TUPLE, at);
    const struct node *node = ori_jparse_tuple(p, false);
    ori_jparse_expect_op(p, ")");
    return node;
}

static const struct node *parse_constant(struct parser *p, struct value value)
{
    struct node *node = ori_jparse_node(p, NODE_CONST, p->token.at);
    node->constant = value;
    return node;
}

static const struct node *parse_name(struct parser *p)
{
    static const struct {
        const char *name;
        struct value value;
    } constants[] = {
        {"true", {VALUE_BOOL, {.truth = true}}},
        {"True", {VALUE_BOOL, {.truth = true}}},
        {"false", {VALUE_BOOL, {.truth = false}}},
        {"False", {VALUE_BOOL, {.truth = false}}},
        {"none", {VALUE_NONE, {0}}},
        {"None", {VALUE_NONE, {0}}},
    };
    const size_t at = p->token.at;

    for (size_t i = 0; i < ORI_COUNT(constants); i++)
        if (ori_jparse_take_name(p, constants[i].name))
            return parse_constant(p, constants[i].value);
    return named(p, NODE_NAME, at, ori_jparse_expect_name(p));
}

static const struct node *parse_primary(struct parser *p)
{
    const size_t at = p->token.at;
    struct node *node;

    switch (p->token.kind) {
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_STRING:
    case TOKEN_INT:
    case TOKEN_FLOAT:
        node = ori_jparse_node(p, NODE_CONST, at);
        node->constant = ori_jparse_literal(p);
        return node;
    default:
        break;
    }
    if (ori_jparse_is_op(p, "("))
        return parse_parentheses(p);
    if (!ori_jparse_is_op(p, "[") && !ori_jparse_is_op(p, "{")) {
        ori_jparse_fail(p, at, "expected a value");
        return &p->nowhere;
    }
    const bool dict = ori_jparse_is_op(p, "{");
    ori_jparse_advance(p);
    node = ori_jparse_node(p, dict ? NODE_DICT : NODE_LIST, at);
    node->list = parse_items(p, dict ? "}" : "]", dict);
    return node;
}

/* ---- what stands behind a value ---- */

/* Behind `(`. */
static const struct node *parse_arguments(struct parser *p)
{
    struct siblings list = {0};

    while (!ori_jparse_failed(p) && !ori_jparse_take_op(p, ")")) {
        struct node *argument = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        argument->a = ori_jparse_expression(p);
        if (argument->a->kind == NODE_NAME && ori_jparse_take_op(p, "=")) {
            argument->name = argument->a->name;
            argument->a = ori_jparse_expression(p);
        } else if (list.last && list.last->name.data) {
            ori_jparse_fail(p, argument->at, "an argument by position behind one by name");
        }
        ori_jparse_append(&list, argument);
        if (!ori_jparse_is_op(p, ")"))
            ori_jparse_expect_op(p, ",");
    }
    return list.first;
}

/* Behind `[`: one key, or start:stop:step. */
static const struct node *parse_subscript(struct parser *p, const struct node *object, size_t at)
{
    struct siblings parts = {0};
    bool slice = false;

    for (int part = 0; part < 3; part++) {
        struct node *limit = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        if (!ori_jparse_is_op(p, ":") && !ori_jparse_is_op(p, "]"))
            limit->a = ori_jparse_expression(p);
        ori_jparse_append(&parts, limit);
        if (part == 2 || !ori_jparse_take_op(p, ":"))
            break;
        slice = true;
    }
    ori_jparse_expect_op(p, "]");
    struct node *node = ori_jparse_node(p, slice ? NODE_SLICE : NODE_ITEM, at);
    node->a = object;
    node->list = slice ? parts.first : NULL;
    node->b = slice ? NULL : parts.first->a;
    if (!slice && !node->b)
        ori_jparse_fail(p, at, "expected a key between the brackets");
    return node;
}

static const struct node *parse_dot(struct parser *p, const struct node *object, size_t at)
{
    struct node *node;

    if (p->token.kind == TOKEN_INT) {
        node = ori_jparse_node(p, NODE_ITEM, at);
        node->b = parse_primary(p);
    } else {
        node = named(p, NODE_ATTRIBUTE, at, ori_jparse_expect_name(p));
    }
    node->a = object;
    return node;
}

static const struct node *parse_call(struct parser *p, const struct node *callee, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_CALL, at);
    node->a = callee;
    node->list = parse_arguments(p);
    return node;
}

static const struct node *parse_postfix(struct parser *p, const struct node *node)
{
    for (;;) {
        const size_t at = p->token.at;
        if (ori_jparse_take_op(p, "."))
            node = parse_dot(p, node, at);
        else if (ori_jparse_take_op(p, "["))
            node = parse_subscript(p, node, at);
        else if (ori_jparse_take_op(p, "("))
            node = parse_call(p, node, at);
        else
            return node;
    }
}

static const struct node *parse_filter(struct parser *p, const struct node *input)
{
    const size_t at = p->token.at;
    struct node *node = named(p, NODE_FILTER, at, ori_jparse_expect_name(p));

    node->a = input;
    node->builtin = ori_jfilter(node->name);
    if (!node->builtin)
        ori_jparse_fail(p, at, "there is no filter '%.*s'", ORI_STR_ARG(node->name));
    if (ori_jparse_take_op(p, "("))
        node->list = parse_arguments(p);
    return node;
}

const struct node *ori_jparse_filters(struct parser *p, const struct node *input)
{
    do
        input = parse_filter(p, input);
    while (ori_jparse_take_op(p, "|"));
    return input;
}

/* May what is at hand be the argument of a test without parentheses? */
static bool begins_argument(const struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_NAME:
        return !ori_jparse_is_name(p, "else") && !ori_jparse_is_name(p, "or") &&
               !ori_jparse_is_name(p, "and") && !ori_jparse_is_name(p, "is") &&
               !ori_jparse_is_name(p, "if") && !ori_jparse_is_name(p, "not") &&
               !ori_jparse_is_name(p, "in");
    case TOKEN_STRING:
    case TOKEN_INT:
    case TOKEN_FLOAT:
        return true;
    default:
        return ori_jparse_is_op(p, "[") || ori_jparse_is_op(p, "{");
    }
}

/* Behind `is`. */
static const struct node *parse_test(struct parser *p, const struct node *input)
{
    const bool negated = ori_jparse_take_name(p, "not");
    const size_t at = p->token.at;
    struct node *node = named(p, NODE_TEST, at, ori_jparse_expect_name(p));

    node->a = input;
    node->op = negated ? OP_NOT : OP_EQ;
    node->builtin = ori_jtest(node->name);
    if (!node->builtin)
        ori_jparse_fail(p, at, "there is no test '%.*s'", ORI_STR_ARG(node->name));
    if (ori_jparse_take_op(p, "(")) {
        node->list = parse_arguments(p);
    } else if (begins_argument(p)) {
        struct node *argument = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        argument->a = parse_postfix(p, parse_primary(p));
        node->list = argument;
    }
    return node;
}

static const struct node *parse_behind(struct parser *p, const struct node *node)
{
    for (;;) {
        const size_t at = p->token.at;
        if (ori_jparse_take_op(p, "|"))
            node = parse_filter(p, node);
        else if (ori_jparse_take_name(p, "is"))
            node = parse_test(p, node);
        else if (ori_jparse_take_op(p, "("))
            node = parse_call(p, node, at);
        else
            return node;
    }
}

static const struct node *parse_sign(struct parser *p)
{
    struct node *node = ori_jparse_node(p, NODE_UNARY, p->token.at);

    node->op = ori_jparse_is_op(p, "-") ? OP_MINUS : OP_PLUS;
    if (!ori_jparse_enter(p))
        return node;
    ori_jparse_advance(p);
    node->a = parse_unary(p, false);
    ori_jparse_leave(p);
    return node;
}

static const struct node *parse_unary(struct parser *p, bool with_filters)
{
    const bool sign = ori_jparse_is_op(p, "-") || ori_jparse_is_op(p, "+");
    const struct node *node = parse_postfix(p, sign ? parse_sign(p) : parse_primary(p));
    return with_filters ? parse_behind(p, node) : node;
}

/* ---- for statements ---- */

static const struct node *parse_one_target(struct parser *p, bool attributes)
{
    const size_t at = p->token.at;

    if (ori_jparse_is_op(p, "(") && ori_jparse_enter(p)) {
        ori_jparse_advance(p);
        const struct node *inner = ori_jparse_target(p, attributes);
        ori_jparse_expect_op(p, ")");
        ori_jparse_leave(p);
        return inner;
    }
    const struct node *name = named(p, NODE_NAME, at, ori_jparse_expect_name(p));
    if (!attributes || !ori_jparse_take_op(p, "."))
        return name;
    struct node *node = named(p, NODE_ATTRIBUTE, at, ori_jparse_expect_name(p));
    node->a = name;
    return node;
}

const struct node *ori_jparse_target(struct parser *p, bool attributes)
{
    const size_t at = p->token.at;
    const struct node *first = parse_one_target(p, attributes);
    struct siblings items = {0};

    if (!ori_jparse_is_op(p, ","))
        return first;
    for (;;) {
        struct node *item = ori_jparse_node(p, NODE_ARGUMENT, first->at);
        item->a = first;
        ori_jparse_append(&items, item);
        if (!ori_jparse_take_op(p, ",") || ends_tuple(p))
            break;
        first = parse_one_target(p, attributes);
    }
    struct node *node = ori_jparse_node(p, NODE_TUPLE, at);
    node->list = items.first;
    return node;
}
