/* Statements to output. */
#include "chat/jinja/interp.h"

/* ---- assigning ---- */

static void assign(struct interp *ip, struct scope *scope, const struct node *target,
                   struct value value);

static void unpack(struct interp *ip, struct scope *scope, const struct node *targets,
                   struct value value)
{
    const struct list *items = ori_jitems(ip, value);
    size_t n = 0;

    for (const struct node *target = targets; target; target = target->next)
        n++;
    if (items && items->n != n)
        ori_jinja_fail(ip, "%zu values for %zu names", items->n, n);
    if (!items || !ori_jinja_spend(ip, n))
        return;
    n = 0;
    for (const struct node *target = targets; target; target = target->next)
        assign(ip, scope, target->a, items->at[n++]);
}

static void assign(struct interp *ip, struct scope *scope, const struct node *target,
                   struct value value)
{
    if (target->kind == NODE_TUPLE) {
        unpack(ip, scope, target->list, value);
        return;
    }
    if (target->kind == NODE_NAME) {
        ori_jscope_set(ip, scope, target->name, value);
        return;
    }
    const struct value object = ori_jeval(ip, scope, target->a);
    if (ori_jinja_failed(ip))
        return;
    if (object.kind != VALUE_NAMESPACE)
        ori_jinja_fail(ip, "only what namespace() made can be set by attribute");
    else
        ori_jdict_set(ip, object.as.dict, ori_jtext(ip, ori_jtext_trusted(target->name)), value);
}

static struct value macro_of(struct interp *ip, struct scope *scope, const struct node *node)
{
    struct macro *macro = ori_jinja_alloc(ip, 1, sizeof(*macro));
    if (!macro)
        return (struct value){0};
    *macro = (struct macro){node, scope};
    return (struct value){VALUE_MACRO, {.macro = macro}};
}

/* ---- loops ---- */

/* The items that pass the loop's `if`. */
static const struct list *filtered(struct interp *ip, struct scope *scope, const struct node *node,
                                   const struct list *items)
{
    struct list *kept = ori_jlist_new(ip, 0);
    struct scope *round = ori_jscope_new(ip, scope);

    for (size_t i = 0; items && i < items->n && !ori_jinja_failed(ip); i++) {
        round->n = 0;
        assign(ip, round, node->target, items->at[i]);
        if (ori_jtruth(ori_jeval(ip, round, node->b)))
            ori_jlist_add(ip, kept, items->at[i]);
    }
    return kept;
}

static enum flow exec_round(struct interp *ip, struct scope *round, const struct node *node,
                            struct loop *loop, struct builder *out)
{
    round->n = 0; /* what a round sets is gone with it */
    ori_jscope_set(ip, round, (struct ori_str){"loop", 4},
                   (struct value){VALUE_LOOP, {.loop = loop}});
    assign(ip, round, node->target, loop->items->at[loop->index]);
    return ori_jexec(ip, round, node->body, out);
}

static enum flow exec_for(struct interp *ip, struct scope *scope, const struct node *node,
                          struct builder *out)
{
    const struct list *items = ori_jitems(ip, ori_jeval(ip, scope, node->a));
    struct loop *loop = ori_jinja_alloc(ip, 1, sizeof(*loop));
    struct scope *round = ori_jscope_new(ip, scope);

    if (node->b)
        items = filtered(ip, scope, node, items);
    if (ori_jinja_failed(ip))
        return FLOW_ON;
    if (items->n == 0)
        return ori_jexec(ip, round, node->otherwise, out);
    loop->items = items;
    for (; loop->index < items->n && !ori_jinja_failed(ip); loop->index++)
        if (exec_round(ip, round, node, loop, out) == FLOW_BREAK)
            break;
    return FLOW_ON;
}

/* ---- blocks with a scope of their own ---- */

static void exec_call_block(struct interp *ip, struct scope *scope, const struct node *node,
                            struct builder *out)
{
    const struct value caller = macro_of(ip, scope, node);
    const struct value callee = ori_jeval(ip, scope, node->a->a);
    struct args args;

    if (!ori_jargs(ip, scope, node->a->list, &args))
        return;
    args.caller = &caller;
    ip->at = node->at;
    ori_jbuild(ip, out, ori_jprint(ip, ori_jcall(ip, callee, &args)));
}

static enum flow exec_scope(struct interp *ip, struct scope *scope, const struct node *node,
                            struct builder *out)
{
    struct scope *inner = ori_jscope_new(ip, scope);

    for (const struct node *variable = node->list; variable; variable = variable->next)
        ori_jscope_set(ip, inner, variable->name, ori_jeval(ip, scope, variable->a));
    return ori_jexec(ip, inner, node->body, out);
}

/* ---- statements ---- */

static enum flow exec_one(struct interp *ip, struct scope *scope, const struct node *node,
                          struct builder *out)
{
    struct value value;

    switch (node->kind) {
    case NODE_TEXT:
        ori_jbuild(ip, out, *node->constant.as.text);
        return FLOW_ON;
    case NODE_PRINT:
        value = ori_jeval(ip, scope, node->a);
        ori_jbuild(ip, out, ori_jprint(ip, value));
        return FLOW_ON;
    case NODE_IF:
        value = ori_jeval(ip, scope, node->a);
        return ori_jexec(ip, scope, ori_jtruth(value) ? node->body : node->otherwise, out);
    case NODE_FOR:
        return exec_for(ip, scope, node, out);
    case NODE_SET:
        assign(ip, scope, node->target, ori_jeval(ip, scope, node->a));
        return FLOW_ON;
    case NODE_MACRO:
        ori_jscope_set(ip, scope, node->name, macro_of(ip, scope, node));
        return FLOW_ON;
    case NODE_CALL_BLOCK:
        exec_call_block(ip, scope, node, out);
        return FLOW_ON;
    case NODE_SCOPE:
        return exec_scope(ip, scope, node, out);
    default:
        return node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
    }
}

enum flow ori_jexec(struct interp *ip, struct scope *scope, const struct node *body,
                    struct builder *out)
{
    enum flow flow = FLOW_ON;

    if (ip->depth == ORI_JINJA_MAX_DEPTH)
        ori_jinja_limit(ip, "evaluations within one another more than %d deep",
                        ORI_JINJA_MAX_DEPTH);
    ip->depth++;
    for (; body && flow == FLOW_ON && ori_jinja_spend(ip, 1); body = body->next) {
        ip->at = body->at;
        flow = exec_one(ip, scope, body, out);
    }
    ip->depth--;
    return flow;
}
