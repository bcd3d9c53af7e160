/* A template as a tree.  It lives in the template's arena and never changes. */
#ifndef ORI_CHAT_JINJA_TREE_H
#define ORI_CHAT_JINJA_TREE_H

#include "base/arena.h"
#include "chat/jinja/value.h"

enum node_kind {
    /* statements */
    NODE_TEXT,
    NODE_PRINT,
    NODE_IF,
    NODE_FOR,
    NODE_SET,
    NODE_MACRO,
    NODE_CALL_BLOCK,
    NODE_SCOPE, /* {% with %}, {% generation %} */
    NODE_BREAK,
    NODE_CONTINUE,
    /* expressions */
    NODE_CONST,
    NODE_NAME,
    NODE_LIST,
    NODE_TUPLE,
    NODE_DICT,
    NODE_UNARY,
    NODE_BINARY,
    NODE_COMPARE,
    NODE_TERNARY,
    NODE_ATTRIBUTE,
    NODE_ITEM,
    NODE_SLICE,
    NODE_CALL,
    NODE_FILTER,
    NODE_TEST,
    NODE_CAPTURE, /* what a block prints: of {% set x %} and {% filter f %} */
    /* parts of the above */
    NODE_ARGUMENT,
};

enum operator{
    OP_OR,
    OP_AND,
    OP_NOT,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOT_IN,
    OP_ADD,
    OP_SUB,
    OP_CONCAT,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW,
    OP_PLUS,
    OP_MINUS,
};

/* Which fields a kind uses; the others are zero.  Lists hang together by `next`.
 *
 *   TEXT            constant
 *   PRINT           a: expression
 *   IF              a: condition, body, otherwise (an `elif` is an IF in it)
 *   FOR             target, a: what it goes over, b: its `if` or NULL, body, otherwise
 *   SET             target, a: value
 *   MACRO           name, list: parameters (ARGUMENT), body
 *   CALL_BLOCK      a: the call, list: parameters of caller(), body
 *   SCOPE           list: variables (ARGUMENT), body
 *   CONST           constant
 *   NAME            name
 *   LIST, TUPLE     list: items (ARGUMENT)
 *   DICT            list: keys and values in turn (ARGUMENT)
 *   UNARY           op, a
 *   BINARY          op, a, b
 *   COMPARE         a, list: the other operands, each with its op in `op` of an ARGUMENT
 *   TERNARY         a: condition, b: then, c: else or NULL
 *   ATTRIBUTE       a, name
 *   ITEM            a, b: key
 *   SLICE           a, list: start, stop, step (ARGUMENT, whose a may be NULL)
 *   CALL            a: what is called, list: ARGUMENTs
 *   FILTER, TEST    a, name, builtin, list: ARGUMENTs; TEST: op is OP_NOT when negated
 *   CAPTURE         body
 *   ARGUMENT        a: value or default (or NULL), name (data NULL: by position), op
 */
struct node {
    enum node_kind kind;
    enum operator op;
    size_t at; /* offset in the source */
    struct ori_str name;
    struct value constant;
    const struct builtin *builtin;
    const struct node *a, *b, *c;
    const struct node *target;
    const struct node *list;
    const struct node *body, *otherwise;
    const struct node *next;
};

#endif
