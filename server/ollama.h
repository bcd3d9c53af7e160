/* ollama.h - what the files of Ollama's API share.
 *
 * Programs made for Ollama work with this server by changing the port.  Models have
 * our names: what /api/tags lists is accepted back, and so is any other name that the
 * command takes.  What Ollama adds to names is taken off: ":latest" behind, "hf.co/"
 * before.
 *
 * As Ollama does, fields and options that are not known are passed over: programs
 * send those of all its releases.  What is known, asked for and not supported is
 * refused by name: an answer without it would be another answer.
 */
#ifndef SERVER_OLLAMA_H
#define SERVER_OLLAMA_H

#include "answer.h"
#include "http.h"
#include "server.h"

/* The release of Ollama whose API this follows; programs look at the number. */
#define OLLAMA_VERSION "0.6.4"

/* A model's name in our terms; cut when it is longer than any name. */
struct ollama_name {
    char text[512];
};
struct ollama_name ollama_name(const char *given);

/* Of the model that a body names by "model", or "name" as it was called once.  False
 * after a reply that there is none. */
bool ollama_read_name(struct http_request *request, struct ollama_name *out);

/* "3.8B" for 3821079552. */
void ollama_parameter_size(uint64_t n_params, char out[16]);
json_t *ollama_details(const char *family, const char *quantization, uint64_t n_params);

/* ---- how answers look (ollama_answer.c) ---- */

extern const struct answer_shape ollama_answer_shape;

struct ollama_answer_options {
    const char *model;           /* as it was asked for; copied */
    bool chat;                   /* a message; else a text */
    int32_t top_logprobs;        /* as in orion_request */
    int64_t began_ns, loaded_ns; /* of instant_monotonic_ns() */
};
/* The state of an answer; NULL: memory is short. */
struct ollama_answer *ollama_answer_new(const struct ollama_answer_options *options);
void ollama_answer_free(void *state);
/* One without a text: a model was loaded ("load") or let go ("unload"). */
json_t *ollama_answer_empty(const char *model, bool chat, const char *done_reason);

/* What `keep_alive` (or NULL) asks for. */
orion_status ollama_read_keep_alive(const json_t *keep_alive, struct loaded_wish *wish,
                                    orion_error *err);

/* ---- handlers ---- */

void ollama_generate(struct http_request *request, void *user); /* ollama_chat.c */
void ollama_chat(struct http_request *request, void *user);
void ollama_embed(struct http_request *request, void *user); /* ollama_embed.c */
void ollama_embeddings(struct http_request *request, void *user);
void ollama_tags(struct http_request *request, void *user); /* ollama_models.c */
void ollama_ps(struct http_request *request, void *user);
void ollama_delete(struct http_request *request, void *user);
void ollama_show(struct http_request *request, void *user); /* ollama_show.c */
void ollama_pull(struct http_request *request, void *user); /* ollama_pull.c */

#endif
