/* One prompt or one token of an answer, for callgrind to count: see
 * instructions.py.
 *
 *   step MODEL.gguf prompt|decode
 */
#include <orion.h>

#include <stdio.h>
#include <string.h>

#define PROMPT 64 /* tokens */
#define DEPTH 8   /* tokens before the one that is decoded */

static int fail(const orion_error *err)
{
    (void)fprintf(stderr, "step: %s\n", err->message);
    return 1;
}

int main(int argc, char **argv)
{
    orion_session_options options;
    orion_model *model = NULL;
    orion_session *session = NULL;
    orion_bench_result result;
    orion_error err = {0};

    if (argc != 3)
        return 2;
    const bool decode = strcmp(argv[2], "decode") == 0;
    orion_session_options_init(&options);
    options.threads = 1;
    options.context_tokens = PROMPT;
    orion_status status = orion_model_open(argv[1], NULL, &model, &err);
    if (status == ORION_OK)
        status = orion_session_new(model, &options, &session, &err);
    if (status == ORION_OK)
        status = decode ? orion_bench(session, ORION_BENCH_DECODE, 1, DEPTH, &result, &err)
                        : orion_bench(session, ORION_BENCH_PREFILL, PROMPT, 0, &result, &err);
    orion_session_free(session);
    orion_model_close(model);
    return status == ORION_OK ? 0 : fail(&err);
}
