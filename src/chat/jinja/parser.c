#include "chat/jinja/parser.h"

#include "chat/jinja/source.h"

void ori_jparse_fail(struct parser *p, size_t at, const char *fmt, ...)
{
    va_list args;

    if (p->status != ORION_OK)
        return;
    va_start(args, fmt);
    p->status = ori_jinja_report(p->err, ORION_E_FORMAT, p->lexer.source, at, fmt, args);
    va_end(args);
    p->token.kind = TOKEN_BAD;
}

bool ori_jparse_failed(const struct parser *p)
{
    return p->status != ORION_OK;
}

void ori_jparse_advance(struct parser *p)
{
    if (ori_jparse_failed(p))
        return;
    p->token = ori_jinja_next_token(&p->lexer);
    if (p->token.kind == TOKEN_BAD)
        ori_jparse_fail(p, p->token.at, "%.*s", ORI_STR_ARG(p->token.text));
}

void *ori_jparse_alloc(struct parser *p, size_t count, size_t size)
{
    void *memory = ori_arena_alloc(p->arena, count, size);

    if (memory)
        return memory;
    if (!ori_jparse_failed(p))
        p->status = ori_fail_nomem(p->err, "the chat template");
    p->token.kind = TOKEN_BAD;
    return NULL;
}

struct node *ori_jparse_node(struct parser *p, enum node_kind kind, size_t at)
{
    struct node *node = ori_jparse_alloc(p, 1, sizeof(*node));

    if (!node)
        return &p->nowhere;
    node->kind = kind;
    node->at = at;
    return node;
}

void ori_jparse_append(struct siblings *list, struct node *node)
{
    if (node == list->last)
        return; /* memory is short: the same spare node again */
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
}

bool ori_jparse_is_op(const struct parser *p, const char *op)
{
    return p->token.kind == TOKEN_OP && ori_str_eq(p->token.text, op);
}

bool ori_jparse_is_name(const struct parser *p, const char *name)
{
    return p->token.kind == TOKEN_NAME && ori_str_eq(p->token.text, name);
}

bool ori_jparse_take_op(struct parser *p, const char *op)
{
    const bool is = ori_jparse_is_op(p, op);
    if (is)
        ori_jparse_advance(p);
    return is;
}

bool ori_jparse_take_name(struct parser *p, const char *name)
{
    const bool is = ori_jparse_is_name(p, name);
    if (is)
        ori_jparse_advance(p);
    return is;
}

void ori_jparse_expect_op(struct parser *p, const char *op)
{
    if (!ori_jparse_take_op(p, op))
        ori_jparse_fail(p, p->token.at, "expected '%s'", op);
}

struct ori_str ori_jparse_expect_name(struct parser *p)
{
    const struct ori_str name = p->token.text;

    if (p->token.kind != TOKEN_NAME) {
        ori_jparse_fail(p, p->token.at, "expected a name");
        return (struct ori_str){"", 0};
    }
    ori_jparse_advance(p);
    return name;
}

bool ori_jparse_enter(struct parser *p)
{
    if (p->nesting == ORI_JINJA_MAX_NESTING)
        ori_jparse_fail(p, p->token.at, "more than %d levels within one another",
                        ORI_JINJA_MAX_NESTING);
    if (ori_jparse_failed(p))
        return false;
    p->nesting++;
    return true;
}

void ori_jparse_leave(struct parser *p)
{
    p->nesting--;
}
