/* Requests and answers of endpoints as text, and how a server is found; what goes over
 * sockets is in tests/cli/remote_test.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "remote/announce.h"
#include "remote/body.h"
#include "remote/delta.h"
#include "remote/sse.h"
#include "scratch.h"

/* ---- events ---- */

/* All events, each with a '|' behind it. */
static orion_status note(void *self, const char *data, size_t len, orion_error *err)
{
    (void)err;
    (void)ori_buf_add(self, data, len);
    return ori_buf_adds(self, "|");
}

static void events_end_at_empty_lines(void **state)
{
    static const struct {
        const char *label, *stream, *events;
    } rows[] = {
        {"one", "data: a\n\n", "a|"},
        {"without the space", "data:a\n\n", "a|"},
        {"only one space is taken", "data:  a\n\n", " a|"},
        {"CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", "a|b|"},
        {"CR alone", "data: a\r\rdata: b\r\r", "a|b|"},
        {"several lines", "data: a\ndata: b\n\n", "a\nb|"},
        {"comments and other fields", ": x\nid: 1\nevent: y\nretry: 3\ndata: a\n\n", "a|"},
        {"no data", "event: y\n\n\n\n", ""},
        {"a field of a longer name", "database: a\n\n", ""},
        {"empty data", "data:\n\n", "|"},
        {"no end", "data: a\n", ""},
        {"nothing", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++)
        for (size_t piece = 1; piece <= 4; piece++) {
            struct ori_buf seen;
            struct ori_sse sse;
            ori_buf_init(&seen, 1000);
            ori_sse_init(&sse, note, &seen);
            const char *at = rows[i].stream;
            for (size_t n; (n = strnlen(at, piece)) > 0; at += n)
                assert_int_equal(ori_sse_feed(&sse, at, n, NULL), ORION_OK);
            if (strcmp(ori_buf_text(&seen), rows[i].events) != 0)
                fail_msg("%s: '%s'", rows[i].label, ori_buf_text(&seen));
            ori_sse_release(&sse);
            ori_buf_release(&seen);
        }
}

/* ---- pieces ---- */

static void events_are_pieces(void **state)
{
    static const struct {
        const char *data, *text;
        bool ended;
        orion_finish finish;
        uint32_t prompt, cached, output;
    } rows[] = {
        {"{\"choices\":[{\"delta\":{\"content\":\"h\\u00e9\"}}]}", "hé", false, 0, 0, 0, 0},
        {"{\"choices\":[{\"text\":\"t\",\"finish_reason\":null}]}", "t", false, 0, 0, 0, 0},
        {"{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", "", false, 0, 0, 0, 0},
        {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", "", true, 0, 0, 0, 0},
        {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}", "", true,
         ORION_FINISH_LENGTH, 0, 0, 0},
        {"{\"error\":null,\"choices\":[]}", "", false, 0, 0, 0, 0},
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,"
         "\"prompt_tokens_details\":{\"cached_tokens\":3}}}",
         "", false, 0, 9, 3, 4},
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":-9,\"completion_tokens\":1e9,"
         "\"prompt_tokens_details\":{\"cached_tokens\":3}}}",
         "", false, 0, 0, 0, 0},
    };
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"choices\":{}}",
                                        "{\"error\":\"no\"}",
                                        "{\"error\":{}}",
                                        "nul",
                                        "{\"choices\":[],\"choices\":[]}",
                                        "{\"choices\":[{\"text\":\"\\u0000\"}]}"};
    struct ori_delta delta;
    orion_error err;

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        const char *data = rows[i].data;
        assert_int_equal(ori_delta_read(data, strlen(data), &delta, &err), ORION_OK);
        assert_string_equal(delta.text, rows[i].text);
        assert_int_equal(delta.ended, rows[i].ended);
        assert_int_equal(delta.finish, rows[i].finish);
        assert_int_equal(delta.prompt_tokens, rows[i].prompt);
        assert_int_equal(delta.cached_tokens, rows[i].cached);
        assert_int_equal(delta.output_tokens, rows[i].output);
        assert_false(delta.last);
        ori_delta_release(&delta);
    }
    for (size_t i = 0; i < ORI_COUNT(wrong); i++) {
        assert_int_equal(ori_delta_read(wrong[i], strlen(wrong[i]), &delta, &err), ORION_E_NETWORK);
        assert_null(delta.json);
    }
    assert_int_equal(ori_delta_read("[DONE]", 6, &delta, &err), ORION_OK);
    assert_true(delta.last);
}

/* ---- requests ---- */

static char *body_of(const orion_request *request, bool extended, orion_status *status)
{
    struct ori_buf out;
    orion_error err = {.message = ""};

    ori_buf_init(&out, 1u << 20);
    *status = ori_body_write(request, "m", extended, &out, &err);
    assert_int_equal(*status == ORION_OK, !err.message[0]);
    char *text = ori_buf_take(&out);
    ori_buf_release(&out);
    return text;
}

static void requests_are_json(void **state)
{
    orion_generate_params params;
    const char *const stop[] = {"x\"y"};
    orion_request request = {.prompt = "p", .params = &params, .top_logprobs = ORION_NO_LOGPROBS};
    orion_status status;

    (void)state;
    orion_generate_params_init(&params);
    params.temperature = 0.5F;
    params.top_p = 0.25F;
    params.min_p = 0.125F;
    params.seed = 3;
    char *text = body_of(&request, false, &status);
    assert_string_equal(text, "{\"model\":\"m\",\"prompt\":\"p\",\"stream\":true,"
                              "\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,"
                              "\"top_p\":0.25,\"seed\":3}");
    free(text);
    params.stop = stop;
    params.n_stop = 1;
    params.presence_penalty = 1;
    text = body_of(&request, true, &status);
    assert_string_equal(text, "{\"model\":\"m\",\"prompt\":\"p\",\"stream\":true,"
                              "\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,"
                              "\"top_p\":0.25,\"seed\":3,\"stop\":[\"x\\\"y\"],"
                              "\"presence_penalty\":1.0,\"max_tokens\":4294967295,\"top_k\":40,"
                              "\"min_p\":0.125,\"repeat_penalty\":1.0}");
    free(text);
}

static void what_has_no_words_is_refused(void **state)
{
    orion_generate_params params;
    orion_request request = {.prompt = "p", .params = &params, .top_logprobs = ORION_NO_LOGPROBS};
    orion_status status;

    (void)state;
#define REFUSED(extended, expected)                                                                \
    do {                                                                                           \
        free(body_of(&request, extended, &status));                                                \
        assert_int_equal(status, expected);                                                        \
        orion_generate_params_init(&params);                                                       \
    } while (0)
    orion_generate_params_init(&params);
    params.lookup = 3;
    REFUSED(true, ORION_E_UNSUPPORTED);
    params.lookup = 3; /* changes no answer, and a remote does not know of it */
    REFUSED(false, ORION_OK);
    params.repeat_last_tokens = 5;
    REFUSED(true, ORION_E_UNSUPPORTED);
    params.seed = UINT64_MAX;
    REFUSED(true, ORION_E_UNSUPPORTED);
    params.temperature = NAN;
    REFUSED(false, ORION_E_ARGUMENT);
    request.parse_special = true;
    REFUSED(true, ORION_E_UNSUPPORTED);
    request.parse_special = false;
    request.top_logprobs = 0;
    REFUSED(true, ORION_E_UNSUPPORTED);
    request.top_logprobs = ORION_NO_LOGPROBS;
    request.prompt = "\xff";
    REFUSED(true, ORION_E_ARGUMENT);
#undef REFUSED
}

/* ---- announcements ---- */

static void a_server_is_found_while_it_lives(void **state)
{
    struct ori_announcement *first, *second;
    struct ori_announced found;
    orion_error err;

    (void)state;
    assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
    assert_int_equal(ori_announced_find(&found, &err), ORION_E_NOT_FOUND);
    write_file(path_of("token"), "  secret \n", 10);
    assert_int_equal(chmod(path_of("token"), 0600), 0);
    assert_int_equal(ori_announce("http://127.0.0.1:7", path_of("token"), &first, &err), ORION_OK);
    assert_int_equal(ori_announce("http://127.0.0.1:8", NULL, &second, &err), ORION_E_BUSY);
    assert_null(second);
    assert_int_equal(ori_announced_find(&found, &err), ORION_OK);
    assert_string_equal(found.url, "http://127.0.0.1:7");
    assert_string_equal(found.token, "secret");
    assert_int_equal(found.pid, getpid());
    ori_announced_release(&found);
    assert_int_equal(chmod(path_of("token"), 0644), 0);
    assert_int_equal(ori_announced_find(&found, &err), ORION_E_DENIED);
    assert_null(found.url);
    ori_announce_end(first);
    assert_int_equal(ori_announced_find(&found, &err), ORION_E_NOT_FOUND);
    write_file(path_of("orion/serve.json"), "{\"url\":\"http://127.0.0.1:9\"}", 28);
    assert_int_equal(ori_announced_find(&found, &err), ORION_E_NOT_FOUND); /* no one holds it */
    assert_int_equal(unlink(path_of("orion/serve.json")) | unlink(path_of("token")) |
                         rmdir(path_of("orion")),
                     0);
    ori_announce_end(NULL);
}

/* ---- the public half ---- */

static void arguments_are_checked(void **state)
{
    orion_manager_options options;
    orion_manager *manager;
    orion_endpoint *endpoint;
    orion_remote_list *remotes;
    bool remote = true;
    orion_error err;

    (void)state;
    orion_manager_options_init(&options);
    options.models_dir = path_of("models");
    options.config_file = "";
    assert_int_equal(orion_manager_open(&options, &manager, NULL), ORION_OK);
    assert_int_equal(orion_manager_choose(manager, NULL, &remote, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_choose(manager, "x", &remote, &err), ORION_OK);
    assert_false(remote);
    assert_int_equal(orion_manager_remotes(manager, &remotes, &err), ORION_OK);
    assert_int_equal(remotes->count, 0);
    assert_int_equal(remotes->strategy, ORION_LOCAL_ONLY);
    orion_remote_list_free(remotes);
    assert_int_equal(orion_endpoint_open_remote(manager, "x", &endpoint, &err), ORION_E_NOT_FOUND);
    assert_null(endpoint);
    assert_int_equal(orion_endpoint_open_server(manager, "http://192.0.2.1", &endpoint, &err),
                     ORION_E_DENIED);
    assert_int_equal(orion_endpoint_open_server(manager, "http://127.0.0.1:1", &endpoint, &err),
                     ORION_OK);
    assert_false(orion_endpoint_is_remote(endpoint));
    assert_int_equal(orion_endpoint_submit(endpoint, "m", NULL, NULL, &err), ORION_E_ARGUMENT);
    orion_request request = {0};
    assert_int_equal(orion_endpoint_submit(endpoint, "m", &request, NULL, &err), ORION_E_ARGUMENT);
    orion_endpoint_cancel(endpoint, 1);
    orion_endpoint_close(endpoint);
    orion_endpoint_close(NULL);
    orion_remote_list_free(NULL);
    orion_loaded_list_free(NULL);
    orion_server_withdraw(NULL);
    orion_manager_close(manager);
    (void)rmdir(path_of("models/.partial"));
    (void)rmdir(path_of("models/.lock"));
    assert_int_equal(rmdir(path_of("models")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_end_at_empty_lines),
        cmocka_unit_test(events_are_pieces),
        cmocka_unit_test(requests_are_json),
        cmocka_unit_test(what_has_no_words_is_refused),
        cmocka_unit_test(a_server_is_found_while_it_lives),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
