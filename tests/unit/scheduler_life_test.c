/* A scheduler's life: what it refuses, how requests are stopped, limits, order, and
 * what goes wrong under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "asking.h"

static struct outcome outcomes[80]; /* large: not on the stack */

static void forget(void)
{
    memset(outcomes, 0, sizeof(outcomes));
}

static orion_scheduler *new_scheduler(const orion_model *model, uint32_t sequences)
{
    const orion_scheduler_options options = {.threads = 1, .sequences = sequences, .waiting = 64};
    return open_scheduler(model, options);
}

/* ---- what is refused ---- */

static void test_options(void **state)
{
    static const struct {
        const char *label;
        orion_scheduler_options options;
        orion_status status;
        const char *says;
    } rows[] = {
        {"defaults", {.threads = 1}, ORION_OK, NULL},
        {"the most sequences", {.threads = 1, .sequences = 64}, ORION_OK, NULL},
        {"more sequences than a batch",
         {.threads = 1, .sequences = 9, .batch_tokens = 2},
         ORION_OK,
         NULL},
        {"a tiny context", {.threads = 1, .sequences = 9, .context_tokens = 2}, ORION_OK, NULL},
        {"too many sequences", {.threads = 1, .sequences = 65}, ORION_E_ARGUMENT, "at once"},
        {"too much context", {.threads = 1, .context_tokens = 257}, ORION_E_ARGUMENT, "257"},
        {"a huge batch", {.threads = 1, .batch_tokens = 8193}, ORION_E_ARGUMENT, "8193"},
        {"heads of 16 in q8_0",
         {.threads = 1, .kv_type = ORION_KV_Q8_0},
         ORION_E_UNSUPPORTED,
         "have 16"},
        {"no type", {.kv_type = (orion_kv_type)9}, ORION_E_ARGUMENT, "type of a KV cache"},
    };
    orion_model *model = open_public(data_path(PLAIN_MODEL));

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_scheduler_options options = rows[i].options;
        orion_scheduler *scheduler;
        orion_error err = {0};
        options.size = sizeof(options);
        const orion_status status = orion_scheduler_open(model, &options, &scheduler, &err);
        if (status != rows[i].status || !scheduler != (status != ORION_OK))
            fail_msg("%s: %d %s", rows[i].label, status, err.message);
        if (rows[i].says && !strstr(err.message, rows[i].says))
            fail_msg("%s: '%s'", rows[i].label, err.message);
        orion_scheduler_close(scheduler);
    }
    const orion_scheduler_options unset = {0};
    orion_scheduler *scheduler;
    assert_int_equal(orion_scheduler_open(model, &unset, &scheduler, NULL), ORION_E_ARGUMENT);
    assert_int_equal(orion_scheduler_open(NULL, NULL, &scheduler, NULL), ORION_E_ARGUMENT);
    assert_null(scheduler);
    assert_int_equal(orion_scheduler_open(model, NULL, NULL, NULL), ORION_E_ARGUMENT);
    orion_scheduler_close(NULL);
    orion_scheduler_cancel(NULL, 1);
    orion_model_close(model);
}

/* What is wrong with a request is known at once, and on_done() is not called. */
static void test_refused_requests(void **state)
{
    static const char *const no_stop[] = {""};
    static const orion_message chat[] = {{"user", "the"}};
    static const orion_message no_content[] = {{"user", NULL}};
    static char too_long[600];
    static const struct {
        const char *label;
        const char *prompt;
        const orion_message *messages;
        size_t n_messages;
        int32_t top_logprobs;
        float presence_penalty;
        size_t n_stop;
        orion_status status;
        const char *says;
    } rows[] = {
        {"nothing to go on from", NULL, NULL, 0, -1, 0, 0, ORION_E_ARGUMENT, "NULL"},
        {"messages that are not there", NULL, NULL, 2, -1, 0, 0, ORION_E_ARGUMENT, "NULL"},
        {"a message without content", NULL, no_content, 1, -1, 0, 0, ORION_E_ARGUMENT, "NULL"},
        {"a model without a template", NULL, chat, 1, -1, 0, 0, ORION_E_UNSUPPORTED, "template"},
        {"too many log-probabilities", "the", NULL, 0, 21, 0, 0, ORION_E_ARGUMENT, "top_logprobs"},
        {"fewer than none", "the", NULL, 0, -2, 0, 0, ORION_E_ARGUMENT, "top_logprobs"},
        {"a penalty too high", "the", NULL, 0, -1, 2.5f, 0, ORION_E_ARGUMENT, "presence_penalty"},
        {"an empty stop text", "the", NULL, 0, -1, 0, 1, ORION_E_ARGUMENT, "stop text 1"},
        {"a long prompt", too_long, NULL, 0, -1, 0, 0, ORION_E_TOO_LONG, "context holds 256"},
        {"fine", "the", NULL, 0, 20, 2, 0, ORION_OK, NULL},
    };
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = new_scheduler(model, 1);

    (void)state;
    memset(too_long, 'x', sizeof(too_long) - 1);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        orion_generate_params params;
        orion_request r;
        orion_error err = {0};
        uint64_t id = 1;
        forget();
        orion_generate_params_init(&params);
        params.presence_penalty = rows[i].presence_penalty;
        params.stop = no_stop;
        params.n_stop = rows[i].n_stop;
        params.max_tokens = 1;
        orion_request_init(&r);
        r.prompt = rows[i].prompt;
        r.messages = rows[i].messages;
        r.n_messages = rows[i].n_messages;
        r.top_logprobs = rows[i].top_logprobs;
        r.params = &params;
        r.on_done = on_done;
        r.user = &outcomes[0];
        const orion_status status = orion_scheduler_submit(scheduler, &r, &id, &err);
        if (status != rows[i].status || (id == 0) != (status != ORION_OK))
            fail_msg("%s: %d '%s'", rows[i].label, status, err.message);
        if (rows[i].says && !strstr(err.message, rows[i].says))
            fail_msg("%s: '%s'", rows[i].label, err.message);
        if (status == ORION_OK)
            wait_for(&outcomes[0]);
        assert_int_equal(outcomes[0].done, status == ORION_OK);
        r.on_done = NULL;
        assert_int_equal(orion_scheduler_submit(scheduler, &r, NULL, NULL), ORION_E_ARGUMENT);
        r.size = 0;
        assert_int_equal(orion_scheduler_submit(scheduler, &r, NULL, NULL), ORION_E_ARGUMENT);
        assert_int_equal(orion_scheduler_submit(NULL, &r, NULL, NULL), ORION_E_ARGUMENT);
        assert_int_equal(orion_scheduler_submit(scheduler, NULL, NULL, NULL), ORION_E_ARGUMENT);
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

/* ---- stopping ---- */

enum { STOP_AT = 30 }; /* the piece; amid tokens that were guessed */

static void *cancel_it(void *arg)
{
    const struct outcome *o = arg;
    orion_scheduler_cancel(o->scheduler, o->id);
    return NULL;
}

static void cancel_from_a_thread(struct outcome *o)
{
    pthread_t thread;

    if (o->calls != STOP_AT)
        return;
    assert_int_equal(pthread_create(&thread, NULL, cancel_it, o), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void cancel_from_the_callback(struct outcome *o)
{
    if (o->calls == STOP_AT)
        orion_scheduler_cancel(o->scheduler, o->id);
}

/* Whoever asks, no piece follows that it was asked at; the others go on. */
static void test_cancel(void **state)
{
    static void (*const ways[])(struct outcome *) = {cancel_from_a_thread, cancel_from_the_callback,
                                                     NULL};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = new_scheduler(model, 3);

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(ways); i++) {
        forget();
        shut_gate(scheduler, 1, &outcomes[4]); /* `id` is set before a piece is told */
        outcomes[0].at_piece = ways[i];
        outcomes[0].quit_at = ways[i] ? 0 : STOP_AT;
        submit_text(scheduler, "the and", 60, &outcomes[0]);
        submit_text(scheduler, "the and", 60, &outcomes[1]);
        open_gate();
        for (size_t k = 0; k < 2; k++)
            wait_for(&outcomes[k]);
        wait_for(&outcomes[4]);
        assert_int_equal(outcomes[0].status, ORION_E_CANCELLED);
        assert_int_equal(outcomes[0].err.status, ORION_E_CANCELLED);
        assert_true(outcomes[0].err.message[0] != '\0');
        assert_int_equal(outcomes[0].stats.finish, ORION_FINISH_CANCELLED);
        assert_int_equal(outcomes[0].calls, STOP_AT);
        assert_int_equal(outcomes[1].status, ORION_OK);
        assert_int_equal(outcomes[1].stats.output_tokens, 60);
        assert_true(outcomes[1].stats.accepted_tokens > 30);
        assert_memory_equal(outcomes[0].text, outcomes[1].text, outcomes[0].len);
        orion_scheduler_cancel(scheduler, outcomes[0].id); /* is over: no error */
        orion_scheduler_cancel(scheduler, 0);
        orion_scheduler_cancel(scheduler, UINT64_MAX);
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void cancel_the_other(struct outcome *o)
{
    if (o->calls == 1)
        orion_scheduler_cancel(o->other->scheduler, o->other->id);
    else if (o->calls == 10) /* it has ended, though there was no place for it */
        assert_int_equal(o->other->done, 1);
}

static void test_cancel_a_waiting_one(void **state)
{
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = new_scheduler(model, 1);

    (void)state;
    forget();
    shut_gate(scheduler, 1, &outcomes[3]);
    outcomes[0].at_piece = cancel_the_other;
    outcomes[0].other = &outcomes[1];
    for (size_t i = 0; i < 3; i++)
        submit_text(scheduler, "the and", 20, &outcomes[i]);
    open_gate();
    for (size_t i = 0; i < 4; i++)
        wait_for(&outcomes[i]);
    assert_int_equal(outcomes[1].status, ORION_E_CANCELLED);
    assert_int_equal(outcomes[1].stats.finish, ORION_FINISH_CANCELLED);
    assert_int_equal(outcomes[1].stats.output_tokens, 0);
    assert_int_equal(outcomes[1].calls, 0);
    assert_int_equal(outcomes[2].status, ORION_OK);
    assert_string_equal(outcomes[0].text, outcomes[2].text);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

/* ---- limits and order ---- */

static void test_full_queue(void **state)
{
    const orion_scheduler_options options = {.threads = 1, .sequences = 2, .waiting = 3};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = open_scheduler(model, options);
    orion_scheduler_load load;
    orion_error err = {0};

    (void)state;
    forget();
    shut_gate(scheduler, 2, &outcomes[9]);
    for (size_t i = 0; i < 4; i++) /* one more place, and three that wait */
        submit_text(scheduler, "the and", 2, &outcomes[i]);
    assert_int_equal(try_text(scheduler, "the and", 2, &outcomes[4], &err), ORION_E_BUSY);
    assert_non_null(strstr(err.message, "try again"));
    assert_int_equal(outcomes[4].id, 0);
    orion_scheduler_get_load(scheduler, &load);
    assert_int_equal(load.running, 1);
    assert_int_equal(load.waiting, 4);
    open_gate();
    for (size_t i = 0; i < 4; i++)
        wait_for(&outcomes[i]);
    wait_for(&outcomes[9]);
    submit_text(scheduler, "the and", 2, &outcomes[4]);
    wait_for(&outcomes[4]);
    assert_int_equal(outcomes[4].status, ORION_OK);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static uint32_t n_begun;
static uint32_t begun[80];

static void note_beginning(struct outcome *o)
{
    if (o->calls == 1)
        begun[n_begun++] = (uint32_t)(o - outcomes);
}

/* Who came first is answered first. */
static void test_first_come(void **state)
{
    orion_model *model = open_public(data_path(PLAIN_MODEL));

    (void)state;
    for (uint32_t sequences = 1; sequences <= 3; sequences++) {
        orion_scheduler *scheduler = new_scheduler(model, sequences);
        forget();
        n_begun = 0;
        shut_gate(scheduler, 1, &outcomes[70]);
        for (size_t i = 0; i < 60; i++) {
            outcomes[i].at_piece = note_beginning;
            submit_text(scheduler, i % 2 ? "the and" : "once more", 1 + (uint32_t)i % 7,
                        &outcomes[i]);
        }
        open_gate();
        for (size_t i = 0; i < 60; i++)
            wait_for(&outcomes[i]);
        assert_int_equal(n_begun, 60);
        for (uint32_t i = 0; i < 60; i++)
            assert_true(begun[i] < i + sequences && i < begun[i] + sequences);
        wait_for(&outcomes[70]);
        orion_scheduler_close(scheduler);
    }
    orion_model_close(model);
}

static size_t pieces_before;

static void note_pieces(struct outcome *o)
{
    if (o->calls == 1)
        pieces_before = o->other->calls;
}

/* A long prompt is computed in parts, and each batch holds a token of the answer
 * that is under way. */
static void test_long_prompt_beside_an_answer(void **state)
{
    enum { BATCH = 16, TEXT = 200 };
    const orion_scheduler_options options = {.threads = 1, .sequences = 2, .batch_tokens = BATCH};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = open_scheduler(model, options);
    char text[TEXT + 1];

    (void)state;
    for (size_t i = 0; i < TEXT; i++)
        text[i] = (char)('a' + i * i % 23);
    text[TEXT] = '\0';
    forget();
    shut_gate(scheduler, 100, &outcomes[0]);
    outcomes[1].at_piece = note_pieces;
    outcomes[1].other = &outcomes[0];
    submit_text(scheduler, text, 1, &outcomes[1]);
    open_gate();
    wait_for(&outcomes[0]);
    wait_for(&outcomes[1]);
    assert_int_equal(outcomes[0].stats.output_tokens, 100);
    assert_true(outcomes[1].stats.prompt_tokens > TEXT / 2);
    /* A token in about each batch becomes a piece of its own here. */
    assert_true(pieces_before >= outcomes[1].stats.prompt_tokens / BATCH);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

/* ---- from callbacks ---- */

static struct outcome chain[20];

static void submit_next(orion_status status, const orion_stats *stats, const orion_error *err,
                        void *user)
{
    struct outcome *o = user;
    orion_request r;

    if (o + 1 < chain + ORI_COUNT(chain)) {
        orion_generate_params params;
        orion_generate_params_init(&params);
        params.max_tokens = 2;
        orion_request_init(&r);
        r.prompt = "the and";
        r.params = &params;
        r.on_done = submit_next;
        r.user = o + 1;
        o[1].scheduler = o->scheduler;
        assert_int_equal(orion_scheduler_submit(o->scheduler, &r, NULL, NULL), ORION_OK);
    }
    on_done(status, stats, err, user);
}

static void test_submit_from_done(void **state)
{
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_stats stats = {0};
    orion_error err = {0};

    (void)state;
    memset(chain, 0, sizeof(chain));
    chain[0].scheduler = new_scheduler(model, 1);
    submit_next(ORION_OK, &stats, &err, &chain[0]);
    for (size_t i = 1; i < ORI_COUNT(chain); i++) {
        wait_for(&chain[i]);
        assert_int_equal(chain[i].stats.output_tokens, 2);
    }
    orion_scheduler_close(chain[0].scheduler);
    orion_model_close(model);
}

/* ---- closing, and what goes wrong ---- */

static void submit_while_closing(orion_status status, const orion_stats *stats,
                                 const orion_error *err, void *user)
{
    struct outcome *o = user;

    if (status != ORION_OK) {
        assert_int_equal(status, ORION_E_CANCELLED);
        assert_int_equal(try_text(o->scheduler, "the", 1, o->other, NULL), ORION_E_CANCELLED);
    }
    on_done(status, stats, err, user);
}

/* All that is under way has ended when close() returns, each once. */
static void test_close(void **state)
{
    orion_model *model = open_public(data_path(PLAIN_MODEL));

    (void)state;
    for (uint32_t round = 0; round < 12; round++) {
        orion_scheduler *scheduler = new_scheduler(model, 1 + round % 4);
        uint32_t cancelled = 0;
        forget();
        for (size_t i = 0; i < 20; i++) {
            orion_request r;
            orion_request_init(&r);
            r.prompt = "the and";
            r.on_done = submit_while_closing;
            r.user = &outcomes[i];
            outcomes[i].scheduler = scheduler;
            outcomes[i].other = &outcomes[79];
            assert_int_equal(orion_scheduler_submit(scheduler, &r, NULL, NULL), ORION_OK);
        }
        if (round % 2)
            wait_for(&outcomes[0]);
        orion_scheduler_close(scheduler);
        for (size_t i = 0; i < 20; i++) {
            assert_int_equal(outcomes[i].done, 1);
            cancelled += outcomes[i].status == ORION_E_CANCELLED;
        }
        assert_true(cancelled > 0);
        assert_int_equal(outcomes[79].done, 0);
    }
    orion_model_close(model);
}

static char shrinking[512];

static void cut_the_file(struct outcome *o)
{
    if (o->calls == 2)
        assert_int_equal(truncate(shrinking, 4096), 0);
}

/* The model's file shrinks while several are answered: all of them say so. */
static void test_shrinking_file(void **state)
{
    struct model_file file;

    (void)state;
    (void)snprintf(shrinking, sizeof(shrinking), "%s", path_of("shrinks.gguf"));
    file_read(&file, data_path(PLAIN_MODEL));
    file_write(&file, shrinking);
    file_free(&file);
    orion_model *model = open_public(shrinking);
    orion_scheduler *scheduler = new_scheduler(model, 2);
    forget();
    outcomes[0].at_piece = cut_the_file;
    for (size_t i = 0; i < 5; i++)
        submit_text(scheduler, "the and", 0, &outcomes[i]);
    for (size_t i = 0; i < 5; i++) {
        wait_for(&outcomes[i]);
        assert_int_equal(outcomes[i].status, ORION_E_IO);
        assert_int_equal(outcomes[i].err.status, ORION_E_IO);
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
    assert_int_equal(unlink(shrinking), 0);
}

/* Weights that give no number end the request that meets them. */
static void test_broken_weights(void **state)
{
    struct model_file file;

    (void)state;
    (void)snprintf(shrinking, sizeof(shrinking), "%s", path_of("broken.gguf"));
    file_read(&file, data_path(PLAIN_MODEL));
    struct bytes *norm = &tensor_of(&file, "output_norm.weight")->data;
    memset(norm->data, 0xFF, norm->len);
    file_write(&file, shrinking);
    file_free(&file);
    orion_model *model = open_public(shrinking);
    orion_scheduler *scheduler = new_scheduler(model, 2);
    forget();
    for (size_t i = 0; i < 3; i++)
        submit_text(scheduler, "the and", 0, &outcomes[i]);
    for (size_t i = 0; i < 3; i++) {
        wait_for(&outcomes[i]);
        assert_int_equal(outcomes[i].status, ORION_E_FORMAT);
        assert_non_null(strstr(outcomes[i].err.message, "weights are broken"));
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
    assert_int_equal(unlink(shrinking), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_a_waiting_one),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_first_come),
        cmocka_unit_test(test_long_prompt_beside_an_answer),
        cmocka_unit_test(test_submit_from_done),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_shrinking_file),
        cmocka_unit_test(test_broken_weights),
    };
    return cmocka_run_group_tests_name("scheduler's life", tests, make_folder, remove_folder);
}
