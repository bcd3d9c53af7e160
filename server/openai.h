/* openai.h - OpenAI's shapes, as the files of openai*.c share them.
 *
 *   openai.c           the routes, errors, the list of models
 *   openai_fields.c    what a request may say
 *   openai_ask.c       from a request to the scheduler
 *   openai_embed.c     texts to vectors
 *   openai_answer.c    from pieces to chunks, and to a whole reply
 *   openai_logprobs.c  how likely tokens were, in both shapes
 */
#ifndef SERVER_OPENAI_H
#define SERVER_OPENAI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <orion.h>

#include "answer.h"
#include "params.h"
#include "server.h"

json_t *openai_error(int code, orion_status status, const char *message, const char *field);

/* ---- what a request says ---- */

struct openai_fields {
    const char *model;
    struct sampling sampling;
    uint32_t n;
    bool stream, include_usage;
    int32_t top_logprobs; /* ORION_NO_LOGPROBS: none */

    /* A chat: */
    json_t *messages, *tools, *documents;
    orion_chat_options chat; /* but for what is JSON */
    json_t *variables;       /* more of the template's own, or NULL */
    /* A completion: */
    const char *prompt;
    bool echo;
};

/* ORION_E_ARGUMENT, ORION_E_UNSUPPORTED, with the field in err->name. */
orion_status openai_read_chat(const json_t *body, struct openai_fields *out, orion_error *err);
orion_status openai_read_completion(const json_t *body, struct openai_fields *out,
                                    orion_error *err);

/* End a request whose model can't be had. */
void openai_refuse_model(struct http_request *request, const orion_error *err);

void openai_chat(struct http_request *request, void *server);
void openai_completion(struct http_request *request, void *server);
void openai_embeddings(struct http_request *request, void *server);

/* ---- answers ---- */

struct openai_answer; /* the state of one */

/* NULL: memory is short. */
struct openai_answer *openai_answer_new(const struct openai_fields *fields, const char *model_id);
extern const struct answer_shape openai_answer_shape;

/* ---- log-probabilities ---- */

/* Of a reply's worth of tokens; as JSON, owned.  Chat:
 * {"content": [{token, logprob, bytes, top_logprobs}]}; completion:
 * {tokens, token_logprobs, top_logprobs, text_offset}. */
json_t *openai_logprobs_new(bool chat);
/* Add the tokens of a piece; *n_chars counts the characters of those so far.
 * False: memory is short. */
bool openai_logprobs_add(json_t *logprobs, bool chat, const orion_answer_piece *piece,
                         size_t *n_chars);

#endif
