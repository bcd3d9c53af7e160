#include "remote/delta.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* ---- errors ---- */

/* Cut between characters, control characters as spaces. */
static void copy_clean(const char *text, char *out, size_t out_bytes)
{
    size_t n = strlen(text);

    if (n >= out_bytes)
        n = out_bytes - 1;
    while (n > 0 && text[n] && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    out[n] = '\0';
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '.'))
        out[--n] = '\0';
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void ori_delta_error(const json_t *body, char *message, size_t message_bytes, char *code,
                     size_t code_bytes)
{
    const json_t *error = json_object_get(body, "error");
    const json_t *inside = json_is_object(error) ? error : body;
    const char *text =
        json_is_string(error) ? json_string_value(error) : text_at(inside, "message");

    if (!*text)
        text = text_at(inside, "detail");
    copy_clean(text, message, message_bytes);
    copy_clean(text_at(inside, "code"), code, code_bytes);
}

static orion_status told_error(const json_t *body, orion_error *err)
{
    char message[300], code[40];

    ori_delta_error(body, message, sizeof(message), code, sizeof(code));
    return ori_fail(err, ORION_E_NETWORK, "the answer broke off: %s",
                    *message ? message : "an error that is not explained");
}

/* ---- what is told ---- */

static uint32_t count_at(const json_t *object, const char *key)
{
    uint64_t n = 0;
    return ori_json_u64(object, key, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void read_usage(const json_t *usage, struct ori_delta *out)
{
    if (!json_is_object(usage))
        return;
    out->counted = true;
    out->prompt_tokens = count_at(usage, "prompt_tokens");
    out->output_tokens = count_at(usage, "completion_tokens");
    out->cached_tokens = count_at(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
    if (out->cached_tokens > out->prompt_tokens)
        out->cached_tokens = out->prompt_tokens;
}

/* Under either of the names that servers give it. */
static void read_thinking(const json_t *delta, struct ori_delta *out)
{
    const json_t *thinking = json_object_get(delta, "reasoning_content");

    if (!thinking)
        thinking = json_object_get(delta, "reasoning");
    if (!json_is_string(thinking))
        return;
    out->thinking = json_string_value(thinking);
    out->thinking_bytes = json_string_length(thinking);
}

static void read_choice(const json_t *choice, struct ori_delta *out)
{
    const json_t *delta = json_object_get(choice, "delta");
    const json_t *text =
        delta ? json_object_get(delta, "content") : json_object_get(choice, "text");
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));

    if (json_is_string(text)) {
        out->text = json_string_value(text);
        out->text_bytes = json_string_length(text);
    }
    read_thinking(delta, out);
    out->calls = json_object_get(delta, "tool_calls");
    out->ended = finish != NULL;
    out->finish = finish && strcmp(finish, "length") == 0 ? ORION_FINISH_LENGTH : ORION_FINISH_END;
}

orion_status ori_delta_read(const char *data, size_t len, struct ori_delta *out, orion_error *err)
{
    orion_error why;

    *out = (struct ori_delta){.text = "", .thinking = ""};
    out->last = strcmp(data, "[DONE]") == 0;
    if (out->last)
        return ORION_OK;
    orion_status status = ori_json_parse(data, len, "an answer", &out->json, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "an answer");
    const json_t *choices = json_object_get(out->json, "choices");
    const json_t *error = json_object_get(out->json, "error");
    if (status != ORION_OK)
        status = ori_fail(err, ORION_E_NETWORK, "the answer is no JSON: %.300s", why.message);
    else if (error && !json_is_null(error))
        status = told_error(out->json, err);
    else if (!json_is_array(choices))
        status = ori_fail(err, ORION_E_NETWORK,
                          "the answer is JSON, but not OpenAI's: it has no "
                          "'choices'");
    if (status != ORION_OK) {
        ori_delta_release(out);
        return status;
    }
    read_choice(json_array_get(choices, 0), out);
    read_usage(json_object_get(out->json, "usage"), out);
    return ORION_OK;
}

void ori_delta_release(struct ori_delta *delta)
{
    json_decref(delta->json);
    *delta = (struct ori_delta){.text = ""};
}
