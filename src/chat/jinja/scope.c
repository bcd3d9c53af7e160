/* Variables.  There are few in a scope, so they are looked through in order. */
#include "chat/jinja/interp.h"

#include <string.h>

struct scope *ori_jscope_new(struct interp *ip, struct scope *parent)
{
    struct scope *scope = ori_jinja_alloc(ip, 1, sizeof(*scope));
    if (scope)
        scope->parent = parent;
    return scope;
}

static struct value *find(const struct scope *scope, struct ori_str name)
{
    for (size_t i = 0; i < scope->n; i++)
        if (ori_jname_same(scope->at[i].name, name))
            return &scope->at[i].value;
    return NULL;
}

void ori_jscope_set(struct interp *ip, struct scope *scope, struct ori_str name, struct value value)
{
    if (!scope || !ori_jinja_spend(ip, scope->n / 16))
        return;
    struct value *old = find(scope, name);
    if (old) {
        *old = value;
        return;
    }
    if (scope->n == scope->cap) {
        const size_t cap = scope->cap ? scope->cap * 2 : 4;
        struct variable *at = ori_jinja_alloc(ip, cap, sizeof(*at));
        if (!at)
            return;
        if (scope->n > 0)
            memcpy(at, scope->at, scope->n * sizeof(*at));
        scope->at = at;
        scope->cap = cap;
    }
    scope->at[scope->n++] = (struct variable){name, value};
}

const struct value *ori_jscope_get(struct interp *ip, const struct scope *scope,
                                   struct ori_str name)
{
    const struct value *found = NULL;
    size_t passed = 0;

    for (; scope && !found; scope = scope->parent) {
        found = find(scope, name);
        passed += 1 + scope->n;
    }
    ori_jinja_spend(ip, passed / 16);
    return found;
}
