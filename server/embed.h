/* embed.h - vectors of texts, as both families of APIs ask for them: what is given,
 * and the way from a model's name to the vectors.
 *
 * A handler waits for its vectors; a model makes those of one request after the
 * other.  When the client goes away, they end after the batch that is computed. */
#ifndef SERVER_EMBED_H
#define SERVER_EMBED_H

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <orion.h>

#include "http.h"
#include "loaded.h"

#define EMBED_MAX_INPUTS 2048 /* of a request, as OpenAI has it */

struct embed_inputs {
    orion_embed_input *items; /* [n], owned; texts are borrowed from the JSON */
    int32_t *tokens;          /* of all that are lists of tokens, owned */
    size_t n;
};

/* A text, a list of texts, a list of tokens, or a list of such lists; the last two only
 * with `tokens`.  An empty list is no input.  `field` names it in errors.  Release it
 * after a failure, too. */
orion_status embed_read(const json_t *value, const char *field, bool tokens,
                        struct embed_inputs *out, orion_error *err);
void embed_inputs_release(struct embed_inputs *inputs);

/* Stays where it is until the request is ended. */
struct embed_result {
    atomic_bool gone; /* the client */
    float *vectors;   /* [n][length], owned */
    size_t n;
    uint32_t length;
    uint64_t n_tokens; /* of all inputs */
};

/* Make the vectors; *out is all zeros.  ORION_E_UNSUPPORTED when the model makes none;
 * ORION_E_CANCELLED when the client is gone.  Release it after a failure, too. */
orion_status embed_run(struct http_request *request, struct loaded_model *model,
                       const struct embed_inputs *inputs, struct embed_result *out,
                       orion_error *err);
void embed_result_release(struct embed_result *result);

/* Vector i as a list of numbers, or as base64 of its floats, little-endian; NULL: memory
 * is short. */
json_t *embed_numbers(const struct embed_result *result, size_t i);
json_t *embed_base64(const struct embed_result *result, size_t i);

#endif
