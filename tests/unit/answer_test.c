/* One answer: who ends the request, when, and that all is freed, in each order
 * that the handler, the scheduler and the client can come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_http.h"
#include "server/answer.h"

/* ---- a model whose scheduler is the test ---- */

struct loaded_model {
    orion_status submit_status;
    orion_request request;
    uint64_t cancelled; /* the id that was */
    int released;
    const char *remote;
    void (*during_submit)(struct loaded_model *model);
};

#define ID 7

static struct loaded_model model;
static struct http_request http;

orion_status loaded_submit(const struct loaded_model *m, const orion_request *request, uint64_t *id,
                           orion_error *err)
{
    (void)m;
    if (model.submit_status != ORION_OK) {
        *err = (orion_error){.status = model.submit_status, .message = "no"};
        return model.submit_status;
    }
    model.request = *request;
    if (model.during_submit)
        model.during_submit(&model);
    *id = ID;
    return ORION_OK;
}

void loaded_cancel(const struct loaded_model *m, uint64_t id)
{
    (void)m;
    model.cancelled = id;
}

const char *loaded_remote(const struct loaded_model *m)
{
    return m->remote;
}

void loaded_release(struct loaded_model *m)
{
    m->released++;
}

static int say(const char *text)
{
    const orion_answer_piece piece = {.text = text, .text_bytes = strlen(text)};
    return model.request.on_piece(&piece, model.request.user);
}

static void done(orion_status status)
{
    const orion_stats stats = {.output_tokens = 2};
    const orion_error err = {.status = status, .message = "went wrong"};
    model.request.on_done(status, &stats, &err, model.request.user);
}

/* ---- a family that writes plainly ---- */

struct state {
    int pieces, freed;
    bool refuses;
};

static struct state shape_state;

static bool piece_of(void *user, struct http_stream *stream, const orion_answer_piece *piece)
{
    struct state *s = user;
    s->pieces++;
    if (s->refuses)
        return false;
    return !stream || http_stream_write(stream, piece->text, piece->text_bytes);
}

static void end_of(void *user, struct http_stream *stream, const orion_stats *stats)
{
    (void)user;
    assert_int_equal(stats->output_tokens, 2);
    (void)http_stream_write(stream, ".", 1);
}

static void fail_of(void *user, struct http_stream *stream, const orion_error *err)
{
    (void)user;
    (void)err;
    (void)http_stream_write(stream, "!", 1);
}

static json_t *whole_of(void *user, const struct answer_whole *whole, const orion_stats *stats)
{
    (void)user;
    assert_int_equal(stats->output_tokens, 2);
    return json_stringn(whole->text, whole->text_bytes);
}

static void free_of(void *user)
{
    ((struct state *)user)->freed++;
}

static const struct answer_shape shape = {"text/plain", piece_of, end_of,
                                          fail_of,      whole_of, free_of};

static void prepare(void)
{
    json_decref(http.json);
    http = (struct http_request){0};
    model = (struct loaded_model){0};
    shape_state = (struct state){0};
}

static void ask(bool stream)
{
    const struct answer_job job = {&http, &model, &shape, &shape_state, stream};
    orion_request request = {.size = sizeof(request)};
    answer_start(&job, &request);
}

static void assert_over(int code)
{
    assert_int_equal(http.replies, 1);
    assert_int_equal(http.code, code);
    assert_int_equal(model.released, 1);
    assert_int_equal(shape_state.freed, 1);
}

/* ---- */

static void test_whole(void **state)
{
    (void)state;
    prepare();
    ask(false);
    assert_int_equal(say("one "), 0);
    assert_int_equal(say(""), 0);
    assert_int_equal(say("two"), 0);
    assert_int_equal(http.replies + model.released, 0);
    done(ORION_OK);
    assert_over(200);
    assert_string_equal(json_string_value(http.json), "one two");
    assert_int_equal(shape_state.pieces, 3);
}

static void test_whole_of_nothing(void **state)
{
    (void)state;
    prepare();
    ask(false);
    done(ORION_OK);
    assert_over(200);
    assert_string_equal(json_string_value(http.json), "");
}

static void test_stream(void **state)
{
    (void)state;
    prepare();
    ask(true);
    assert_int_equal(http.replies, 0); /* begins with the first piece */
    assert_int_equal(say("one "), 0);
    assert_string_equal(http.type, "text/plain");
    assert_int_equal(say("two"), 0);
    done(ORION_OK);
    assert_over(200);
    assert_string_equal(http.stream.bytes, "one two.");
    assert_true(http.stream.ended);
}

static void test_remote_is_told(void **state)
{
    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        prepare();
        ask(stream);
        done(ORION_OK);
        assert_string_equal(http.remote, "");
        prepare();
        model.remote = "https://far.example/v1";
        ask(stream);
        done(ORION_OK);
        assert_string_equal(http.remote, "https://far.example/v1");
    }
}

static void test_stream_of_nothing(void **state)
{
    (void)state;
    prepare();
    ask(true);
    done(ORION_OK);
    assert_over(200);
    assert_string_equal(http.stream.bytes, ".");
}

static void test_stream_fails_before_it_begins(void **state)
{
    (void)state;
    prepare();
    ask(true);
    done(ORION_E_IO);
    assert_over(500);
    assert_string_equal(http.message, "went wrong");
}

static void test_stream_fails_later(void **state)
{
    (void)state;
    prepare();
    ask(true);
    (void)say("one");
    done(ORION_E_IO);
    assert_over(200);
    assert_string_equal(http.stream.bytes, "one!");
    assert_true(http.stream.ended);
}

static void test_stream_that_cannot_begin(void **state)
{
    (void)state;
    prepare();
    http.no_memory = true;
    ask(true);
    assert_int_not_equal(say("one"), 0);
    done(ORION_E_CANCELLED);
    assert_over(500);
}

static void test_reader_that_falls_behind(void **state)
{
    (void)state;
    prepare();
    http.stream.room = 4;
    ask(true);
    assert_int_equal(say("one"), 0);
    assert_int_not_equal(say("two"), 0);
    done(ORION_E_CANCELLED);
    assert_over(200);
}

static void test_refused(void **state)
{
    static const struct {
        orion_status status;
        int code;
        const char *retry_after;
    } cases[] = {
        {ORION_E_BUSY, 503, "1"}, {ORION_E_TOO_LONG, 500, ""}, {ORION_E_UNSUPPORTED, 500, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        prepare();
        model.submit_status = cases[i].status;
        ask(i % 2 == 0);
        assert_over(cases[i].code);
        assert_int_equal(http.status, cases[i].status);
        assert_string_equal(http.retry_after, cases[i].retry_after);
    }
}

static void finish_during_submit(struct loaded_model *m)
{
    (void)m;
    (void)say("quick");
    done(ORION_OK);
    assert_int_equal(m->released, 0); /* the handler still holds it */
}

static void test_answer_is_faster_than_submit(void **state)
{
    (void)state;
    prepare();
    model.during_submit = finish_during_submit;
    ask(true);
    assert_over(200);
    assert_string_equal(http.stream.bytes, "quick.");
}

static void test_client_goes(void **state)
{
    (void)state;
    prepare();
    ask(true);
    (void)say("one");
    fake_go(&http);
    assert_int_equal(model.cancelled, ID);
    assert_int_not_equal(say("two"), 0);
    done(ORION_E_CANCELLED);
    assert_over(200);
    assert_null(strstr(http.stream.bytes, "two"));
}

static void go_during_submit(struct loaded_model *m)
{
    (void)m;
    fake_go(&http);
    assert_int_equal(m->cancelled, 0); /* there is no id yet */
}

static void test_client_goes_before_the_id_is_known(void **state)
{
    (void)state;
    prepare();
    model.during_submit = go_during_submit;
    ask(false);
    assert_int_equal(model.cancelled, ID);
    done(ORION_E_CANCELLED);
    assert_over(503);
}

static void test_whole_answer_is_bounded(void **state)
{
    static char block[1 << 20];

    (void)state;
    prepare();
    ask(false);
    memset(block, 'x', sizeof(block) - 1);
    int stopped = 0;
    for (size_t i = 0; i <= ANSWER_MAX_BYTES / (sizeof(block) - 1) && !stopped; i++)
        stopped = say(block);
    assert_int_not_equal(stopped, 0);
    done(ORION_E_CANCELLED);
    assert_int_equal(http.status, ORION_E_UNSUPPORTED);
    assert_non_null(strstr(http.message, "too long"));
    assert_over(500);
}

static void test_state_refuses(void **state)
{
    (void)state;
    prepare();
    ask(false);
    shape_state.refuses = true;
    assert_int_not_equal(say("one"), 0);
    done(ORION_E_CANCELLED);
    assert_over(500);
}

static int clean_up(void **state)
{
    (void)state;
    json_decref(http.json);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_whole_of_nothing),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_remote_is_told),
        cmocka_unit_test(test_stream_of_nothing),
        cmocka_unit_test(test_stream_fails_before_it_begins),
        cmocka_unit_test(test_stream_fails_later),
        cmocka_unit_test(test_stream_that_cannot_begin),
        cmocka_unit_test(test_reader_that_falls_behind),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_answer_is_faster_than_submit),
        cmocka_unit_test(test_client_goes),
        cmocka_unit_test(test_client_goes_before_the_id_is_known),
        cmocka_unit_test(test_whole_answer_is_bounded),
        cmocka_unit_test(test_state_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
