/* What lookup decoding gains on a given text: a model of random weights takes as
 * long for a token as a trained one, but would not write it.  So the answer is
 * given too, and stands for what the model would have chosen.
 *
 *   lookup MODEL.gguf VOCAB.gguf PROMPT.txt ANSWER.txt THREADS
 *
 * One line: tokens of prompt and answer, guesses, right ones, milliseconds of the
 * answer token by token, and with guesses. */
#include "base/clock.h"
#include "runtime/lookup.h"
#include "runtime/session.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_TEXT_BYTES (1u << 20)

#define SLICE 24 /* tokens that both ways take before the next ones */

struct job {
    struct ori_session *session;
    struct ori_lookup lookup;
    const int32_t *prompt, *answer; /* [n_prompt], [n_answer] */
    uint32_t n_prompt, n_answer;
    uint32_t drafted, right;
    double plain_ms, lookup_ms;
};

/* The answer's tokens that are computed: the last one is only read off. */
static uint32_t n_steps(const struct job *job)
{
    return job->n_answer - 1;
}

static orion_status plainly(struct job *job, uint32_t from, uint32_t to, orion_error *err)
{
    const double begun = ori_now_ms();
    orion_status status = ORION_OK;

    for (uint32_t i = from; i < to && status == ORION_OK; i++)
        status = ori_session_append(job->session, job->answer + i, 1, err);
    job->plain_ms += ori_now_ms() - begun;
    return status;
}

/* A step as answer.c does it, but that the answer says which guesses are right: from
 * token *at of the answer on, which it moves. */
static orion_status guess(struct job *job, uint32_t *at, orion_error *err)
{
    struct ori_session *s = job->session;
    int32_t *tokens = s->sequence.tokens;
    int32_t batch[1 + ORI_MAX_DRAFT];
    const uint32_t known = job->n_prompt + *at;
    uint32_t right = 0;

    batch[0] = tokens[known] = job->answer[*at];
    ori_lookup_add(&job->lookup, tokens, known + 1, true);
    const uint32_t n = ori_lookup_draft(&job->lookup, tokens, 0, n_steps(job) - *at - 1, batch + 1);
    const orion_status status = ori_session_append(s, batch, 1 + n, err);
    while (right < n && batch[1 + right] == job->answer[*at + 1 + right]) {
        right++;
        ori_lookup_hit(&job->lookup);
    }
    *at += 1 + right;
    job->drafted += n;
    job->right += right;
    if (status == ORION_OK)
        ori_session_drop(s, job->n_prompt + *at);
    return status;
}

static orion_status guessing(struct job *job, uint32_t *at, uint32_t to, orion_error *err)
{
    const double begun = ori_now_ms();
    orion_status status = ORION_OK;

    while (*at < to && status == ORION_OK)
        status = guess(job, at, err);
    job->lookup_ms += ori_now_ms() - begun;
    return status;
}

/* Slice by slice, with guesses and without: a machine whose speed changes changes
 * it for both. */
static orion_status both_ways(struct job *job, orion_error *err)
{
    uint32_t cached;
    orion_status status =
        ori_session_prefill(job->session, job->prompt, job->n_prompt, &cached, err);

    if (status == ORION_OK)
        status = ori_lookup_init(&job->lookup, job->session->sequence.context_tokens,
                                 ORI_DEFAULT_DRAFT, err);
    if (status != ORION_OK)
        return status;
    ori_lookup_add(&job->lookup, job->prompt, job->n_prompt, false);
    for (uint32_t from = 0, at = 0; from < n_steps(job) && status == ORION_OK; from = at) {
        const uint32_t to = n_steps(job) - from < SLICE ? n_steps(job) : from + SLICE;
        status = guessing(job, &at, to, err);
        ori_session_drop(job->session, job->n_prompt + from);
        if (status == ORION_OK)
            status = plainly(job, from, at, err);
    }
    ori_lookup_release(&job->lookup);
    return status;
}

static bool tokens_of(const struct ori_model *vocab, const char *path, struct ori_tokens *out,
                      orion_error *err)
{
    static char text[MAX_TEXT_BYTES];
    FILE *file = fopen(path, "rb");

    if (!file)
        return false;
    const size_t n = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return ori_text_tokens(vocab, text, n, false, out, err) == ORION_OK && out->count > 1;
}

static int fail(const char *what, const orion_error *err)
{
    (void)fprintf(stderr, "lookup: %s: %s\n", what, err->message);
    return 1;
}

int main(int argc, char **argv)
{
    struct ori_model *model = NULL, *vocab = NULL;
    struct ori_tokens prompt = {0}, answer = {0};
    orion_error err = {0};

    if (argc != 6) {
        (void)fprintf(stderr, "usage: lookup MODEL VOCAB PROMPT ANSWER THREADS\n");
        return 2;
    }
    if (ori_model_open(argv[1], (struct ori_model_options){0}, &model, &err) != ORION_OK ||
        ori_model_open(argv[2], (struct ori_model_options){.vocab_only = true}, &vocab, &err) !=
            ORION_OK ||
        !tokens_of(vocab, argv[3], &prompt, &err) || !tokens_of(vocab, argv[4], &answer, &err))
        return fail("the files can't be used", &err);

    struct job job = {.prompt = prompt.ids,
                      .n_prompt = (uint32_t)prompt.count,
                      .answer = answer.ids + 1, /* without BOS */
                      .n_answer = (uint32_t)answer.count - 1};
    const struct ori_engine_options options = {
        .context_tokens = job.n_prompt + job.n_answer + ORI_MAX_DRAFT + 1,
        .threads = (uint32_t)strtoul(argv[5], NULL, 10),
    };
    if (ori_session_new(model, options, &job.session, &err) != ORION_OK)
        return fail(argv[1], &err);
    if (both_ways(&job, &err) != ORION_OK)
        return fail(argv[1], &err);
    printf("%u %u %u %u %.1f %.1f\n", job.n_prompt, job.n_answer, job.drafted, job.right,
           job.plain_ms, job.lookup_ms);
    ori_session_free(job.session);
    ori_model_close(vocab);
    ori_model_close(model);
    ori_tokens_release(&prompt);
    ori_tokens_release(&answer);
    return 0;
}
