/* How likely tokens were, in the shape of chats and in that of completions. */
#include "openai.h"

#include "logprobs.h"

/* ---- a completion's ---- */

/* The likeliest, and the one that was chosen. */
static json_t *top_of(const orion_token_choice *choice)
{
    json_t *top = json_object();

    for (size_t i = 0; i <= choice->n_top; i++) {
        const orion_token_logprob *token = i < choice->n_top ? &choice->top[i] : &choice->chosen;
        json_t *text = logprobs_text(token);
        (void)json_object_set_new(top, json_string_value(text), json_real(logprobs_value(token)));
        json_decref(text);
    }
    return top;
}

static bool add_completion_choice(json_t *logprobs, const orion_token_choice *choice,
                                  size_t offset_chars)
{
    const struct {
        const char *list;
        json_t *value;
    } values[] = {
        {"tokens", logprobs_text(&choice->chosen)},
        {"token_logprobs", json_real(logprobs_value(&choice->chosen))},
        {"top_logprobs", top_of(choice)},
        {"text_offset", json_integer((json_int_t)offset_chars)},
    };
    bool ok = true;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        ok &=
            json_array_append_new(json_object_get(logprobs, values[i].list), values[i].value) == 0;
    return ok;
}

/* ---- both ---- */

json_t *openai_logprobs_new(bool chat)
{
    return chat ? json_pack("{s:[], s:n}", "content", "refusal")
                : json_pack("{s:[], s:[], s:[], s:[]}", "tokens", "token_logprobs", "top_logprobs",
                            "text_offset");
}

static size_t chars_of(const orion_token_logprob *token)
{
    size_t chars = 0;
    for (size_t i = 0; i < token->n_bytes; i++)
        chars += ((unsigned char)token->bytes[i] & 0xC0) != 0x80; /* not the inside of one */
    return chars;
}

bool openai_logprobs_add(json_t *logprobs, bool chat, const orion_answer_piece *piece,
                         size_t *n_chars)
{
    bool ok = logprobs != NULL;

    for (size_t i = 0; i < piece->n_choices && ok; i++) {
        const orion_token_choice *choice = &piece->choices[i];
        ok = chat ? json_array_append_new(json_object_get(logprobs, "content"),
                                          logprobs_choice(choice)) == 0
                  : add_completion_choice(logprobs, choice, *n_chars);
        *n_chars += chars_of(&choice->chosen);
    }
    return ok;
}
