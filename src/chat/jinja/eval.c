/* Expressions to values. */
#include "chat/jinja/interp.h"

static struct value eval_name(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value *found = ori_jscope_get(ip, scope, node->name);
    if (found)
        return *found;
    const struct builtin *global = ori_jglobal(node->name);
    return global ? ori_jfunction(ip, global, (struct value){0})
                  : ori_jundefined(ip, ori_jtext_trusted(node->name));
}

static struct value eval_list(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct list *list = ori_jlist_new(ip, 0);

    for (const struct node *item = node->list; item && !ori_jinja_failed(ip); item = item->next)
        ori_jlist_add(ip, list, ori_jeval(ip, scope, item->a));
    if (list)
        list->tuple = node->kind == NODE_TUPLE;
    return ori_jlist(list);
}

static struct value eval_dict(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct dict *dict = ori_jdict_new(ip);

    for (const struct node *key = node->list; key && !ori_jinja_failed(ip); key = key->next->next) {
        const struct value at = ori_jeval(ip, scope, key->a);
        ori_jdict_set(ip, dict, at, ori_jeval(ip, scope, key->next->a));
    }
    return ori_jdict(dict);
}

static struct value eval_unary(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value value = ori_jeval(ip, scope, node->a);
    double real;

    ip->at = node->at;
    if (node->op == OP_NOT)
        return ori_jbool(!ori_jtruth(value));
    if (node->op == OP_MINUS)
        return ori_jnegate(ip, value);
    if (!ori_jnumber(value, &real))
        return ori_jinja_fail(ip, "a %s has no sign", ori_jkind_name(value));
    return value;
}

/* `and` and `or` give the operand that decides, and look no further. */
static struct value eval_binary(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value left = ori_jeval(ip, scope, node->a);

    if ((node->op == OP_AND && !ori_jtruth(left)) || (node->op == OP_OR && ori_jtruth(left)))
        return left;
    const struct value right = ori_jeval(ip, scope, node->b);
    ip->at = node->at;
    if (node->op == OP_AND || node->op == OP_OR || ori_jinja_failed(ip))
        return right;
    return ori_joperate(ip, node->op, left, right);
}

static struct value eval_compare(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct value left = ori_jeval(ip, scope, node->a);
    bool holds = true;

    for (const struct node *other = node->list; other && holds; other = other->next) {
        const struct value right = ori_jeval(ip, scope, other->a);
        ip->at = node->at;
        if (ori_jinja_failed(ip))
            break;
        holds = ori_jcompare(ip, other->op, left, right);
        left = right;
    }
    return ori_jbool(holds);
}

static struct value eval_ternary(struct interp *ip, struct scope *scope, const struct node *node)
{
    const bool holds = ori_jtruth(ori_jeval(ip, scope, node->a));
    const struct node *chosen = holds ? node->b : node->c;
    return chosen ? ori_jeval(ip, scope, chosen) : (struct value){0};
}

static struct value eval_slice(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value object = ori_jeval(ip, scope, node->a);
    struct value limits[3] = {ori_jnone(), ori_jnone(), ori_jnone()};
    size_t i = 0;

    for (const struct node *limit = node->list; limit && i < 3; limit = limit->next, i++)
        if (limit->a)
            limits[i] = ori_jeval(ip, scope, limit->a);
    ip->at = node->at;
    return ori_jslice(ip, object, limits[0], limits[1], limits[2]);
}

static struct value eval_item(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value object = ori_jeval(ip, scope, node->a);
    const struct value key = ori_jeval(ip, scope, node->b);

    ip->at = node->at;
    return ori_jinja_failed(ip) ? key : ori_jitem(ip, object, key);
}

static struct value eval_attribute(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value object = ori_jeval(ip, scope, node->a);

    ip->at = node->at;
    return ori_jinja_failed(ip) ? object : ori_jattribute(ip, object, node->name);
}

static struct value eval_call(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value callee = ori_jeval(ip, scope, node->a);
    struct args args;

    if (!ori_jargs(ip, scope, node->list, &args))
        return callee;
    ip->at = node->at;
    return ori_jcall(ip, callee, &args);
}

/* A filter or a test. */
static struct value eval_builtin(struct interp *ip, struct scope *scope, const struct node *node)
{
    const struct value input = ori_jeval(ip, scope, node->a);
    struct args args;

    if (!ori_jargs(ip, scope, node->list, &args))
        return input;
    ip->at = node->at;
    const struct value out = node->builtin->run(ip, input, &args);
    return node->kind == NODE_TEST ? ori_jbool(ori_jtruth(out) == (node->op != OP_NOT)) : out;
}

static struct value eval_capture(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct builder out = {0};

    (void)ori_jexec(ip, ori_jscope_new(ip, scope), node->body, &out);
    return ori_jtext(ip, ori_jbuilt(&out));
}

static struct value eval_kind(struct interp *ip, struct scope *scope, const struct node *node)
{
    switch (node->kind) {
    case NODE_CONST:
        return node->constant;
    case NODE_NAME:
        return eval_name(ip, scope, node);
    case NODE_LIST:
    case NODE_TUPLE:
        return eval_list(ip, scope, node);
    case NODE_DICT:
        return eval_dict(ip, scope, node);
    case NODE_UNARY:
        return eval_unary(ip, scope, node);
    case NODE_BINARY:
        return eval_binary(ip, scope, node);
    case NODE_COMPARE:
        return eval_compare(ip, scope, node);
    case NODE_TERNARY:
        return eval_ternary(ip, scope, node);
    case NODE_ATTRIBUTE:
        return eval_attribute(ip, scope, node);
    case NODE_ITEM:
        return eval_item(ip, scope, node);
    case NODE_SLICE:
        return eval_slice(ip, scope, node);
    case NODE_CALL:
        return eval_call(ip, scope, node);
    case NODE_CAPTURE:
        return eval_capture(ip, scope, node);
    default:
        return eval_builtin(ip, scope, node);
    }
}

struct value ori_jeval(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct value value = {0};

    if (!ori_jinja_spend(ip, 1))
        return value;
    ip->at = node->at;
    if (ip->depth == ORI_JINJA_MAX_DEPTH) {
        ori_jinja_limit(ip, "evaluations within one another more than %d deep",
                        ORI_JINJA_MAX_DEPTH);
        return value;
    }
    ip->depth++;
    value = eval_kind(ip, scope, node);
    ip->depth--;
    return ori_jinja_failed(ip) ? (struct value){0} : value;
}
