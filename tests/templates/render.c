/* Lays out cases by the interpreter: JSON in, JSON out, for comparing with others.
 *
 * In: [{"template": "...", "context": {...}}, ...].  Out: [{"text": "..."}, ...], or
 * {"error": "...", "status": -4}.  bos_token and eos_token are taken out of the
 * context.  The clock stands at 2024-07-26 13:04:05. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "chat/jinja/jinja.h"

static json_t *failed(orion_status status, const orion_error *err)
{
    return json_pack("{s:s, s:i}", "error", err->message, "status", (int)status);
}

static const char *take(json_t *context, const char *key, struct ori_buf *keep)
{
    const char *text = json_string_value(json_object_get(context, key));
    ori_buf_init(keep, 1024);
    if (text)
        ori_buf_adds(keep, text);
    json_object_del(context, key);
    return text ? ori_buf_text(keep) : NULL;
}

static json_t *render(const json_t *item)
{
    json_t *context = json_object_get(item, "context");
    const json_t *source = json_object_get(item, "template");
    struct ori_jinja *jinja;
    struct ori_chat_prompt prompt = {0};
    struct ori_buf bos, eos;
    orion_error err = {0};
    struct ori_jinja_input input = {
        .variables = context,
        .bos_token = take(context, "bos_token", &bos),
        .eos_token = take(context, "eos_token", &eos),
        .now = {.tm_year = 124,
                .tm_mon = 6,
                .tm_mday = 26,
                .tm_hour = 13,
                .tm_min = 4,
                .tm_sec = 5,
                .tm_wday = 5,
                .tm_yday = 207},
    };
    json_t *out;

    orion_status status = ori_jinja_parse(
        (struct ori_str){json_string_value(source), json_string_length(source)}, &jinja, &err);
    if (status == ORION_OK)
        status = ori_jinja_render(jinja, &input, &prompt, &err);
    out = status == ORION_OK
              ? json_pack("{s:s%}", "text", ori_buf_text(&prompt.text), prompt.text.len)
              : failed(status, &err);
    ori_chat_prompt_release(&prompt);
    ori_jinja_free(jinja);
    ori_buf_release(&bos);
    ori_buf_release(&eos);
    return out;
}

int main(void)
{
    json_error_t error;
    json_t *cases = json_loadf(stdin, 0, &error);
    json_t *out = json_array();
    size_t i;
    json_t *item;

    if (!cases)
        return 2;
    json_array_foreach(cases, i, item) json_array_append_new(out, render(item));
    json_dumpf(out, stdout, JSON_COMPACT);
    json_decref(out);
    json_decref(cases);
    return 0;
}
