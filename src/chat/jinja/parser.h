/* What the two halves of the parser share.  As in an interpreter, the first
 * failure sticks; after it every token is TOKEN_BAD, so that all loops end. */
#ifndef ORI_CHAT_JINJA_PARSER_H
#define ORI_CHAT_JINJA_PARSER_H

#include "base/arena.h"
#include "chat/jinja/lexer.h"
#include "chat/jinja/tree.h"

#define ORI_JINJA_MAX_NESTING 64
#define ORI_JINJA_MAX_SOURCE (128u << 10) /* a tree takes at most about 150 times that */

struct parser {
    struct lexer lexer;
    struct token token; /* the one at hand */
    struct ori_arena *arena;
    unsigned nesting;
    unsigned loops; /* that are open, in this macro */
    orion_status status;
    orion_error *err;
    struct node nowhere; /* what a failure gives, so that nobody looks for NULL */
};

/* A list of siblings in the making. */
struct siblings {
    const struct node *first;
    struct node *last;
};

/* parser.c */
void ori_jparse_advance(struct parser *p);
void ori_jparse_fail(struct parser *p, size_t at, const char *fmt, ...) ORI_PRINTF(3, 4);
bool ori_jparse_failed(const struct parser *p);
/* From the template's arena, cleared; NULL when memory is short, which fails p. */
void *ori_jparse_alloc(struct parser *p, size_t count, size_t size) ORI_MUST_USE;
/* Never NULL: when memory is short, &p->nowhere. */
struct node *ori_jparse_node(struct parser *p, enum node_kind kind, size_t at);
void ori_jparse_append(struct siblings *list, struct node *node);
bool ori_jparse_is_op(const struct parser *p, const char *op);
bool ori_jparse_is_name(const struct parser *p, const char *name);
/* Past it if it is at hand. */
bool ori_jparse_take_op(struct parser *p, const char *op);
bool ori_jparse_take_name(struct parser *p, const char *name);
/* Past it, or fail. */
void ori_jparse_expect_op(struct parser *p, const char *op);
struct ori_str ori_jparse_expect_name(struct parser *p);
/* Around what may hold itself; false: too deep. */
bool ori_jparse_enter(struct parser *p);
void ori_jparse_leave(struct parser *p);

/* literals.c: the value of the token at hand, which is passed. */
struct value ori_jparse_literal(struct parser *p);

/* expressions.c */
const struct node *ori_jparse_expression(struct parser *p);
/* Items with commas between them are a tuple; without_if: `a if b` is not taken. */
const struct node *ori_jparse_tuple(struct parser *p, bool without_if);
const struct node *ori_jparse_target(struct parser *p, bool attributes);
/* name(args)|name(args)... over `input`. */
const struct node *ori_jparse_filters(struct parser *p, const struct node *input);

/* statements.c: up to the end of the source. */
const struct node *ori_jparse_template(struct parser *p);

#endif
