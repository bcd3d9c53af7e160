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

static struct value *find(struct interp *ip, const struct scope *scope, struct ori_str name)
{
    (void)ori_jinja_spend(ip, scope->n / 16);
    for (size_t i = 0; i < scope->n; i++)
        if (scope->at[i].name.len == name.len &&
            memcmp(scope->at[i].name.data, name.data, name.len) == 0)
            return &scope->at[i].value;
    return NULL;
}

void ori_jscope_set(struct interp *ip, struct scope *scope, struct ori_str name, struct value value)
{
    struct value *old = scope ? find(ip, scope, name) : NULL;

    if (!scope || old) {
        if (old)
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
    while (scope && !found) {
        found = find(ip, scope, name);
        scope = scope->parent;
    }
    return found;
}
