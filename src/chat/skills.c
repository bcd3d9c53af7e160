/* What a template knows: the words in its source are a hint, small chats rendered with
 * and without something the proof.
 *
 * A template that passes a bound, as hostile ones do, is asked nothing more. */
#include "chat/jinja/jinja.h"
#include "chat/template.h"

#include "base/match.h"

#include <string.h>

/* Words that no template writes by itself. */
#define NEEDLE "orion_needle"
#define ARGUMENT "orion_argument"
#define RESULT "orion_result"
#define CALL_ID "orionid09" /* nine letters and digits: Mistral's takes no others */

struct probe {
    const struct ori_chat *chat;
    struct ori_str source;
    bool gave_up; /* a bound was passed, or memory is short */
};

static bool holds(const struct ori_chat_prompt *prompt, const char *word)
{
    return ori_match_in((struct ori_str){ori_buf_text(&prompt->text), prompt->text.len}, word);
}

/* Lay messages out with variables, which are taken over.  False: it does not render.
 * *out is to be released in any case. */
static bool render(struct probe *p, const struct ori_jinja_message *messages, size_t n,
                   json_t *variables, struct ori_chat_prompt *out)
{
    const struct ori_jinja_input input = {
        .messages = messages,
        .n_messages = n,
        .variables = variables,
        .bos_token = p->chat->bos_token,
        .eos_token = p->chat->eos_token,
        .add_generation_prompt = true,
    };
    orion_status status = p->gave_up ? ORION_E_TOO_LONG : ORION_OK;

    if (status == ORION_OK)
        status = ori_jinja_render(p->chat->program, &input, out, NULL);
    p->gave_up |= status == ORION_E_TOO_LONG || status == ORION_E_NOMEM;
    json_decref(variables);
    return status == ORION_OK;
}

/* Does the prompt of a plain question hold the needle that is in the variables? */
static bool shows(struct probe *p, json_t *variables)
{
    static const struct ori_jinja_message question = {.role = "user", .content = "a"};
    struct ori_chat_prompt prompt = {0};

    const bool found = render(p, &question, 1, variables, &prompt) && holds(&prompt, NEEDLE);
    ori_chat_prompt_release(&prompt);
    return found;
}

/* Does it become another prompt when a variable has another value?  Both are taken over. */
static bool depends(struct probe *p, const char *variable, json_t *one, json_t *other)
{
    static const struct ori_jinja_message question = {.role = "user", .content = "a"};
    struct ori_chat_prompt a = {0}, b = {0};

    const bool first = render(p, &question, 1, json_pack("{s:o}", variable, one), &a);
    const bool second = render(p, &question, 1, json_pack("{s:o}", variable, other), &b);
    const bool differ = first && second &&
                        (a.text.len != b.text.len ||
                         memcmp(ori_buf_text(&a.text), ori_buf_text(&b.text), a.text.len) != 0);
    ori_chat_prompt_release(&a);
    ori_chat_prompt_release(&b);
    return differ;
}

static json_t *tools(const char *name, const char *argument)
{
    return json_pack("[{s:s, s:{s:s, s:s, s:{s:s, s:{s:{s:s, s:s}}, s:[s]}}}]", "type", "function",
                     "function", "name", name, "description", "a", "parameters", "type", "object",
                     "properties", argument, "type", "string", "description", "a", "required",
                     argument);
}

/* An earlier call and its result, in one of the ways that templates want them; some want
 * tools (other ones here) beside them. */
static bool shows_call(struct probe *p, bool without_content, bool as_text, bool with_tools)
{
    json_t *arguments =
        as_text ? json_string("{\"" ARGUMENT "\": 1}") : json_pack("{s:i}", ARGUMENT, 1);
    json_t *calls = json_pack("[{s:s, s:s, s:{s:s, s:o}}]", "id", CALL_ID, "type", "function",
                              "function", "name", NEEDLE, "arguments", arguments);
    const struct ori_jinja_message messages[] = {
        {.role = "user", .content = "a"},
        {.role = "assistant", .content = without_content ? NULL : "", .tool_calls = calls},
        {.role = "tool", .content = RESULT, .tool_call_id = CALL_ID, .name = NEEDLE},
    };
    struct ori_chat_prompt prompt = {0};

    const bool shown =
        render(p, messages, ORI_COUNT(messages),
               json_pack("{s:o}", "tools", with_tools ? tools("a", "b") : json_null()), &prompt) &&
        holds(&prompt, NEEDLE) && holds(&prompt, ARGUMENT) && holds(&prompt, RESULT);
    ori_chat_prompt_release(&prompt);
    json_decref(calls);
    return shown;
}

static void probe_calls(struct probe *p, struct ori_chat_skills *out)
{
    for (unsigned way = 0; way < 8 && !out->shows_calls; way++) {
        out->without_content = (way & 2) != 0;
        out->arguments_as_text = (way & 1) != 0;
        out->shows_calls =
            shows_call(p, out->without_content, out->arguments_as_text, (way & 4) != 0);
    }
}

static void probe_switches(struct probe *p, struct ori_chat_skills *out)
{
    static const char *const switches[] = {"enable_thinking", "thinking"};

    for (size_t i = 0; i < ORI_COUNT(switches) && !out->think_switch; i++)
        if (ori_match_in(p->source, switches[i]) &&
            depends(p, switches[i], json_true(), json_false()))
            out->think_switch = switches[i];
    if (out->think_switch)
        out->flags |= ORION_CHAT_SWITCHES_THINKING;
    if (ori_match_in(p->source, "reasoning_effort") &&
        depends(p, "reasoning_effort", json_string("low"), json_string("high")))
        out->flags |= ORION_CHAT_EFFORT;
}

void ori_chat_probe(struct ori_chat *chat, struct ori_str source)
{
    struct ori_chat_skills found = {0};
    struct probe p = {.chat = chat, .source = source};

    ori_reply_form_find(source, &found.form);
    if (found.form.think_end || found.form.channels)
        found.flags |= ORION_CHAT_MARKS_THINKING;
    if (chat->program)
        probe_switches(&p, &found);
    if (chat->program && found.form.calls && ori_match_in(source, "tools") &&
        shows(&p, json_pack("{s:o}", "tools", tools(NEEDLE, ARGUMENT))))
        found.flags |= ORION_CHAT_TOOLS;
    if (chat->program && ori_match_in(source, "tool_calls"))
        probe_calls(&p, &found);
    if (chat->program && ori_match_in(source, "documents") &&
        shows(&p, json_pack("{s:[{s:s, s:s, s:s}]}", "documents", "doc_id", "1", "title", "a",
                            "text", NEEDLE)))
        found.flags |= ORION_CHAT_DOCUMENTS;
    chat->skills = found;
}
