/* Which marks a template writes. */
#include "chat/form.h"

#include "base/match.h"

#include <string.h>

static const struct {
    const char *begin, *end;
} thinking_forms[] = {
    {"<think>", "</think>"}, /* Qwen, DeepSeek, SmolLM, Granite */
    {"[THINK]", "[/THINK]"}, /* Magistral, Ministral */
};

/* Rows are tried in order: the telling ones first. */
static const struct ori_call_form call_forms[] = {
    {.sign = "<tool_call>", /* Hermes, Qwen, Granite 4 */
     .begin = "<tool_call>",
     .end = "</tool_call>",
     .read = ori_calls_json},
    {.sign = "[TOOL_CALLS]",
     .begin = "[TOOL_CALLS]",
     .marks = {"[ARGS]", "[CALL_ID]"},
     .read = ori_calls_mistral},
    {.sign = "<｜tool▁calls▁begin｜>",
     .begin = "<｜tool▁calls▁begin｜>",
     .end = "<｜tool▁calls▁end｜>",
     .marks = {"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"},
     .read = ori_calls_deepseek},
    {.sign = "<|tool_call|>", .begin = "<|tool_call|>", .read = ori_calls_json}, /* Granite 3 */
    {.sign = "{\"name\": function name, \"parameters\"", /* Llama 3.1 to 3.3 */
     .begin = "<|python_tag|>",
     .bare = true,
     .read = ori_calls_json},
};

/* Of channels the header names the tool; only that calls are looked for matters. */
static const struct ori_call_form call_by_channel;

/* The calls of Qwen3-Coder and GLM have Hermes' marks, but are not JSON. */
static bool is_foreign(struct ori_str source)
{
    return ori_match_in(source, "<function=") || ori_match_in(source, "<arg_key>");
}

void ori_reply_form_find(struct ori_str source, struct ori_reply_form *out)
{
    *out = (struct ori_reply_form){0};
    if (ori_match_in(source, ORI_MARK_CHANNEL) && ori_match_in(source, ORI_MARK_MESSAGE)) {
        out->channels = true;
        out->calls = &call_by_channel;
        return;
    }
    for (size_t i = 0; i < ORI_COUNT(thinking_forms) && !out->think_end; i++) {
        if (!ori_match_in(source, thinking_forms[i].end))
            continue;
        out->think_begin = thinking_forms[i].begin;
        out->think_end = thinking_forms[i].end;
    }
    for (size_t i = 0; i < ORI_COUNT(call_forms) && !out->calls && !is_foreign(source); i++)
        if (ori_match_in(source, call_forms[i].sign))
            out->calls = &call_forms[i];
}

static bool is(struct ori_str text, const char *mark)
{
    return mark && ori_str_eq(text, mark);
}

bool ori_reply_form_has_mark(const struct ori_reply_form *form, struct ori_str text)
{
    const struct ori_call_form *calls = form->calls;

    if (form->channels)
        return is(text, ORI_MARK_START) || is(text, ORI_MARK_CHANNEL) ||
               is(text, ORI_MARK_MESSAGE) || is(text, ORI_MARK_END);
    if (is(text, form->think_begin) || is(text, form->think_end))
        return true;
    if (!calls)
        return false;
    bool found = is(text, calls->begin) || is(text, calls->end);
    for (size_t i = 0; i < ORI_COUNT(calls->marks); i++)
        found |= is(text, calls->marks[i]);
    return found;
}
