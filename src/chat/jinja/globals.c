/* Functions that every template finds. */
#include "chat/jinja/interp.h"

static struct value range(struct interp *ip, struct value self, const struct args *args)
{
    int64_t limits[3] = {0, 0, 1};
    struct list *list = ori_jlist_new(ip, 0);

    (void)self;
    if (args->n == 0 || args->n > 3)
        return ori_jinja_fail(ip, "range wants one to three numbers");
    for (size_t i = 0; i < args->n; i++)
        if (!ori_jinteger(args->at[i], &limits[args->n == 1 ? 1 : i]))
            return ori_jinja_fail(ip, "range wants int, not %s", ori_jkind_name(args->at[i]));
    if (limits[2] == 0)
        return ori_jinja_fail(ip, "the step of a range can't be 0");
    for (int64_t at = limits[0]; limits[2] > 0 ? at < limits[1] : at > limits[1];) {
        ori_jlist_add(ip, list, ori_jint(at));
        if (ori_jinja_failed(ip) || __builtin_add_overflow(at, limits[2], &at))
            break;
    }
    return ori_jlist(list);
}

/* Of another dict, of pairs, and of keywords. */
static struct value dict(struct interp *ip, struct value self, const struct args *args)
{
    struct dict *out = ori_jdict_new(ip);

    (void)self;
    const struct value made = ori_jdict(out);
    if (args->n > 0 && args->at[0].kind == VALUE_LIST) {
        const struct list *pairs = args->at[0].as.list;
        for (size_t i = 0; i < pairs->n && !ori_jinja_failed(ip); i++) {
            const struct value pair = pairs->at[i];
            if (pair.kind != VALUE_LIST || pair.as.list->n != 2)
                return ori_jinja_fail(ip, "dict wants pairs");
            ori_jdict_set(ip, out, pair.as.list->at[0], pair.as.list->at[1]);
        }
    }
    const struct builtin *update = ori_jmethod(made, (struct ori_str){"update", 6});
    if (update && !ori_jinja_failed(ip))
        (void)update->run(ip, made, args);
    return made;
}

static struct value namespace(struct interp *ip, struct value self, const struct args *args)
{
    struct value made = dict(ip, self, args);
    if (!ori_jinja_failed(ip))
        made.kind = VALUE_NAMESPACE;
    return made;
}

static struct value raise_exception(struct interp *ip, struct value self, const struct args *args)
{
    const struct text text =
        args->n > 0 ? ori_jprint(ip, args->at[0]) : (struct text){"", 0, NULL, 0};
    (void)self;
    return ori_jinja_refuse(ip, "it refuses these messages: %.*s",
                            ORI_STR_ARG(((struct ori_str){text.data, text.len})));
}

static struct value strftime_now(struct interp *ip, struct value self, const struct args *args)
{
    (void)self;
    return ori_jtext(ip, ori_jstrftime(ip, ori_jarg_text(ip, args, 0, "format", NULL)));
}

/* joiner(", ")() is "" the first time. */
static struct value joiner_call(struct interp *ip, struct value self, const struct args *args)
{
    struct list *state = self.as.list;

    (void)args;
    if (state->n > 1)
        return state->at[0];
    ori_jlist_add(ip, state, ori_jnone());
    return ori_jtext_literal(ip, "");
}

static struct value joiner(struct interp *ip, struct value self, const struct args *args)
{
    static const struct builtin call = {"joiner", joiner_call};
    struct list *state = ori_jlist_new(ip, 2);

    (void)self;
    ori_jlist_add(ip, state, ori_jtext(ip, ori_jarg_text(ip, args, 0, "sep", ", ")));
    return ori_jfunction(ip, &call, ori_jlist(state));
}

const struct builtin *ori_jglobal(struct ori_str name)
{
    static const struct builtin globals[] = {
        {"range", range},
        {"dict", dict},
        {"namespace", namespace},
        {"raise_exception", raise_exception},
        {"strftime_now", strftime_now},
        {"joiner", joiner},
    };
    return ori_jbuiltin_find(globals, ORI_COUNT(globals), name);
}
