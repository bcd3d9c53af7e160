/* One rendering in the making: its memory, its budget and its first failure.
 *
 * A failure is kept here and sticks: what fails returns an undefined value, and
 * every step after it returns at once.  So evaluating needs no status at each
 * call, and only loops look whether to go on. */
#ifndef ORI_CHAT_JINJA_INTERP_H
#define ORI_CHAT_JINJA_INTERP_H

#include <time.h>

#include "base/arena.h"
#include "chat/jinja/tree.h"
#include "chat/jinja/value.h"

#define ORI_JINJA_MAX_STEPS 1000000u     /* nodes evaluated, items made, or each 64 bytes */
#define ORI_JINJA_MAX_DEPTH 512          /* evaluations within one another */
#define ORI_JINJA_MAX_DATA 64            /* containers within one another, compared or printed */
#define ORI_JINJA_MAX_TEXT (8u << 20)    /* bytes of one text, the output among them */
#define ORI_JINJA_MAX_MEMORY (64u << 20) /* all that a rendering makes */

struct interp {
    struct ori_str source;
    struct ori_arena arena;
    size_t steps; /* left */
    unsigned depth;
    unsigned data_depth;
    size_t at; /* offset of what is evaluated, for the message */
    struct tm now;
    orion_status status;
    orion_error *err;
};

/* The variables of a template, a macro or a round of a loop. */
struct scope {
    struct scope *parent;
    struct variable {
        struct ori_str name;
        struct value value;
    } * at; /* [n] */
    size_t n, cap;
};

/* The first failure is kept, later ones are dropped.  Returns undefined. */
struct value ori_jinja_fail(struct interp *ip, const char *fmt, ...) ORI_PRINTF(2, 3);
/* raise_exception(): the template refuses the messages. */
struct value ori_jinja_refuse(struct interp *ip, const char *fmt, ...) ORI_PRINTF(2, 3);
/* "the template makes <what>, more than is allowed" */
void ori_jinja_limit(struct interp *ip, const char *fmt, ...) ORI_PRINTF(2, 3);

/* False when the budget is spent or something has failed before. */
bool ori_jinja_spend(struct interp *ip, size_t steps);
bool ori_jinja_spend_bytes(struct interp *ip, size_t bytes);
static inline bool ori_jinja_failed(const struct interp *ip)
{
    return ip->status != ORION_OK;
}

/* Around walking into a container; false: too deep. */
bool ori_jinja_enter(struct interp *ip);
void ori_jinja_leave(struct interp *ip);

void *ori_jinja_alloc(struct interp *ip, size_t count, size_t size) ORI_MUST_USE;

/* ---- scopes (scope.c) ---- */

struct scope *ori_jscope_new(struct interp *ip, struct scope *parent);
void ori_jscope_set(struct interp *ip, struct scope *scope, struct ori_str name,
                    struct value value);
/* NULL when no scope has it. */
const struct value *ori_jscope_get(struct interp *ip, const struct scope *scope,
                                   struct ori_str name);

/* ---- evaluating ---- */

struct value ori_jeval(struct interp *ip, struct scope *scope, const struct node *node);
/* How the statements ended: at their end, or by a word of loops. */
enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };
enum flow ori_jexec(struct interp *ip, struct scope *scope, const struct node *body,
                    struct builder *out);
struct value ori_jcall(struct interp *ip, struct value callee, const struct args *args);
struct value ori_jcall_macro(struct interp *ip, const struct macro *macro, const struct args *args);
/* The arguments written in the template; false after a failure. */
bool ori_jargs(struct interp *ip, struct scope *scope, const struct node *arguments,
               struct args *out);

/* ---- operators (operators.c) ---- */

struct value ori_joperate(struct interp *ip, enum operator op, struct value a, struct value b);
bool ori_jcompare(struct interp *ip, enum operator op, struct value a, struct value b);
struct value ori_jnegate(struct interp *ip, struct value value);

/* ---- access (access.c) ---- */

struct value ori_jattribute(struct interp *ip, struct value object, struct ori_str name);
struct value ori_jitem(struct interp *ip, struct value object, struct value key);
struct value ori_jslice(struct interp *ip, struct value object, struct value start,
                        struct value stop, struct value step);
/* "a.b.0", as map(attribute=...) has it. */
struct value ori_jpath(struct interp *ip, struct value object, struct text path);

/* ---- what templates find there ---- */

const struct builtin *ori_jfilter(struct ori_str name); /* NULL: no such filter */
const struct builtin *ori_jtest(struct ori_str name);
const struct builtin *ori_jglobal(struct ori_str name);
const struct builtin *ori_jmethod(struct value object, struct ori_str name);
const struct builtin *ori_jbuiltin_find(const struct builtin *table, size_t n, struct ori_str name);
struct value ori_jfunction(struct interp *ip, const struct builtin *builtin, struct value self);

/* The parts of the filters' and methods' tables. */
extern const struct builtin ori_jfilters_text[], ori_jfilters_list[], ori_jfilters_pick[];
extern const struct builtin ori_jmethods_text[];
extern const size_t ori_jn_filters_text, ori_jn_filters_list, ori_jn_filters_pick;
extern const size_t ori_jn_methods_text;

/* Both a filter and a method. */
struct text ori_jreplace(struct interp *ip, struct text text, struct text from, struct text to,
                         int64_t most);
/* "%s and %d" with its values. */
struct value ori_jformat(struct interp *ip, struct text format, const struct value *values,
                         size_t n);
/* "{} and {name}". */
struct value ori_jformat_braces(struct interp *ip, struct text format, const struct args *args);
struct value ori_jtojson(struct interp *ip, struct value self, const struct args *args);
struct text ori_jstrftime(struct interp *ip, struct text format);
/* As Python writes a float: the shortest that reads back, with ".0". */
void ori_jbuild_float(struct interp *ip, struct builder *out, double real);
/* The number that a text is; false when it is none. */
bool ori_jread_float(const char *text, size_t len, double *out);

#endif
