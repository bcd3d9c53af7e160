/* The scheduler's answers: those of many requests at once are those of a session
 * alone, bit by bit, and what prompts have in common is computed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "asking.h"

#include "api/handles.h"
#include "runtime/choices.h"

/* ---- among others as alone ---- */

/* What is asked: prompts that share beginnings and that don't, short and long,
 * every parameter there is. */
struct ask {
    char prompt[1200];
    char system[600]; /* "": not a chat */
    const char *stop[2];
    size_t n_stop;
    orion_generate_params params;
    int32_t top_logprobs;
};

#define N_ASKS 16

static const char words[] =
    "2024-03-06: Visit for thirst. Weight 91.4 kg. Glucose 149 mg/dL, fasting. The patient says "
    "that the medicine is taken each morning, and that the dose was changed in May. Blood pressure "
    "was 142 over 91 at rest; it had been lower before. Advice: less salt, more walking. ";

/* Text that differs from its beginning on, or that begins as all others of its
 * kind do. */
static void write_text(char *out, size_t size, size_t len, size_t from)
{
    assert_true(len < size);
    for (size_t i = 0; i < len; i++)
        out[i] = words[(from + i) % (sizeof(words) - 1)];
    out[len] = '\0';
}

static void make_asks(struct ask asks[N_ASKS], bool chat, uint32_t round)
{
    static const char *const stops[] = {"the", "\n", "e", "zzz"};

    memset(asks, 0, N_ASKS * sizeof(*asks));
    for (uint32_t i = 0; i < N_ASKS; i++) {
        struct ask *a = &asks[i];
        const uint32_t k = i + 5 * round;
        if (chat)
            write_text(a->system, sizeof(a->system), i % 3 ? 500 : 20, 0);
        /* Half of the texts without a chat begin alike. */
        write_text(a->prompt, sizeof(a->prompt), 10 + k * 37 % 150, i % 2 ? 0 : k * 17);
        orion_generate_params_init(&a->params);
        a->params.temperature = i % 3 == 0 ? 0.0f : 0.3f * (float)(i % 5);
        a->params.seed = k;
        a->params.max_tokens = 1 + k * 7 % 40;
        a->params.repeat_penalty = i % 4 == 1 ? 1.2f : 1.0f;
        a->params.frequency_penalty = i % 4 == 2 ? 0.5f : 0.0f;
        a->params.presence_penalty = i % 4 == 3 ? -0.4f : 0.0f;
        a->params.top_k = i % 5 == 4 ? 0 : 40;
        a->params.lookup = i % 6 == 5 ? 4 : ORION_LOOKUP_AUTO;
        a->stop[0] = stops[i % 4];
        a->n_stop = i % 5 == 3 ? 1 : 0;
        a->params.n_stop = a->n_stop;
        a->top_logprobs = i % 3 == 2 ? (int32_t)(i % 4) : ORION_NO_LOGPROBS;
    }
}

/* What makes the request of an ask; `messages` is the caller's room for them. */
static void make_request(struct ask *a, orion_message messages[2], struct outcome *o,
                         orion_request *r)
{
    orion_request_init(r);
    a->params.stop = a->stop;
    messages[0] = (orion_message){"system", a->system};
    messages[1] = (orion_message){"user", a->prompt};
    if (a->system[0]) {
        r->messages = messages;
        r->n_messages = 2;
    } else {
        r->prompt = a->prompt;
    }
    r->params = &a->params;
    r->top_logprobs = a->top_logprobs;
    r->on_piece = on_piece;
    r->on_done = on_done;
    r->user = o;
}

static int on_text(const char *text, size_t len, void *user)
{
    return add_text(user, text, len);
}

static void answer_alone(const orion_model *model, struct ask *a, struct outcome *o)
{
    orion_session_options options;
    orion_session *session;
    orion_message messages[2];
    orion_request r;

    orion_session_options_init(&options);
    options.threads = 1;
    make_request(a, messages, o, &r);
    assert_int_equal(orion_session_new(model, &options, &session, NULL), ORION_OK);
    if (r.n_messages > 0)
        o->status =
            orion_generate(session, messages, 2, &a->params, on_text, o, &o->stats, &o->err);
    else
        o->status = orion_generate_text(session, a->prompt, false, &a->params, on_text, o,
                                        &o->stats, &o->err);
    orion_session_free(session);
}

static void submit(orion_scheduler *scheduler, struct ask *a, struct outcome *o)
{
    orion_message messages[2];
    orion_request r;
    orion_error err;

    make_request(a, messages, o, &r);
    o->scheduler = scheduler;
    if (orion_scheduler_submit(scheduler, &r, &o->id, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

static void check_same(const struct outcome *alone, const struct outcome *among, const char *label)
{
    if (alone->status != among->status || strcmp(alone->text, among->text) != 0 ||
        alone->stats.finish != among->stats.finish ||
        alone->stats.output_tokens != among->stats.output_tokens ||
        alone->stats.prompt_tokens != among->stats.prompt_tokens)
        fail_msg("%s: '%s' (%d, %u tokens), alone '%s' (%d, %u tokens)", label, among->text,
                 (int)among->stats.finish, among->stats.output_tokens, alone->text,
                 (int)alone->stats.finish, alone->stats.output_tokens);
}

static struct ask asks[N_ASKS];
static struct outcome alone[N_ASKS], among[N_ASKS]; /* large: not on the stack */

static const orion_scheduler_options ways[] = {
    {.threads = 1, .sequences = 3, .batch_tokens = 40},
    {.threads = 2, .sequences = 16},
    {.threads = 1, .sequences = 16},
    {.threads = 2, .sequences = 16, .batch_tokens = 5},
    {.threads = 3, .sequences = 3, .batch_tokens = 40},
    {.threads = 3, .sequences = 16},
};
#if defined(__SANITIZE_THREAD__) /* which takes 20 times as long */
enum { N_WAYS = 2 };
#else
enum { N_WAYS = ORI_COUNT(ways) };
#endif

static void ask_at_once(orion_scheduler *scheduler, const char *path, size_t way, uint32_t round)
{
    char label[200];

    memset(among, 0, sizeof(among));
    for (uint32_t i = 0; i < N_ASKS; i++)
        submit(scheduler, &asks[i], &among[i]);
    for (uint32_t i = 0; i < N_ASKS; i++) {
        wait_for(&among[i]);
        (void)snprintf(label, sizeof(label), "%s, way %zu, round %u, request %u", path, way, round,
                       i);
        check_same(&alone[i], &among[i], label);
    }
}

/* All at once, several times into the same schedulers, so that later ones find what
 * earlier ones left in the caches. */
static void answers_at_once(const char *path, uint32_t rounds)
{
    orion_model *model = open_public(data_path(path));
    orion_scheduler *schedulers[N_WAYS];

    for (size_t way = 0; way < N_WAYS; way++)
        schedulers[way] = open_scheduler(model, ways[way]);
    for (uint32_t round = 0; round < rounds; round++) {
        make_asks(asks, strcmp(path, TINY_MODEL) == 0, round);
        memset(alone, 0, sizeof(alone));
        for (uint32_t i = 0; i < N_ASKS; i++)
            answer_alone(model, &asks[i], &alone[i]);
        for (size_t way = 0; way < N_WAYS; way++)
            ask_at_once(schedulers[way], path, way, round);
    }
    for (size_t way = 0; way < N_WAYS; way++)
        orion_scheduler_close(schedulers[way]);
    orion_model_close(model);
}

static void test_at_once(void **state)
{
    (void)state;
    answers_at_once(PLAIN_MODEL, 2);
    answers_at_once(WINDOW_MODEL, 3);
    answers_at_once(MIXED_MODEL, 2);
    answers_at_once(TINY_MODEL, 1);
}

/* ---- the logits themselves ---- */

/* A session that tells of its choices, which only the scheduler's callers can ask
 * for in public. */
static void choose_alone(const orion_model *model, struct ask *a, struct outcome *o)
{
    const struct ori_engine_options options = {.threads = 1};
    struct ori_session *session;
    struct ori_tokens tokens = {0};
    struct ori_choices choices;
    struct ori_generate how;

    a->params.stop = a->stop;
    assert_int_equal(ori_session_new(model->model, options, &session, NULL), ORION_OK);
    assert_int_equal(ori_api_take_params(&a->params, &how, NULL), ORION_OK);
    assert_int_equal(
        ori_text_tokens(model->model, a->prompt, strlen(a->prompt), false, &tokens, NULL),
        ORION_OK);
    ori_choices_init(&choices, &session->engine, (uint32_t)a->top_logprobs);
    how.choices = &choices;
    assert_int_equal(ori_generate_tokens(session, &tokens, false, &how, &o->stats, NULL), ORION_OK);
    add_choices(o, ori_choices_list(&choices), choices.count);
    ori_choices_release(&choices);
    ori_tokens_release(&tokens);
    ori_session_free(session);
}

/* Each token's probability and those of the 20 likeliest beside it have the bits that
 * they have alone: so do their logits.  Returns how many requests ended at a stop text. */
static uint32_t logits_at_once(const char *path)
{
    const orion_scheduler_options options = {.threads = 2, .sequences = 7, .batch_tokens = 24};
    orion_model *model = open_public(data_path(path));
    orion_scheduler *scheduler = open_scheduler(model, options);

    make_asks(asks, false, 3);
    uint32_t stopped = 0;
    memset(alone, 0, sizeof(alone));
    memset(among, 0, sizeof(among));
    for (uint32_t i = 0; i < N_ASKS; i++) {
        asks[i].top_logprobs = ORION_MAX_LOGPROBS;
        asks[i].stop[0] = "e"; /* met soon; the token that ends in it is told of, too */
        asks[i].stop[1] = "2";
        asks[i].params.n_stop = i % 2 * 2;
        submit(scheduler, &asks[i], &among[i]);
    }
    for (uint32_t i = 0; i < N_ASKS; i++) {
        wait_for(&among[i]);
        choose_alone(model, &asks[i], &alone[i]);
        stopped += among[i].stats.finish == ORION_FINISH_STOP;
        assert_int_equal(among[i].n_choices, among[i].stats.output_tokens);
        assert_int_equal(among[i].n_choices, alone[i].n_choices);
        if (among[i].digest != alone[i].digest)
            fail_msg("%s, request %u: other logits than alone", path, i);
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
    return stopped;
}

static void test_logits(void **state)
{
    (void)state;
    assert_true(logits_at_once(PLAIN_MODEL) > 0);
    assert_true(logits_at_once(WINDOW_MODEL) > 0);
    (void)logits_at_once(MIXED_MODEL);
}

/* ---- what prompts have in common ---- */

static char long_text[1200];

/* Eight at once with the same long beginning: one computes it, all others take its
 * whole blocks. */
static void beginnings_at_once(const char *path, uint32_t batch_tokens)
{
    enum { N = 8 };
    const orion_scheduler_options options = {
        .threads = 1, .sequences = N + 1, .batch_tokens = batch_tokens};
    orion_model *model = open_public(data_path(path));
    orion_scheduler *scheduler = open_scheduler(model, options);
    orion_scheduler_load load;
    char prompt[N][400];

    memset(among, 0, sizeof(among));
    shut_gate(scheduler, 3, &among[N]);
    for (uint32_t i = 0; i < N; i++) {
        write_text(long_text, sizeof(long_text), 200, 0);
        (void)snprintf(prompt[i], sizeof(prompt[i]), "%.300s%u", long_text, i);
        submit_text(scheduler, prompt[i], 8, &among[i]);
    }
    open_gate();
    for (uint32_t i = 0; i <= N; i++)
        wait_for(&among[i]);
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t blocks = (among[i].stats.prompt_tokens - 2) / ORI_PREFIX_BLOCK;
        assert_true(blocks >= 1);
        if (i > 0 && among[i].stats.cached_tokens != blocks * ORI_PREFIX_BLOCK)
            fail_msg("%s: request %u computed all but %u of %u tokens", path, i,
                     among[i].stats.cached_tokens, among[i].stats.prompt_tokens);
    }
    orion_scheduler_get_load(scheduler, &load);
    assert_int_equal(load.requests, N + 1);
    assert_int_equal(load.running + load.waiting, 0);
    assert_int_equal(load.output_tokens, N * 8 + 3);
    assert_true(load.cached_tokens > 0 && load.cached_tokens < load.prompt_tokens);
    assert_true(load.kv_bytes > 0 && load.buffer_bytes > 0);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void test_beginnings_at_once(void **state)
{
    (void)state;
    beginnings_at_once(PLAIN_MODEL, 256);
    beginnings_at_once(PLAIN_MODEL, 16);
    beginnings_at_once(WINDOW_MODEL, 256);
    beginnings_at_once(WINDOW_MODEL, 16);
    beginnings_at_once(MIXED_MODEL, 256);
    beginnings_at_once(MIXED_MODEL, 16);
}

static void ask_text(orion_scheduler *scheduler, const char *prompt, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    submit_text(scheduler, prompt, 5, o);
    wait_for(o);
    assert_int_equal(o->status, ORION_OK);
}

/* Two chats over one system prompt, in turns: each goes on where it was, and a third
 * that begins alike does not cost them their place. */
static void test_chats_keep_their_place(void **state)
{
    const orion_scheduler_options options = {.threads = 1, .sequences = 3};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = open_scheduler(model, options);
    char chats[3][400];
    struct outcome *const o = &among[0];

    (void)state;
    write_text(long_text, sizeof(long_text), ORI_PREFIX_BLOCK + 5, 0);
    for (uint32_t turn = 0; turn < 3; turn++)
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t before = 0;
            if (turn == 0) {
                before = (uint32_t)strlen(long_text);
                memcpy(chats[i], long_text, before);
                write_text(chats[i] + before, sizeof(chats[i]) - before, 90, 100 + 30 * i);
            } else {
                before = (uint32_t)strlen(chats[i]);
                (void)snprintf(chats[i] + before, sizeof(chats[i]) - before, " More.");
            }
            ask_text(scheduler, chats[i], o);
            const uint32_t cached = o->stats.cached_tokens;
            if (turn == 0 && i > 0 && cached != ORI_PREFIX_BLOCK)
                fail_msg("chat %u took %u tokens of the first", i, cached);
            /* The answer was not taken up into the text: all else is there. */
            if (turn > 0 && o->stats.prompt_tokens - cached > 10)
                fail_msg("chat %u, turn %u: %u of %u tokens were there", i, turn, cached,
                         o->stats.prompt_tokens);
        }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void wait_until_given_back(orion_scheduler *scheduler)
{
    orion_scheduler_load load;

    do {
        orion_scheduler_give_back(scheduler, 0);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        orion_scheduler_get_load(scheduler, &load);
    } while (load.kv_bytes > 0);
}

/* What nobody uses goes when it is asked back, and only if it is old enough; answers are
 * what they were. */
static void gives_back(const char *path)
{
    const orion_scheduler_options options = {.threads = 1, .sequences = 3};
    orion_model *model = open_public(data_path(path));
    orion_scheduler *scheduler = open_scheduler(model, options);
    orion_scheduler_load load;

    write_text(long_text, sizeof(long_text), 120, 7);
    orion_scheduler_give_back(scheduler, 0); /* there is nothing yet */
    ask_text(scheduler, long_text, &among[0]);
    orion_scheduler_give_back(scheduler, 3600);
    ask_text(scheduler, long_text, &among[1]);
    assert_true(among[1].stats.cached_tokens > 0);
    wait_until_given_back(scheduler);
    ask_text(scheduler, long_text, &among[2]);
    assert_int_equal(among[2].stats.cached_tokens, 0);
    for (uint32_t i = 1; i < 3; i++)
        assert_string_equal(among[i].text, among[0].text);
    orion_scheduler_get_load(scheduler, &load);
    assert_true(load.kv_bytes > 0);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void test_gives_back(void **state)
{
    (void)state;
    gives_back(PLAIN_MODEL);
    gives_back(WINDOW_MODEL); /* whose ring goes round */
}

/* What a request uses stays, also when all is asked back amid it. */
static void test_gives_back_beside_an_answer(void **state)
{
    const orion_scheduler_options options = {.threads = 1, .sequences = 2};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = open_scheduler(model, options);

    (void)state;
    write_text(long_text, sizeof(long_text), 120, 7);
    for (uint32_t i = 0; i < 2; i++) {
        memset(&among[i], 0, sizeof(among[i]));
        submit_text(scheduler, long_text, 40, &among[i]);
        orion_scheduler_give_back(scheduler, 0);
        wait_for(&among[i]);
        assert_int_equal(among[i].status, ORION_OK);
        wait_until_given_back(scheduler);
    }
    assert_string_equal(among[0].text, among[1].text);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

/* The one that all others wait for is stopped at every stage: they go on without. */
static void test_leader_is_cancelled(void **state)
{
    enum { N = 4 };
    const orion_scheduler_options options = {.threads = 1, .sequences = N, .batch_tokens = 8};
    orion_model *model = open_public(data_path(PLAIN_MODEL));
    orion_scheduler *scheduler = open_scheduler(model, options);
    uint32_t n_cancelled = 0;

    (void)state;
    for (uint32_t round = 0; round < 24; round++) {
        memset(among, 0, sizeof(among));
        write_text(long_text, sizeof(long_text), 200, round * 7 + 1);
        for (uint32_t i = 0; i < N; i++)
            submit_text(scheduler, long_text, 3, &among[i]);
        for (uint32_t i = 0; i < round; i++) /* some time goes by */
            orion_scheduler_cancel(scheduler, UINT64_MAX);
        for (uint32_t i = 0; i < 1 + round % (N - 1); i++)
            orion_scheduler_cancel(scheduler, among[i].id);
        for (uint32_t i = 0; i < N; i++)
            wait_for(&among[i]);
        for (uint32_t i = 0; i < N; i++) {
            n_cancelled += among[i].status == ORION_E_CANCELLED;
            if (among[i].status == ORION_OK)
                assert_string_equal(among[i].text, among[N - 1].text);
        }
        assert_int_equal(among[N - 1].status, ORION_OK);
        assert_int_equal(among[N - 1].stats.output_tokens, 3);
    }
    assert_true(n_cancelled > 0);
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

/* Requests at random, cancelled at random, in few sequences whose caches are handed
 * on: what is left in them never shows. */
static void walk(const char *path)
{
    const orion_scheduler_options options = {.threads = 2, .sequences = 5, .batch_tokens = 48};
    orion_model *model = open_public(data_path(path));
    orion_scheduler *scheduler = open_scheduler(model, options);

    for (uint32_t round = 0; round < 6; round++) {
        make_asks(asks, false, round);
        memset(alone, 0, sizeof(alone));
        memset(among, 0, sizeof(among));
        for (uint32_t i = 0; i < N_ASKS; i++)
            submit(scheduler, &asks[i], &among[i]);
        for (uint32_t i = 0; i < N_ASKS; i++)
            if ((i + round) % 3 == 0)
                orion_scheduler_cancel(scheduler, among[i].id);
        for (uint32_t i = 0; i < N_ASKS; i++) {
            wait_for(&among[i]);
            answer_alone(model, &asks[i], &alone[i]);
            if (among[i].status == ORION_OK)
                check_same(&alone[i], &among[i], path);
            else
                assert_memory_equal(alone[i].text, among[i].text, among[i].len);
        }
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void test_walk(void **state)
{
    (void)state;
    walk(PLAIN_MODEL);
    walk(WINDOW_MODEL);
    walk(MIXED_MODEL);
}

/* A prefix on disk is there for the next scheduler. */
static void test_prefix_on_disk(void **state)
{
    orion_prefix_cache_options cache_options;
    orion_prefix_cache *cache;
    orion_model *model = open_public(data_path(PLAIN_MODEL));

    (void)state;
    orion_prefix_cache_options_init(&cache_options);
    cache_options.dir = path_of("cache");
    write_text(long_text, sizeof(long_text), 200, 0);
    assert_int_equal(orion_prefix_cache_open(NULL, &cache_options, &cache, NULL), ORION_OK);
    const orion_scheduler_options options = {.threads = 1, .prefix_cache = cache};
    for (uint32_t i = 0; i < 2; i++) {
        orion_scheduler *scheduler = open_scheduler(model, options);
        ask_text(scheduler, long_text, &among[i]);
        orion_scheduler_close(scheduler);
    }
    assert_int_equal(among[0].stats.cached_tokens, 0);
    assert_true(among[1].stats.cached_tokens >= ORI_PREFIX_BLOCK);
    assert_string_equal(among[0].text, among[1].text);
    assert_int_equal(orion_prefix_cache_clear(cache, NULL), ORION_OK);
    orion_prefix_cache_close(cache);
    (void)rmdir(path_of("cache/prefixes"));
    assert_int_equal(rmdir(path_of("cache")), 0);
    orion_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_beginnings_at_once),
        cmocka_unit_test(test_chats_keep_their_place),
        cmocka_unit_test(test_leader_is_cancelled),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_gives_back),
        cmocka_unit_test(test_gives_back_beside_an_answer),
        cmocka_unit_test(test_prefix_on_disk),
    };
    return cmocka_run_group_tests_name("scheduler", tests, make_folder, remove_folder);
}
