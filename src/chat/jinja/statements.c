/* {% statements %}, and the text and {{ expressions }} between them. */
#include "chat/jinja/parser.h"

/* Statements up to a tag with one of these words, which is left at hand behind
 * its `{%`.  NULL-terminated. */
static const struct node *parse_body(struct parser *p, const char *const *ends);

static void close_block(struct parser *p)
{
    if (p->token.kind != TOKEN_BLOCK_CLOSE)
        ori_jparse_fail(p, p->token.at, "expected '%%}'");
    ori_jparse_advance(p);
}

/* The tag is at its end; what follows up to `{% end %}` is the body. */
static const struct node *body_until(struct parser *p, const char *end)
{
    const char *const ends[] = {end, NULL};

    close_block(p);
    const struct node *body = parse_body(p, ends);
    (void)ori_jparse_take_name(p, end);
    close_block(p);
    return body;
}

static struct node *parse_if(struct parser *p, size_t at)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct node *first = ori_jparse_node(p, NODE_IF, at);
    struct node *node = first;

    for (;;) {
        node->a = ori_jparse_tuple(p, true);
        close_block(p);
        node->body = parse_body(p, ends);
        const size_t next_at = p->token.at;
        if (!ori_jparse_take_name(p, "elif"))
            break;
        struct node *next = ori_jparse_node(p, NODE_IF, next_at);
        node->otherwise = next;
        node = next;
    }
    if (ori_jparse_take_name(p, "else"))
        node->otherwise = body_until(p, "endif");
    else {
        (void)ori_jparse_take_name(p, "endif");
        close_block(p);
    }
    return first;
}

static struct node *parse_for(struct parser *p, size_t at)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    struct node *node = ori_jparse_node(p, NODE_FOR, at);

    node->target = ori_jparse_target(p, false);
    if (!ori_jparse_take_name(p, "in"))
        ori_jparse_fail(p, p->token.at, "expected 'in'");
    node->a = ori_jparse_tuple(p, true);
    if (ori_jparse_take_name(p, "if"))
        node->b = ori_jparse_expression(p);
    if (ori_jparse_is_name(p, "recursive"))
        ori_jparse_fail(p, p->token.at, "recursive loops are not supported");
    close_block(p);
    p->loops++;
    node->body = parse_body(p, ends);
    p->loops--;
    if (ori_jparse_take_name(p, "else"))
        node->otherwise = body_until(p, "endfor");
    else {
        (void)ori_jparse_take_name(p, "endfor");
        close_block(p);
    }
    return node;
}

static struct node *parse_set(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_SET, at);

    node->target = ori_jparse_target(p, true);
    if (ori_jparse_take_op(p, "=")) {
        node->a = ori_jparse_tuple(p, false);
        close_block(p);
        return node;
    }
    struct node *block = ori_jparse_node(p, NODE_CAPTURE, at);
    node->a = ori_jparse_take_op(p, "|") ? ori_jparse_filters(p, block) : block;
    block->body = body_until(p, "endset");
    return node;
}

/* A body of its own: no loop outside of it can be left from within. */
static const struct node *callable_body(struct parser *p, const char *end)
{
    const unsigned loops = p->loops;

    p->loops = 0;
    const struct node *body = body_until(p, end);
    p->loops = loops;
    return body;
}

/* Behind the `(` of a macro or of a {% call %}: names, each with its default or none. */
static const struct node *parse_parameters(struct parser *p)
{
    struct siblings list = {0};

    while (!ori_jparse_failed(p) && !ori_jparse_take_op(p, ")")) {
        struct node *parameter = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        parameter->name = ori_jparse_expect_name(p);
        if (ori_jparse_take_op(p, "="))
            parameter->a = ori_jparse_expression(p);
        ori_jparse_append(&list, parameter);
        if (!ori_jparse_is_op(p, ")"))
            ori_jparse_expect_op(p, ",");
    }
    return list.first;
}

static struct node *parse_macro(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_MACRO, at);

    node->name = ori_jparse_expect_name(p);
    ori_jparse_expect_op(p, "(");
    node->list = parse_parameters(p);
    node->body = callable_body(p, "endmacro");
    return node;
}

static struct node *parse_call_block(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_CALL_BLOCK, at);

    if (ori_jparse_take_op(p, "("))
        node->list = parse_parameters(p);
    node->a = ori_jparse_expression(p);
    if (node->a->kind != NODE_CALL)
        ori_jparse_fail(p, node->a->at, "expected the call of a macro");
    node->body = callable_body(p, "endcall");
    return node;
}

static struct node *parse_filter_block(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_PRINT, at);
    struct node *block = ori_jparse_node(p, NODE_CAPTURE, at);

    node->a = ori_jparse_filters(p, block);
    block->body = body_until(p, "endfilter");
    return node;
}

static struct node *parse_with(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_SCOPE, at);
    struct siblings list = {0};

    while (p->token.kind == TOKEN_NAME) {
        struct node *variable = ori_jparse_node(p, NODE_ARGUMENT, p->token.at);
        variable->name = ori_jparse_expect_name(p);
        ori_jparse_expect_op(p, "=");
        variable->a = ori_jparse_expression(p);
        ori_jparse_append(&list, variable);
        if (!ori_jparse_take_op(p, ","))
            break;
    }
    node->list = list.first;
    node->body = body_until(p, "endwith");
    return node;
}

/* Marks what a model is trained on; nothing when a prompt is laid out. */
static struct node *parse_generation(struct parser *p, size_t at)
{
    struct node *node = ori_jparse_node(p, NODE_SCOPE, at);
    node->body = body_until(p, "endgeneration");
    return node;
}

static struct node *parse_loop_word(struct parser *p, enum node_kind kind, size_t at)
{
    if (p->loops == 0)
        ori_jparse_fail(p, at, "there is no loop here to leave");
    close_block(p);
    return ori_jparse_node(p, kind, at);
}

static struct node *parse_break(struct parser *p, size_t at)
{
    return parse_loop_word(p, NODE_BREAK, at);
}

static struct node *parse_continue(struct parser *p, size_t at)
{
    return parse_loop_word(p, NODE_CONTINUE, at);
}

/* Behind `{%`. */
static struct node *parse_statement(struct parser *p)
{
    static const struct {
        const char *word;
        struct node *(*parse)(struct parser *p, size_t at);
    } statements[] = {
        {"if", parse_if},           {"for", parse_for},
        {"set", parse_set},         {"macro", parse_macro},
        {"call", parse_call_block}, {"filter", parse_filter_block},
        {"with", parse_with},       {"generation", parse_generation},
        {"break", parse_break},     {"continue", parse_continue},
    };
    const struct token word = p->token;

    for (size_t i = 0; i < ORI_COUNT(statements); i++)
        if (ori_jparse_take_name(p, statements[i].word))
            return statements[i].parse(p, word.at);
    ori_jparse_fail(p, word.at, "there is no statement '%.*s' here", ORI_STR_ARG(word.text));
    return &p->nowhere;
}

static struct node *parse_print(struct parser *p)
{
    struct node *node = ori_jparse_node(p, NODE_PRINT, p->token.at);

    ori_jparse_advance(p);
    node->a = ori_jparse_tuple(p, false);
    if (p->token.kind != TOKEN_PRINT_CLOSE)
        ori_jparse_fail(p, p->token.at, "expected '}}'");
    ori_jparse_advance(p);
    return node;
}

static struct node *parse_text(struct parser *p)
{
    struct node *node = ori_jparse_node(p, NODE_TEXT, p->token.at);
    struct text *text = ori_jparse_alloc(p, 1, sizeof(*text));

    if (!text)
        return &p->nowhere;
    *text = ori_jtext_trusted(p->token.text);
    node->constant = (struct value){VALUE_TEXT, {.text = text}};
    ori_jparse_advance(p);
    return node;
}

static bool ends_body(const struct parser *p, const char *const *ends)
{
    while (*ends && !ori_jparse_is_name(p, *ends))
        ends++;
    return *ends != NULL;
}

/* The last word of `ends` is the one that a body can't do without. */
static void fail_unless_over(struct parser *p, size_t at, const char *const *ends)
{
    if (!*ends)
        return;
    while (ends[1])
        ends++;
    ori_jparse_fail(p, at, "the template ends where a {%% %s %%} is missing", *ends);
}

static const struct node *parse_nodes(struct parser *p, const char *const *ends)
{
    struct siblings list = {0};

    for (;;) {
        const size_t at = p->token.at;
        switch (p->token.kind) {
        case TOKEN_TEXT:
            ori_jparse_append(&list, parse_text(p));
            continue;
        case TOKEN_PRINT_OPEN:
            ori_jparse_append(&list, parse_print(p));
            continue;
        case TOKEN_BLOCK_OPEN:
            ori_jparse_advance(p);
            if (ends_body(p, ends))
                return list.first;
            ori_jparse_append(&list, parse_statement(p));
            continue;
        case TOKEN_END:
            fail_unless_over(p, at, ends);
            return list.first;
        default:
            ori_jparse_fail(p, at, "this was not expected here");
            return list.first;
        }
    }
}

static const struct node *parse_body(struct parser *p, const char *const *ends)
{
    if (!ori_jparse_enter(p))
        return NULL;
    const struct node *body = parse_nodes(p, ends);
    ori_jparse_leave(p);
    return body;
}

const struct node *ori_jparse_template(struct parser *p)
{
    static const char *const none[] = {NULL};

    ori_jparse_advance(p);
    return parse_body(p, none);
}
