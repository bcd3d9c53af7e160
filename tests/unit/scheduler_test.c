/* The scheduler: answers of many requests at once are those of a session alone,
 * bit by bit; order, cancelling, limits, and what goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "model_file.h"

#include <orion.h>

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define PLAIN_MODEL "golden/llama-gqa.gguf"
#define TINY_MODEL "../models/orion-tiny.gguf"

static orion_model *open_public(const char *path)
{
    orion_model *model;
    orion_error err;

    if (orion_model_open(data_path(path), NULL, &model, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return model;
}

static orion_scheduler *open_scheduler(const orion_model *model, orion_scheduler_options options)
{
    orion_scheduler *scheduler;
    orion_error err;

    options.size = sizeof(options);
    if (orion_scheduler_open(model, &options, &scheduler, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return scheduler;
}

/* ---- an answer, as it comes ---- */

struct outcome {
    orion_scheduler *scheduler;
    uint64_t id;
    char text[1 << 13];
    size_t len, calls;
    size_t quit_at;   /* the piece at which the callback asks to stop; 0: never */
    size_t cancel_at; /* at which another thread does */
    size_t n_choices;
    double logprob; /* the sum of those chosen */
    orion_status status;
    orion_stats stats;
    orion_error err;
    size_t done; /* calls of on_done() */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static void *cancel_it(void *arg)
{
    const struct outcome *o = arg;
    orion_scheduler_cancel(o->scheduler, o->id);
    return NULL;
}

static int add_text(struct outcome *o, const char *text, size_t len)
{
    assert_true(o->len + len < sizeof(o->text));
    assert_int_equal(text[len], 0);
    memcpy(o->text + o->len, text, len);
    o->len += len;
    o->text[o->len] = '\0';
    if (++o->calls == o->cancel_at) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, cancel_it, o), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    return o->calls == o->quit_at;
}

static int on_text(const char *text, size_t len, void *user)
{
    return add_text(user, text, len);
}

static int on_piece(const orion_answer_piece *piece, void *user)
{
    struct outcome *o = user;

    o->n_choices += piece->n_choices;
    for (size_t i = 0; i < piece->n_choices; i++)
        o->logprob += (double)piece->choices[i].chosen.logprob;
    return add_text(o, piece->text, piece->text_bytes);
}

static void on_done(orion_status status, const orion_stats *stats, const orion_error *err,
                    void *user)
{
    struct outcome *o = user;

    pthread_mutex_lock(&lock);
    o->status = status;
    o->stats = *stats;
    o->err = *err;
    o->done++;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const struct outcome *o)
{
    pthread_mutex_lock(&lock);
    while (o->done == 0)
        pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(o->done, 1);
}

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

static void make_asks(struct ask asks[N_ASKS], bool chat, bool longer, uint32_t round)
{
    static const char *const stops[] = {"the", "\n", "e", "zzz"};

    memset(asks, 0, N_ASKS * sizeof(*asks));
    for (uint32_t i = 0; i < N_ASKS; i++) {
        struct ask *a = &asks[i];
        const uint32_t k = i + 5 * round;
        if (chat)
            write_text(a->system, sizeof(a->system), i % 3 ? 500 : 20, 0);
        /* Half of the texts without a chat begin alike. */
        write_text(a->prompt, sizeof(a->prompt), longer ? 40 + k * 53 % 700 : 10 + k * 37 % 150,
                   i % 2 ? 0 : k * 17);
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

static void answer_alone(const orion_model *model, uint32_t context, struct ask *a,
                         struct outcome *o)
{
    orion_session_options options;
    orion_session *session;
    orion_message messages[2];
    orion_request r;

    orion_session_options_init(&options);
    options.context_tokens = context;
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

/* All at once, `rounds` times into the same scheduler, so that later ones find what
 * earlier ones left in the caches. */
static void answers_at_once(const char *path, orion_scheduler_options options, bool longer,
                            uint32_t rounds)
{
    orion_model *model = open_public(path);
    orion_scheduler *scheduler = open_scheduler(model, options);
    const bool chat = strcmp(path, TINY_MODEL) == 0;
    char label[200];

    for (uint32_t round = 0; round < rounds; round++) {
        make_asks(asks, chat, longer, round);
        memset(alone, 0, sizeof(alone));
        memset(among, 0, sizeof(among));
        for (uint32_t i = 0; i < N_ASKS; i++)
            submit(scheduler, &asks[i], &among[i]);
        for (uint32_t i = 0; i < N_ASKS; i++) {
            wait_for(&among[i]);
            answer_alone(model, options.context_tokens, &asks[i], &alone[i]);
            (void)snprintf(label, sizeof(label), "%s, %u threads, round %u, request %u", path,
                           options.threads, round, i);
            check_same(&alone[i], &among[i], label);
        }
    }
    orion_scheduler_close(scheduler);
    orion_model_close(model);
}

static void test_at_once(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        const orion_scheduler_options few = {
            .threads = threads, .sequences = 3, .batch_tokens = 40};
        const orion_scheduler_options many = {.threads = threads, .sequences = 16};
        const orion_scheduler_options full = {
            .threads = threads, .sequences = 16, .batch_tokens = 5};
        answers_at_once(PLAIN_MODEL, few, false, 2);
        answers_at_once(PLAIN_MODEL, many, false, 2);
        answers_at_once(PLAIN_MODEL, full, false, 1);
        answers_at_once(WINDOW_MODEL, few, false, 3);
        answers_at_once(WINDOW_MODEL, many, false, 3);
        answers_at_once(WINDOW_MODEL, full, false, 1);
        answers_at_once(TINY_MODEL, few, true, 1);
        answers_at_once(TINY_MODEL, many, true, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
    };
    return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
