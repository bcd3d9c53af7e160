#include "remote/calls.h"

#include "base/json.h"

#define MAX_NAME_BYTES 1024
#define MAX_ARGUMENTS_BYTES ((size_t)1 << 20)

static struct ori_remote_call *begin_call(struct ori_remote_calls *calls)
{
    struct ori_remote_call *call = &calls->at[calls->n++];

    ori_buf_init(&call->id, MAX_NAME_BYTES);
    ori_buf_init(&call->name, MAX_NAME_BYTES);
    ori_buf_init(&call->arguments, MAX_ARGUMENTS_BYTES);
    return call;
}

/* Some say no index: what has an id or a name is another call then. */
static struct ori_remote_call *find_call(struct ori_remote_calls *calls, const json_t *fragment)
{
    uint64_t index = calls->n == 0 ? 0 : calls->n - 1;

    if (!ori_json_u64(fragment, "index", &index) && json_object_get(fragment, "id"))
        index = calls->n;
    if (index < calls->n)
        return &calls->at[index];
    return index == calls->n && calls->n < ORI_REMOTE_MAX_CALLS ? begin_call(calls) : NULL;
}

static void add_text(struct ori_buf *buf, const json_t *text)
{
    if (json_is_string(text))
        ori_buf_add(buf, json_string_value(text), json_string_length(text));
}

static orion_status add_fragment(struct ori_remote_calls *calls, const json_t *fragment,
                                 orion_error *err)
{
    struct ori_remote_call *call = find_call(calls, fragment);
    const json_t *function = json_object_get(fragment, "function");

    if (!call)
        return ori_fail(err, ORION_E_NETWORK, "the answer calls more than %d tools at once",
                        ORI_REMOTE_MAX_CALLS);
    add_text(&call->id, json_object_get(fragment, "id"));
    add_text(&call->name, json_object_get(function, "name"));
    add_text(&call->arguments, json_object_get(function, "arguments"));
    if (call->id.status == ORION_OK && call->name.status == ORION_OK &&
        call->arguments.status == ORION_OK)
        return ORION_OK;
    return ori_fail(err, ORION_E_NETWORK, "the answer calls a tool with more than can be held");
}

orion_status ori_remote_calls_add(struct ori_remote_calls *calls, const json_t *fragments,
                                  orion_error *err)
{
    size_t i;
    json_t *fragment;
    orion_status status = ORION_OK;

    json_array_foreach(fragments, i, fragment)
    {
        if (status == ORION_OK)
            status = add_fragment(calls, fragment, err);
    }
    return status;
}

orion_status ori_remote_calls_write(const struct ori_remote_call *call, struct ori_buf *out,
                                    orion_error *err)
{
    json_t *arguments = call->arguments.len == 0
                            ? json_object()
                            : json_loadb(call->arguments.data, call->arguments.len, 0, NULL);
    if (!json_is_object(arguments)) {
        json_decref(arguments);
        return ori_fail(err, ORION_E_NETWORK,
                        "the answer calls the tool '%.60s' with arguments that are no JSON object",
                        ori_buf_text(&call->name));
    }
    json_t *json = json_pack("{s:s, s:{s:s, s:o}}", "type", "function", "function", "name",
                             ori_buf_text(&call->name), "arguments", arguments);
    if (json && call->id.len > 0)
        (void)json_object_set_new(json, "id", json_string(call->id.data));
    const orion_status status = ori_json_write(json, JSON_COMPACT, out);
    json_decref(json);
    return status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "an answer");
}

void ori_remote_calls_release(struct ori_remote_calls *calls)
{
    for (size_t i = 0; i < calls->n; i++) {
        ori_buf_release(&calls->at[i].id);
        ori_buf_release(&calls->at[i].name);
        ori_buf_release(&calls->at[i].arguments);
    }
    calls->n = 0;
}
