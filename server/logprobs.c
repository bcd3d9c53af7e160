#include "logprobs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEAST_LOGPROB (-9999.0) /* JSON has no infinity */
#define TOKEN_TEXT_BYTES 1024

double logprobs_value(const orion_token_logprob *token)
{
    return isfinite(token->logprob) ? (double)token->logprob : LEAST_LOGPROB;
}

json_t *logprobs_text(const orion_token_logprob *token)
{
    char out[TOKEN_TEXT_BYTES] = "bytes:";
    size_t used = strlen(out);

    json_t *text = json_stringn(token->bytes, token->n_bytes); /* NULL: not UTF-8 */
    if (text)
        return text;
    for (size_t i = 0; i < token->n_bytes && used + 5 <= sizeof(out); i++)
        used += (size_t)snprintf(out + used, sizeof(out) - used, "\\x%02x",
                                 (unsigned char)token->bytes[i]);
    return json_stringn(out, used);
}

static json_t *bytes_of(const orion_token_logprob *token)
{
    json_t *bytes = json_array();
    for (size_t i = 0; i < token->n_bytes; i++)
        (void)json_array_append_new(bytes, json_integer((unsigned char)token->bytes[i]));
    return bytes;
}

static json_t *told(const orion_token_logprob *token)
{
    return json_pack("{s:o, s:f, s:o}", "token", logprobs_text(token), "logprob",
                     logprobs_value(token), "bytes", bytes_of(token));
}

json_t *logprobs_choice(const orion_token_choice *choice)
{
    json_t *entry = told(&choice->chosen);
    json_t *top = json_array();

    for (size_t i = 0; i < choice->n_top; i++)
        (void)json_array_append_new(top, told(&choice->top[i]));
    (void)json_object_set_new(entry, "top_logprobs", top);
    return entry;
}
