/* A template from its source, and one rendering of it. */
#include "chat/jinja/jinja.h"

#include "chat/jinja/interp.h"
#include "chat/jinja/parser.h"
#include "chat/template.h"

#include <stdlib.h>
#include <string.h>

struct ori_jinja {
    struct ori_arena arena;
    struct ori_str source;
    const struct node *body;
};

/* ---- parsing ---- */

/* As Jinja reads it: lines end in '\n', and one at the very end is dropped. */
static bool read_source(struct ori_jinja *jinja, struct ori_str source)
{
    char *to = ori_arena_alloc(&jinja->arena, source.len + 1, 1);
    size_t n = 0;

    if (!to)
        return false;
    for (size_t i = 0; i < source.len; i++) {
        const bool cr = source.data[i] == '\r';
        if (cr && i + 1 < source.len && source.data[i + 1] == '\n')
            continue;
        to[n++] = cr ? '\n' : source.data[i];
    }
    n -= n > 0 && to[n - 1] == '\n';
    jinja->source = (struct ori_str){to, n};
    return true;
}

static orion_status parse(struct ori_jinja *jinja, struct ori_str source, orion_error *err)
{
    struct parser parser = {.arena = &jinja->arena, .err = err};

    if (source.len > ORI_JINJA_MAX_SOURCE)
        return ori_fail(err, ORION_E_TOO_LONG, "the chat template has more than %u bytes",
                        ORI_JINJA_MAX_SOURCE);
    if (!read_source(jinja, source))
        return ori_fail_nomem(err, "the chat template");
    ori_jinja_lexer_init(&parser.lexer, jinja->source);
    jinja->body = ori_jparse_template(&parser);
    return parser.status;
}

orion_status ori_jinja_parse(struct ori_str source, struct ori_jinja **out, orion_error *err)
{
    *out = NULL;
    struct ori_jinja *jinja = calloc(1, sizeof(*jinja));
    if (!jinja)
        return ori_fail_nomem(err, "the chat template");
    const orion_status status = parse(jinja, source, err);
    if (status != ORION_OK) {
        ori_jinja_free(jinja);
        return status;
    }
    *out = jinja;
    return ORION_OK;
}

void ori_jinja_free(struct ori_jinja *jinja)
{
    if (!jinja)
        return;
    ori_arena_release(&jinja->arena);
    free(jinja);
}

/* ---- what the template is given ---- */

static struct text untrusted(const char *data, size_t len)
{
    return (struct text){data, len, NULL, false};
}

/* Templates put roles between the halves of control tokens.  These names are
 * the only ones that may stand there. */
static struct value role(struct interp *ip, const char *name, size_t len)
{
    static const char *const names[] = {"system", "user",     "assistant", "tool",
                                        "model",  "function", "developer", "ipython"};
    struct text text = untrusted(name, len);

    for (size_t i = 0; i < ORI_COUNT(names); i++)
        text.trusted |= ori_jtext_is(text, names[i]);
    return ori_jtext(ip, text);
}

static struct value of_json(struct interp *ip, const json_t *json);

static struct value of_array(struct interp *ip, const json_t *json)
{
    struct list *list = ori_jlist_new(ip, json_array_size(json));
    for (size_t i = 0; i < json_array_size(json) && !ori_jinja_failed(ip); i++)
        ori_jlist_add(ip, list, of_json(ip, json_array_get(json, i)));
    return ori_jlist(list);
}

static struct value of_object(struct interp *ip, const json_t *json)
{
    struct dict *dict = ori_jdict_new(ip);
    json_t *object = (json_t *)(uintptr_t)json; /* jansson iterates over no const object */

    for (void *at = json_object_iter(object); at && !ori_jinja_failed(ip);
         at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *item = json_object_iter_value(at);
        const bool is_role = strcmp(key, "role") == 0 && json_is_string(item);
        ori_jdict_set(ip, dict, ori_jtext(ip, untrusted(key, json_object_iter_key_len(at))),
                      is_role ? role(ip, json_string_value(item), json_string_length(item))
                              : of_json(ip, item));
    }
    return ori_jdict(dict);
}

static struct value of_json(struct interp *ip, const json_t *json)
{
    struct value value;

    switch (json_typeof(json)) {
    case JSON_STRING:
        return ori_jtext(ip, untrusted(json_string_value(json), json_string_length(json)));
    case JSON_INTEGER:
        return ori_jint(json_integer_value(json));
    case JSON_REAL:
        return ori_jfloat(json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return ori_jbool(json_is_true(json));
    case JSON_NULL:
        return ori_jnone();
    default:
        break;
    }
    if (!ori_jinja_enter(ip))
        return (struct value){0};
    value = json_is_array(json) ? of_array(ip, json) : of_object(ip, json);
    ori_jinja_leave(ip);
    return value;
}

static struct value text_or_none(struct interp *ip, const char *text)
{
    return text ? ori_jtext(ip, untrusted(text, strlen(text))) : ori_jnone();
}

static void give_text(struct interp *ip, struct dict *dict, const char *key, const char *text)
{
    if (text)
        ori_jdict_set_literal(ip, dict, key, text_or_none(ip, text));
}

static struct value message(struct interp *ip, const struct ori_jinja_message *m)
{
    struct dict *dict = ori_jdict_new(ip);

    ori_jdict_set_literal(ip, dict, "role", role(ip, m->role, strlen(m->role)));
    ori_jdict_set_literal(ip, dict, "content", text_or_none(ip, m->content));
    give_text(ip, dict, "reasoning_content", m->thinking);
    give_text(ip, dict, "thinking", m->thinking);
    if (m->tool_calls)
        ori_jdict_set_literal(ip, dict, "tool_calls", of_json(ip, m->tool_calls));
    give_text(ip, dict, "tool_call_id", m->tool_call_id);
    give_text(ip, dict, "name", m->name);
    return ori_jdict(dict);
}

static struct value messages(struct interp *ip, const struct ori_jinja_input *input)
{
    struct list *list = ori_jlist_new(ip, input->n_messages);

    for (size_t i = 0; i < input->n_messages && !ori_jinja_failed(ip); i++)
        ori_jlist_add(ip, list, message(ip, &input->messages[i]));
    return ori_jlist(list);
}

static void give(struct interp *ip, struct scope *scope, const char *name, struct value value)
{
    ori_jscope_set(ip, scope, (struct ori_str){name, strlen(name)}, value);
}

/* As Hugging Face calls it: tools and documents are there, and may be None. */
static struct scope *variables(struct interp *ip, const struct ori_jinja_input *input)
{
    struct scope *scope = ori_jscope_new(ip, NULL);

    give(ip, scope, "messages", messages(ip, input));
    give(ip, scope, "tools", ori_jnone());
    give(ip, scope, "documents", ori_jnone());
    give(ip, scope, "add_generation_prompt", ori_jbool(input->add_generation_prompt));
    if (input->bos_token)
        give(ip, scope, "bos_token", ori_jtext_literal(ip, input->bos_token));
    if (input->eos_token)
        give(ip, scope, "eos_token", ori_jtext_literal(ip, input->eos_token));
    json_t *object = (json_t *)(uintptr_t)input->variables;
    for (void *at = json_object_iter(object); at && !ori_jinja_failed(ip);
         at = json_object_iter_next(object, at))
        give(ip, scope, json_object_iter_key(at), of_json(ip, json_object_iter_value(at)));
    return scope;
}

/* ---- rendering ---- */

static orion_status hand_out(struct interp *ip, struct text text, struct ori_chat_prompt *out)
{
    size_t begin = 0;
    orion_status status = ORION_OK;

    ori_buf_init(&out->text, ORI_JINJA_MAX_TEXT);
    while (begin < text.len && status == ORION_OK) {
        const bool special = text.marks ? text.marks[begin] : text.trusted;
        const uint8_t *change =
            text.marks ? memchr(text.marks + begin, !special, text.len - begin) : NULL;
        const size_t end = change ? (size_t)(change - text.marks) : text.len;
        status = ori_chat_put(out, text.data + begin, end - begin, special);
        begin = end;
    }
    return status == ORION_OK ? status : ori_fail_nomem(ip->err, "the prompt");
}

orion_status ori_jinja_render(const struct ori_jinja *jinja, const struct ori_jinja_input *input,
                              struct ori_chat_prompt *out, orion_error *err)
{
    struct interp ip = {.source = jinja->source,
                        .arena = {.max_bytes = ORI_JINJA_MAX_MEMORY},
                        .steps = ORI_JINJA_MAX_STEPS,
                        .now = input->now,
                        .err = err};
    struct builder built = {0};

    /* its own variables stand before those that it is given */
    struct scope *scope = ori_jscope_new(&ip, variables(&ip, input));
    (void)ori_jexec(&ip, scope, jinja->body, &built);
    orion_status status = ip.status;
    if (status == ORION_OK)
        status = hand_out(&ip, ori_jbuilt(&built), out);
    ori_arena_release(&ip.arena);
    if (status != ORION_OK)
        ori_chat_prompt_release(out);
    return status;
}
