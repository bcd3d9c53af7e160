/* choices.h - which tokens were chosen, how likely they were, and what else was
 * likely, collected until their text is passed on. */
#ifndef ORI_RUNTIME_CHOICES_H
#define ORI_RUNTIME_CHOICES_H

#include "base/buf.h"
#include "runtime/engine.h"

struct ori_choices {
    const struct ori_engine *engine; /* borrowed */
    uint32_t n_top;                  /* others to tell of, at most ORION_MAX_LOGPROBS */

    orion_token_choice *list; /* [count]; pointers are set by ori_choices_list() */
    size_t count, cap;
    orion_token_logprob *logprobs; /* [cap][1 + n_top]: the chosen one and the likeliest */
    struct ori_buf bytes;          /* their texts, one after the other */
};

void ori_choices_init(struct ori_choices *choices, const struct ori_engine *engine, uint32_t n_top);
void ori_choices_release(struct ori_choices *choices);

/* `token` was chosen from logits[n_vocab]. */
orion_status ori_choices_add(struct ori_choices *choices, const float *logits, int32_t token,
                             orion_error *err);

/* [count], valid until the next call. */
const orion_token_choice *ori_choices_list(struct ori_choices *choices);
void ori_choices_clear(struct ori_choices *choices);

#endif
