/* Arguments, functions and macros. */
#include "chat/jinja/interp.h"

bool ori_jargs(struct interp *ip, struct scope *scope, const struct node *arguments,
               struct args *out)
{
    size_t n = 0;

    *out = (struct args){0};
    for (const struct node *a = arguments; a; a = a->next)
        n++;
    struct value *at = n > 0 ? ori_jinja_alloc(ip, n, sizeof(*at)) : NULL;
    struct keyword *keywords = n > 0 ? ori_jinja_alloc(ip, n, sizeof(*keywords)) : NULL;
    for (const struct node *a = arguments; a && !ori_jinja_failed(ip); a = a->next) {
        const struct value value = ori_jeval(ip, scope, a->a);
        if (a->name.data)
            keywords[out->n_keywords++] = (struct keyword){a->name, value};
        else
            at[out->n++] = value;
    }
    out->at = at;
    out->keywords = keywords;
    return !ori_jinja_failed(ip);
}

struct value ori_jfunction(struct interp *ip, const struct builtin *builtin, struct value self)
{
    struct function *function = ori_jinja_alloc(ip, 1, sizeof(*function));
    if (!function)
        return (struct value){0};
    *function = (struct function){builtin, self};
    return (struct value){VALUE_FUNCTION, {.function = function}};
}

struct value ori_jcall(struct interp *ip, struct value callee, const struct args *args)
{
    if (callee.kind == VALUE_MACRO)
        return ori_jcall_macro(ip, callee.as.macro, args);
    if (callee.kind == VALUE_FUNCTION)
        return callee.as.function->builtin->run(ip, callee.as.function->self, args);
    if (callee.kind == VALUE_UNDEFINED && callee.as.text)
        return ori_jinja_fail(
            ip, "'%.*s' is undefined, and can't be called",
            ORI_STR_ARG(((struct ori_str){callee.as.text->data, callee.as.text->len})));
    return ori_jinja_fail(ip, "a %s can't be called", ori_jkind_name(callee));
}

/* ---- macros ---- */

static const struct value *keyword_named(struct interp *ip, const struct args *args,
                                         struct ori_str name)
{
    ori_jinja_spend(ip, args->n_keywords / 16);
    for (size_t i = 0; i < args->n_keywords; i++)
        if (ori_jname_same(args->keywords[i].name, name))
            return &args->keywords[i].value;
    return NULL;
}

static bool has_parameter(struct interp *ip, const struct node *parameters, struct ori_str name)
{
    const struct node *p = parameters;
    size_t passed = 0;

    for (; p && !ori_jname_same(p->name, name); p = p->next)
        passed++;
    ori_jinja_spend(ip, passed / 16);
    return p != NULL;
}

static void check_keywords(struct interp *ip, const struct node *parameters,
                           const struct args *args)
{
    for (size_t i = 0; i < args->n_keywords && !ori_jinja_failed(ip); i++)
        if (!has_parameter(ip, parameters, args->keywords[i].name))
            ori_jinja_fail(ip, "the macro has no parameter '%.*s'",
                           ORI_STR_ARG(args->keywords[i].name));
}

/* Defaults may name the parameters before them. */
static void bind(struct interp *ip, const struct node *parameters, const struct args *args,
                 struct scope *scope)
{
    size_t i = 0;

    for (const struct node *p = parameters; p && !ori_jinja_failed(ip); p = p->next, i++) {
        const struct value *given = i < args->n ? &args->at[i] : keyword_named(ip, args, p->name);
        struct value value = given ? *given : (struct value){0};
        if (!given)
            value =
                p->a ? ori_jeval(ip, scope, p->a) : ori_jundefined(ip, ori_jtext_trusted(p->name));
        ori_jscope_set(ip, scope, p->name, value);
    }
    if (args->n > i)
        ori_jinja_fail(ip, "the macro takes %zu arguments, not %zu", i, args->n);
    check_keywords(ip, parameters, args);
}

struct value ori_jcall_macro(struct interp *ip, const struct macro *macro, const struct args *args)
{
    struct scope *scope = ori_jscope_new(ip, macro->scope);
    struct builder out = {0};

    if (!scope)
        return (struct value){0};
    bind(ip, macro->definition->list, args, scope);
    if (args->caller)
        ori_jscope_set(ip, scope, (struct ori_str){"caller", 6}, *args->caller);
    (void)ori_jexec(ip, scope, macro->definition->body, &out);
    return ori_jtext(ip, ori_jbuilt(&out));
}
