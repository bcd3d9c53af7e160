/* Memory that cannot be had: the Nth allocation fails, for every N, while a
 * model is opened, a session made, an answer given, and several asked for at once.  Each time the
 * call says so, nothing is left behind, and the next attempt works.  mmap() counts as an
 * allocation: linked with --wrap=mmap64,--wrap=munmap besides what alloc_fault.h says. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <cmocka.h>

#include "../unit/model_file.h"
#include "alloc_fault.h"

#include <orion.h>

void *__real_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t length);
void *__wrap_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t length);

static _Atomic long maps; /* made less taken down, since try began */

void *__wrap_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (refused()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *map = __real_mmap64(address, length, protection, flags, fd, offset);
    if (map != MAP_FAILED)
        maps++;
    return map;
}

int __wrap_munmap(void *address, size_t length)
{
    maps--;
    return __real_munmap(address, length);
}

/* The bundled model's first layer alone, which is quick. */
static char model_path[512];

static int write_model(void **state)
{
    struct model_file file;

    if (make_folder(state) != 0)
        return -1;
    file_read(&file, data_path("../models/orion-tiny.gguf"));
    for (size_t i = file.n_tensors; i-- > 0;)
        if (strncmp(file.tensors[i].name, "blk.", 4) == 0 && file.tensors[i].name[4] != '0')
            remove_tensor(&file, file.tensors[i].name);
    set_u32(&file, "phi3.block_count", 1);
    (void)snprintf(model_path, sizeof(model_path), "%s", path_of("one-layer.gguf"));
    file_write(&file, model_path);
    file_free(&file);
    return 0;
}

static int remove_model(void **state)
{
    return unlink(model_path) == 0 ? remove_folder(state) : -1;
}

/* ---- what is done ---- */

static const char question[] = "2024-03-06: Weight 91.4 kg.";

struct run {
    const orion_model *model;
    orion_session *session;
    orion_error err;
};

static orion_status open_only(struct run *run)
{
    orion_model *model;
    const orion_status status = orion_model_open(model_path, NULL, &model, &run->err);
    if (status == ORION_OK)
        orion_model_close(model);
    else
        assert_null(model);
    return status;
}

static orion_status session_only(struct run *run)
{
    orion_session_options options;
    orion_session *session;

    orion_session_options_init(&options);
    options.threads = 3;
    options.context_tokens = 64;
    const orion_status status = orion_session_new(run->model, &options, &session, &run->err);
    if (status == ORION_OK)
        orion_session_free(session);
    else
        assert_null(session);
    return status;
}

/* Experts have tables and scratch of their own. */
static orion_status mixture(struct run *run)
{
    orion_session_options options;
    orion_session *session;
    orion_model *model;
    orion_status status =
        orion_model_open(data_path("golden/mixtral.gguf"), NULL, &model, &run->err);

    if (status != ORION_OK)
        return status;
    orion_session_options_init(&options);
    options.threads = 1;
    options.context_tokens = 64;
    status = orion_session_new(model, &options, &session, &run->err);
    orion_session_free(session);
    orion_model_close(model);
    return status;
}

static orion_status answer(struct run *run)
{
    const char *const stop[] = {"never"};
    const orion_message messages[] = {{"system", "Be brief."}, {"user", question}};
    orion_generate_params params;
    orion_generate_params_init(&params);
    params.max_tokens = 3;
    params.stop = stop;
    params.n_stop = 1;
    return orion_generate(run->session, messages, 2, &params, NULL, NULL, NULL, &run->err);
}

static int ignore(const char *text, size_t len, void *user)
{
    (void)text;
    (void)len;
    (void)user;
    return 0;
}

/* Records that take more than one part. */
static orion_status summarize(struct run *run)
{
    static char text[700];
    const char *const records[] = {question, text};
    orion_summarize_options options;
    orion_generate_params params;

    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = "2024-05-15: Glucose 149 mg/dL.\n"[i % 31];
    orion_generate_params_init(&params);
    params.max_tokens = 2;
    params.temperature = 0;
    orion_summarize_options_init(&options);
    options.params = &params;
    options.language = "en";
    return orion_summarize(run->session, records, 2, &options, ignore, NULL, NULL, &run->err);
}

static orion_status perplexity(struct run *run)
{
    orion_perplexity_result result;
    return orion_perplexity(run->session, question, sizeof(question) - 1, true, &result, &run->err);
}

static orion_status tokens(struct run *run)
{
    int32_t *ids;
    size_t n;
    char *text;
    orion_status status =
        orion_tokenize(run->model, question, sizeof(question) - 1, 0, &ids, &n, &run->err);
    if (status != ORION_OK) {
        assert_null(ids);
        return status;
    }
    status = orion_detokenize(run->model, ids, n, 0, &text, NULL, &run->err);
    if (status != ORION_OK)
        assert_null(text);
    orion_free(ids);
    orion_free(text);
    return status;
}

/* A model of its own, with dense layers. */
static orion_status embed(struct run *run)
{
    const orion_embed_input inputs[] = {{.text = "the and", .text_bytes = 7},
                                        {.text = "de os", .text_bytes = 5}};
    orion_embedder_options options;
    orion_embedder *embedder = NULL;
    orion_model *model;
    float vectors[2 * 48];

    orion_embedder_options_init(&options);
    options.threads = 2;
    orion_status status =
        orion_model_open(data_path("golden/embed-gemma-dense.gguf"), NULL, &model, &run->err);
    if (status == ORION_OK)
        status = orion_embedder_new(model, &options, &embedder, &run->err);
    if (status == ORION_OK)
        status = orion_embed(embedder, inputs, 2, NULL, NULL, vectors, NULL, &run->err);
    else
        assert_null(embedder);
    orion_embedder_free(embedder);
    orion_model_close(model);
    return status;
}

/* ---- several at once ---- */

struct asked {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    uint32_t under_way;
    orion_error err; /* of the last that failed */
    size_t pieces;
    size_t calls_at[64]; /* of the allocator, so far at each piece */
};

static int count_calls(const orion_answer_piece *piece, void *user)
{
    struct asked *asked = user;

    (void)piece;
    if (asked->pieces < ORI_COUNT(asked->calls_at))
        asked->calls_at[asked->pieces++] = heap.calls;
    return 0;
}

static void one_ended(orion_status status, const orion_stats *stats, const orion_error *err,
                      void *user)
{
    struct asked *asked = user;

    (void)stats;
    pthread_mutex_lock(&asked->lock);
    if (status != ORION_OK)
        asked->err = *err;
    asked->under_way--;
    pthread_cond_signal(&asked->ended);
    pthread_mutex_unlock(&asked->lock);
}

static orion_status ask(orion_scheduler *scheduler, uint32_t i, uint32_t max_tokens,
                        struct asked *asked, orion_error *err)
{
    const char *const stop[] = {"never"};
    const orion_message message = {"user", question};
    orion_generate_params params;
    orion_request r;

    orion_generate_params_init(&params);
    params.max_tokens = max_tokens;
    params.stop = stop;
    params.n_stop = 1;
    params.lookup = 3;
    params.frequency_penalty = i == 1 ? 1.0f : 0.0f;
    orion_request_init(&r);
    r.messages = &message;
    r.n_messages = 1;
    r.params = &params;
    r.top_logprobs = i == 2 ? 5 : ORION_NO_LOGPROBS;
    r.on_piece = count_calls;
    r.on_done = one_ended;
    r.user = asked;
    pthread_mutex_lock(&asked->lock);
    asked->under_way++;
    pthread_mutex_unlock(&asked->lock);
    const orion_status status = orion_scheduler_submit(scheduler, &r, NULL, err);
    if (status != ORION_OK) {
        pthread_mutex_lock(&asked->lock);
        asked->under_way--;
        pthread_mutex_unlock(&asked->lock);
    }
    return status;
}

static void wait_for_all(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    while (asked->under_way > 0)
        pthread_cond_wait(&asked->ended, &asked->lock);
    pthread_mutex_unlock(&asked->lock);
}

static orion_status several(struct run *run)
{
    struct asked asked = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    orion_scheduler_options options;
    orion_scheduler *scheduler;

    orion_scheduler_options_init(&options);
    options.threads = 1;
    options.sequences = 2;
    options.context_tokens = 64;
    orion_status status = orion_scheduler_open(run->model, &options, &scheduler, &run->err);
    if (status != ORION_OK) {
        assert_null(scheduler);
        return status;
    }
    for (uint32_t i = 0; i < 3 && status == ORION_OK; i++)
        status = ask(scheduler, i, 3, &asked, &run->err);
    wait_for_all(&asked);
    orion_scheduler_close(scheduler);
    if (status == ORION_OK && asked.err.status != ORION_OK) {
        run->err = asked.err;
        status = asked.err.status;
    }
    return status;
}

/* Fail each allocation in turn until a run needs no more of them. */
static void torture(orion_status (*what)(struct run *run), size_t at_least)
{
    orion_session_options options;
    struct run run = {0};
    orion_model *model;
    size_t n = 0;

    watch(0);
    orion_session_options_init(&options);
    options.threads = 1;
    options.context_tokens = 280;
    assert_int_equal(orion_model_open(model_path, NULL, &model, NULL), ORION_OK);
    assert_int_equal(orion_session_new(model, &options, &run.session, NULL), ORION_OK);
    run.model = model;
    for (;;) {
        orion_session_reset(run.session);
        run.err = (orion_error){.status = ORION_OK};
        watch(++n);
        maps = 0;
        const orion_status status = what(&run);
        heap.fail_at = 0;
        assert_int_equal(heap.blocks, 0);
        assert_int_equal(maps, 0);
        if (heap.calls < n) { /* it needed fewer: all have failed once */
            assert_int_equal(status, ORION_OK);
            break;
        }
        if (status == ORION_OK) /* libc may do without: qsort() sorts in place then */
            continue;
        if (status != ORION_E_NOMEM || run.err.status != status || run.err.message[0] == '\0')
            fail_msg("allocation %zu: %d '%s'", n, status, run.err.message);
    }
    assert_true(n > at_least);
    orion_session_free(run.session);
    orion_model_close(model);
}

static void test_open(void **state)
{
    (void)state;
    torture(open_only, 10);
}

static void test_session(void **state)
{
    (void)state;
    torture(session_only, 15);
}

static void test_mixture(void **state)
{
    (void)state;
    torture(mixture, 30);
}

static void test_answer(void **state)
{
    (void)state;
    torture(answer, 10);
}

static void test_summarize(void **state)
{
    (void)state;
    torture(summarize, 30);
}

static void test_perplexity(void **state)
{
    (void)state;
    torture(perplexity, 3);
}

static void test_tokens(void **state)
{
    (void)state;
    torture(tokens, 3);
}

static void test_several(void **state)
{
    (void)state;
    torture(several, 30);
}

static void test_embed(void **state)
{
    (void)state;
    torture(embed, 40);
}

/* Once an answer is under way it takes no more memory, token by token. */
static void test_no_memory_for_a_token(void **state)
{
    struct asked asked = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    orion_scheduler_options options;
    orion_scheduler *scheduler;
    orion_model *model;

    (void)state;
    orion_scheduler_options_init(&options);
    options.threads = 2;
    assert_int_equal(orion_model_open(model_path, NULL, &model, NULL), ORION_OK);
    assert_int_equal(orion_scheduler_open(model, &options, &scheduler, NULL), ORION_OK);
    for (uint32_t i = 0; i < 3; i++) {
        watch(0);
        asked.pieces = 0;
        assert_int_equal(ask(scheduler, i, 60, &asked, NULL), ORION_OK);
        wait_for_all(&asked);
        assert_true(asked.pieces > 20);
        assert_int_equal(asked.calls_at[asked.pieces - 1], asked.calls_at[4]);
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),      cmocka_unit_test(test_session),
        cmocka_unit_test(test_mixture),   cmocka_unit_test(test_answer),
        cmocka_unit_test(test_summarize), cmocka_unit_test(test_perplexity),
        cmocka_unit_test(test_tokens),    cmocka_unit_test(test_several),
        cmocka_unit_test(test_embed),     cmocka_unit_test(test_no_memory_for_a_token),
    };
    return cmocka_run_group_tests_name("memory for models", tests, write_model, remove_model);
}
