/* What expressions evaluate to.  A value is small and copied; what it points
 * to lives in the arena of the rendering (or of the template) and is shared.
 * Only lists, dicts and namespaces can change, and nothing is ever freed alone. */
#ifndef ORI_CHAT_JINJA_VALUE_H
#define ORI_CHAT_JINJA_VALUE_H

#include "chat/jinja/text.h"

enum value_kind {
    VALUE_UNDEFINED, /* zero: a value that nothing was put into */
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_TEXT,
    VALUE_LIST, /* or a tuple */
    VALUE_DICT,
    VALUE_NAMESPACE,
    VALUE_FUNCTION,
    VALUE_MACRO,
    VALUE_LOOP,
};

struct value {
    enum value_kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        const struct text *text; /* of what is undefined: its name, or NULL */
        struct list *list;
        struct dict *dict; /* also of a namespace */
        const struct function *function;
        const struct macro *macro;
        struct loop *loop;
    } as;
};

struct list {
    struct value *at; /* [n] */
    size_t n, cap;
    bool tuple;
};

struct dict { /* in the order in which the keys came */
    struct entry {
        struct value key, value;
    } * at; /* [n] */
    size_t n, cap;
};

/* The arguments of a call. */
struct args {
    const struct value *at; /* [n] by position */
    size_t n;
    const struct keyword {
        struct ori_str name;
        struct value value;
    } * keywords; /* [n_keywords] */
    size_t n_keywords;
    const struct value *caller; /* of {% call %}, or NULL */
};

/* A filter, a test, a method or a global function.  `self`: what the filter, the
 * test or the method is applied to. */
typedef struct value (*builtin_fn)(struct interp *ip, struct value self, const struct args *args);

struct builtin {
    const char *name;
    builtin_fn run;
};

struct function {
    const struct builtin *builtin;
    struct value self;
};

struct macro {
    const struct node *definition; /* NODE_MACRO, or NODE_CALL_BLOCK for a caller */
    struct scope *scope;           /* in which it was defined */
};

struct loop {
    const struct list *items;
    size_t index;         /* from 0 */
    struct value changed; /* what loop.changed() saw last */
};

/* ---- making ---- */

static inline struct value ori_jbool(bool truth)
{
    return (struct value){VALUE_BOOL, {.truth = truth}};
}

static inline struct value ori_jint(int64_t integer)
{
    return (struct value){VALUE_INT, {.integer = integer}};
}

static inline struct value ori_jfloat(double real)
{
    return (struct value){VALUE_FLOAT, {.real = real}};
}

static inline struct value ori_jnone(void)
{
    return (struct value){VALUE_NONE, {0}};
}

struct value ori_jtext(struct interp *ip, struct text text);
struct value ori_jtext_literal(struct interp *ip, const char *literal); /* static; trusted */
struct value ori_jundefined(struct interp *ip, struct text name);

struct list *ori_jlist_new(struct interp *ip, size_t room); /* NULL after a failure */
/* `list` may be NULL after a failure: a no-op. */
void ori_jlist_add(struct interp *ip, struct list *list, struct value item);
struct value ori_jlist(struct list *list);
struct value ori_jpair(struct interp *ip, struct value a, struct value b);

struct dict *ori_jdict_new(struct interp *ip);
void ori_jdict_set(struct interp *ip, struct dict *dict, struct value key, struct value value);
void ori_jdict_set_literal(struct interp *ip, struct dict *dict, const char *key,
                           struct value value);
struct value ori_jdict(struct dict *dict);
/* NULL when there is no such key. */
const struct value *ori_jdict_get(struct interp *ip, const struct dict *dict, struct value key);

/* ---- asking ---- */

const char *ori_jkind_name(struct value value); /* as Python calls it */
bool ori_jtruth(struct value value);
bool ori_jequal(struct interp *ip, struct value a, struct value b);
/* -1, 0, 1; 2 beside a NaN; fails for kinds that have no order. */
int ori_jorder(struct interp *ip, struct value a, struct value b);
bool ori_jnumber(struct value value, double *out);   /* int, float or bool */
bool ori_jinteger(struct value value, int64_t *out); /* int or bool */
/* What a loop goes over: items, keys or characters; NULL after a failure. */
const struct list *ori_jitems(struct interp *ip, struct value value);
/* Of a text, list or dict; fails for others. */
int64_t ori_jlength(struct interp *ip, struct value value);
/* {{ value }}, str(value) */
struct text ori_jprint(struct interp *ip, struct value value);
/* repr(value) */
void ori_jrepr(struct interp *ip, struct builder *out, struct value value);

/* ---- arguments ---- */

/* The argument at a position or with that name; NULL without one. */
const struct value *ori_jarg(const struct args *args, size_t position, const char *name);
bool ori_jarg_truth(const struct args *args, size_t position, const char *name, bool without);
int64_t ori_jarg_integer(struct interp *ip, const struct args *args, size_t position,
                         const char *name, int64_t without);
/* Fails when it is there and no text, or is not there and `without` is NULL. */
struct text ori_jarg_text(struct interp *ip, const struct args *args, size_t position,
                          const char *name, const char *without);

#endif
