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

struct job {
    struct ori_session *session;
    const int32_t *prompt, *answer; /* [n_prompt], [n_answer] */
    uint32_t n_prompt, n_answer;
    uint32_t drafted, right;
};

/* The answer's tokens that are computed: the last one is only read off. */
static uint32_t n_steps(const struct job *job)
{
    return job->n_answer - 1;
}

static orion_status plainly(struct job *job, orion_error *err)
{
    orion_status status = ORION_OK;

    for (uint32_t i = 0; i < n_steps(job) && status == ORION_OK; i++)
        status = ori_session_append(job->session, job->answer + i, 1, err);
    return status;
}

/* As answer.c does it, but that the answer says which guesses are right. */
static orion_status guessing(struct job *job, orion_error *err)
{
    struct ori_session *s = job->session;
    struct ori_sequence *sequence = &s->sequence;
    struct ori_lookup lookup;
    int32_t batch[1 + ORI_MAX_DRAFT];

    orion_status status =
        ori_lookup_init(&lookup, sequence->context_tokens, ORI_DEFAULT_DRAFT, err);
    if (status != ORION_OK)
        return status;
    ori_lookup_add(&lookup, sequence->tokens, sequence->n_tokens, false);
    for (uint32_t i = 0; i < n_steps(job) && status == ORION_OK;) {
        const uint32_t known = job->n_prompt + i;
        batch[0] = sequence->tokens[known] = job->answer[i];
        ori_lookup_add(&lookup, sequence->tokens, known + 1, true);
        const uint32_t n =
            ori_lookup_draft(&lookup, sequence->tokens, 0, n_steps(job) - i - 1, batch + 1);
        status = ori_session_append(s, batch, 1 + n, err);
        uint32_t right = 0;
        while (right < n && batch[1 + right] == job->answer[i + 1 + right]) {
            right++;
            ori_lookup_hit(&lookup);
        }
        i += 1 + right;
        job->drafted += n;
        job->right += right;
        if (status == ORION_OK)
            ori_session_drop(s, job->n_prompt + i);
    }
    ori_lookup_release(&lookup);
    return status;
}

/* Milliseconds that `way` takes behind the prompt; negative when it fails. */
static double time_of(struct job *job, orion_status (*way)(struct job *job, orion_error *err),
                      orion_error *err)
{
    uint32_t cached;

    if (ori_session_prefill(job->session, job->prompt, job->n_prompt, &cached, err) != ORION_OK)
        return -1;
    const double begun = ori_now_ms();
    return way(job, err) == ORION_OK ? ori_now_ms() - begun : -1;
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
    const double plain_ms = time_of(&job, plainly, &err);
    const double lookup_ms = plain_ms < 0 ? -1 : time_of(&job, guessing, &err);
    if (lookup_ms < 0)
        return fail(argv[1], &err);
    printf("%u %u %u %u %.1f %.1f\n", job.n_prompt, job.n_answer, job.drafted, job.right, plain_ms,
           lookup_ms);
    ori_session_free(job.session);
    ori_model_close(vocab);
    ori_model_close(model);
    ori_tokens_release(&prompt);
    ori_tokens_release(&answer);
    return 0;
}
