/* logprobs.h - how likely tokens were, as JSON. */
#ifndef SERVER_LOGPROBS_H
#define SERVER_LOGPROBS_H

#include <jansson.h>

#include <orion.h>

/* Tokens with their alternatives that a whole reply keeps: some 30 MiB. */
#define LOGPROBS_MAX (1u << 16)

double logprobs_value(const orion_token_logprob *token);
/* The token's text.  One that is part of a character has none of its own: its bytes are
 * written out, "bytes:\xe2\x82", as OpenAI does. */
json_t *logprobs_text(const orion_token_logprob *token);
/* {token, logprob, bytes, top_logprobs: [{token, logprob, bytes}]} */
json_t *logprobs_choice(const orion_token_choice *choice);

#endif
