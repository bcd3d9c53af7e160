/* Models in memory, over a machine and models that the test makes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_engine.h"
#include "scratch.h"
#include "server/loaded.h"

static struct fake *const a = &fakes[0], *const b = &fakes[1], *const c = &fakes[2];

static struct loaded *loaded;

static void begin(int64_t keep_alive_s)
{
    static const char *const ids[N_FAKES] = {"a.gguf", "b.gguf", "c.gguf"};
    const struct loaded_options options = {.sequences = 4, .keep_alive_s = keep_alive_s};
    orion_error err;

    for (size_t i = 0; i < N_FAKES; i++) {
        fakes[i] = (struct fake){
            .id = ids[i], .weights_bytes = 100 * MIB, .kv_bytes = 10 * MIB, .trained_tokens = 8192};
        (void)snprintf(fakes[i].path, sizeof(fakes[i].path), "%s", path_of(ids[i]));
        write_file(fakes[i].path, ids[i], strlen(ids[i]));
    }
    machine_bytes = 1024 * MIB;
    available_bytes = 1000 * MIB;
    assert_int_equal(loaded_new(NULL, &options, &loaded, &err), ORION_OK);
}

static void end(void)
{
    loaded_free(loaded);
    for (size_t i = 0; i < N_FAKES; i++) {
        assert_int_equal(fakes[i].opened, fakes[i].closed);
        (void)unlink(fakes[i].path);
    }
}

static struct loaded_model *hold(const char *name)
{
    struct loaded_model *model;
    orion_error err = {0};

    if (loaded_acquire(loaded, name, NULL, &model, &err) != ORION_OK)
        fail_msg("%s: %s", name, err.message);
    return model;
}

static void use(const char *name)
{
    loaded_release(hold(name));
}

static orion_status refused(const char *name, orion_error *err)
{
    struct loaded_model *model;
    const orion_status status = loaded_acquire(loaded, name, NULL, &model, err);
    assert_null(model);
    return status;
}

/* ---- names ---- */

static void test_opened_once(void **state)
{
    (void)state;
    begin(-1);
    struct loaded_model *first = hold("a"), *second = hold("a.gguf");
    assert_ptr_equal(first, second);
    assert_int_equal(a->opened, 1);
    assert_string_equal(loaded_id(first), "a.gguf");
    assert_int_equal(loaded_context(first), 4096);
    loaded_release(first);
    loaded_release(second);
    loaded_release(NULL);
    end();
}

/* What is said of a name, without the name. */
static const char *said_of(const char *name, char out[sizeof(((orion_error *)NULL)->message)])
{
    orion_error err;

    assert_int_equal(refused(name, &err), ORION_E_NOT_FOUND);
    const char *at = strstr(err.message, name);
    assert_non_null(at);
    (void)snprintf(out, sizeof(err.message), "%.*s*%s", (int)(at - err.message), err.message,
                   at + strlen(name));
    return out;
}

/* What is elsewhere on this machine is as absent as what is nowhere. */
static void test_absent(void **state)
{
    char nowhere[512], elsewhere[512], outside[512];

    (void)state;
    begin(-1);
    assert_string_equal(said_of("nothing", nowhere), said_of("/etc/hosts", elsewhere));
    assert_string_equal(nowhere, said_of("/no/such/file", outside));
    assert_non_null(strstr(nowhere, "model '*' not found"));
    end();
}

static void test_replaced_file(void **state)
{
    (void)state;
    begin(-1);
    use("a");
    write_file(a->path, "another", 7);
    use("a");
    assert_int_equal(a->opened, 2);
    assert_int_equal(a->closed, 1);
    end();
}

static void test_opening_fails(void **state)
{
    orion_error err;

    (void)state;
    begin(-1);
    a->open_status = ORION_E_FORMAT;
    assert_int_equal(refused("a", &err), ORION_E_FORMAT);
    assert_string_equal(err.message, "it is broken");
    a->open_status = ORION_OK;
    use("a");
    end();
}

/* ---- memory ---- */

static void test_least_recently_used_goes(void **state)
{
    (void)state;
    begin(-1);
    available_bytes = 300 * MIB; /* of 110 at least for each */
    struct loaded_model *held = hold("a");
    use("b");
    loaded_release(held);
    use("c");
    assert_int_equal(b->closed, 1);
    assert_int_equal(a->closed, 0);
    end();
}

static void test_nothing_goes_in_vain(void **state)
{
    orion_error err;

    (void)state;
    begin(-1);
    use("a");
    c->weights_bytes = 2000 * MIB;
    assert_int_equal(refused("c", &err), ORION_E_NOMEM);
    assert_non_null(strstr(err.message, "1.96 GiB"));
    assert_non_null(strstr(err.message, "0.98 GiB"));
    assert_int_equal(a->closed, 0);
    end();
}

static void test_used_ones_stay(void **state)
{
    orion_error err;

    (void)state;
    begin(-1);
    available_bytes = 150 * MIB;
    struct loaded_model *held = hold("a");
    assert_int_equal(refused("b", &err), ORION_E_BUSY);
    loaded_release(held);
    use("b");
    assert_int_equal(a->closed, 1);
    end();
}

static void test_fewer_sequences_for_little_room(void **state)
{
    static const struct {
        unsigned long long available_mib;
        uint32_t sequences;
    } cases[] = {{1000, 4}, {140, 4}, {139, 3}, {110, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(-1);
        available_bytes = cases[i].available_mib * MIB;
        use("a");
        assert_int_equal(a->sequences, cases[i].sequences);
        end();
    }
}

static void test_short_memory(void **state)
{
    (void)state;
    begin(-1);
    struct loaded_model *held = hold("a");
    use("b");
    available_bytes = 60 * MIB; /* of 1024: less than a sixteenth */
    use("b");
    assert_true(wait_closed(b, 1));
    assert_int_equal(a->closed, 0); /* in use */
    loaded_release(held);
    assert_true(wait_closed(a, 1));
    end();
}

/* What is held of conversations goes before any model. */
static void test_conversations_go_first(void **state)
{
    (void)state;
    begin(-1);
    use("a");
    use("b");
    a->held_bytes = 500 * MIB;
    available_bytes = 60 * MIB;
    use("b"); /* the keeper looks around */
    assert_true(wait_count(&a->gave_back, 1));
    assert_int_equal(available_bytes, 560 * MIB);
    use("b");
    assert_int_equal(a->opened + b->opened, 2);
    available_bytes = 60 * MIB;
    use("b");
    assert_true(wait_closed(a, 1));
    assert_true(wait_closed(b, 1));
    end();
}

static void test_memory_unknown(void **state)
{
    (void)state;
    begin(-1);
    available_bytes = 0;
    use("a");
    assert_int_equal(a->sequences, 4);
    end();
}

/* ---- when it goes ---- */

static void test_keep_alive(void **state)
{
    const struct loaded_wish at_once = {.keep_alive_given = true, .keep_alive_s = 0};
    const struct loaded_wish for_ever = {.keep_alive_given = true, .keep_alive_s = -1};
    struct loaded_model *model;

    (void)state;
    begin(1);
    assert_int_equal(loaded_acquire(loaded, "a", &at_once, &model, NULL), ORION_OK);
    loaded_release(model);
    assert_true(wait_closed(a, 1));
    assert_int_equal(loaded_acquire(loaded, "c", &for_ever, &model, NULL), ORION_OK);
    loaded_release(model);
    use("b");
    assert_true(wait_closed(b, 1)); /* after its second */
    assert_int_equal(c->closed, 0);
    end();
}

static void test_unload(void **state)
{
    orion_error err;

    (void)state;
    begin(-1);
    assert_int_equal(loaded_unload(loaded, "a", &err), ORION_E_NOT_FOUND);
    struct loaded_model *held = hold("a");
    assert_int_equal(loaded_unload(loaded, "a", &err), ORION_OK);
    assert_int_equal(a->closed, 0);
    loaded_release(held);
    assert_true(wait_closed(a, 1));
    end();
}

static void test_unload_of_what_is_wanted_again(void **state)
{
    struct loaded_facts *facts;
    size_t n;

    (void)state;
    begin(-1);
    struct loaded_model *held = hold("a");
    assert_int_equal(loaded_unload(loaded, "a", NULL), ORION_OK);
    assert_ptr_equal(hold("a"), held);
    loaded_release(held);
    loaded_release(held);
    assert_int_equal(loaded_list(loaded, &facts, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    assert_false(facts[0].unloading);
    free(facts);
    end();
    assert_int_equal(a->opened, 1);
}

/* A file that is gone is still known by the id of what it was. */
static void test_unload_of_a_removed_file(void **state)
{
    (void)state;
    begin(-1);
    use("a");
    (void)unlink(a->path);
    assert_int_equal(loaded_unload(loaded, "a.gguf", NULL), ORION_OK);
    assert_true(wait_closed(a, 1));
    end();
}

/* ---- contexts ---- */

/* Until somebody waits for the one model to go. */
static void wait_until_unloading(void)
{
    struct loaded_facts *facts;
    bool unloading = false;
    size_t n;

    while (!unloading) {
        assert_int_equal(loaded_list(loaded, &facts, &n, NULL), ORION_OK);
        unloading = n == 1 && facts[0].unloading;
        free(facts);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* they need the lock, too */
    }
}

static struct loaded_model *with_context(const char *name, uint32_t tokens)
{
    const struct loaded_wish wish = {.context_tokens = tokens};
    struct loaded_model *model;

    assert_int_equal(loaded_acquire(loaded, name, &wish, &model, NULL), ORION_OK);
    return model;
}

static void test_contexts(void **state)
{
    static const struct {
        uint32_t asked, has, opened;
    } cases[] = {
        {1024, 1024, 1},   {512, 1024, 1}, /* enough is there */
        {2048, 2048, 2},   {0, 4096, 3},   /* the server's own */
        {100000, 8192, 4},                 /* what it was made for */
        {100000, 8192, 4}, {0, 8192, 4},
    };

    (void)state;
    begin(-1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded_model *model = with_context("a", cases[i].asked);
        assert_int_equal(loaded_context(model), cases[i].has);
        assert_int_equal(a->context_tokens, cases[i].has);
        assert_int_equal(a->opened, cases[i].opened);
        loaded_release(model);
    }
    end();
}

static void *ask_for_more(void *user)
{
    (void)user;
    return with_context("a", 8192);
}

static void test_larger_context_waits_for_requests(void **state)
{
    pthread_t thread;
    void *larger;

    (void)state;
    begin(-1);
    struct loaded_model *held = hold("a");
    assert_int_equal(pthread_create(&thread, NULL, ask_for_more, NULL), 0);
    wait_until_unloading();
    assert_int_equal(a->closed, 0);
    loaded_release(held);
    assert_int_equal(pthread_join(thread, &larger), 0);
    assert_int_equal(loaded_context(larger), 8192);
    loaded_release(larger);
    end();
}

/* One that waits is told when the server ends, and so is who comes then. */
static void *ask_in_vain(void *err)
{
    const struct loaded_wish more = {.context_tokens = 8192};
    struct loaded_model *model;

    (void)loaded_acquire(loaded, "a", &more, &model, err);
    return NULL;
}

static void test_stopping(void **state)
{
    orion_error err = {0};
    pthread_t thread;

    (void)state;
    begin(-1);
    struct loaded_model *held = hold("a");
    assert_int_equal(pthread_create(&thread, NULL, ask_in_vain, &err), 0);
    wait_until_unloading();
    loaded_stop(loaded);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(err.status, ORION_E_CANCELLED);
    assert_int_equal(refused("b", &err), ORION_E_CANCELLED);
    loaded_release(held);
    loaded_stop(NULL);
    end();
}

/* ---- many threads ---- */

static void *use_all(void *user)
{
    const unsigned seed = *(const unsigned *)user;
    static const char *const names[] = {"a", "b", "c"};

    for (unsigned i = 0; i < 300; i++) {
        struct loaded_model *model;
        if (loaded_acquire(loaded, names[(seed + i * 7 / 3) % 3], NULL, &model, NULL) == ORION_OK)
            loaded_release(model);
        if (i % 11 == seed)
            (void)loaded_unload(loaded, names[i % 3], NULL);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    pthread_t threads[4];
    unsigned seeds[4] = {0, 1, 2, 3};

    (void)state;
    begin(-1);
    available_bytes = 250 * MIB; /* for two of three */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, &seeds[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    end();
}

/* ---- the end ---- */

static void on_done(orion_status status, const orion_stats *stats, const orion_error *err,
                    void *user)
{
    (void)stats;
    (void)err;
    assert_int_equal(status, ORION_E_CANCELLED);
    loaded_release(user);
}

/* The last release comes from a callback, while the model is being closed. */
static void test_ends_under_requests(void **state)
{
    orion_request request = {.size = sizeof(request), .on_done = on_done};
    uint64_t id;

    (void)state;
    begin(-1);
    request.user = hold("a");
    assert_int_equal(loaded_submit(request.user, &request, &id, NULL), ORION_OK);
    end();
    loaded_free(NULL);
}

static void test_facts(void **state)
{
    struct loaded_facts *facts;
    size_t n;

    (void)state;
    begin(60);
    assert_int_equal(loaded_list(loaded, &facts, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    free(facts);
    const int64_t before = time(NULL);
    use("a");
    assert_int_equal(loaded_list(loaded, &facts, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    assert_string_equal(facts[0].id, "a.gguf");
    assert_string_equal(facts[0].path, a->path);
    assert_string_equal(facts[0].architecture, "fake");
    assert_int_equal(facts[0].file_bytes, 100 * MIB);
    assert_int_equal(facts[0].memory_bytes, 100 * MIB + 3 + 4);
    assert_true(facts[0].expires_unix >= before + 30 && facts[0].expires_unix <= time(NULL) + 60);
    free(facts);
    end();
}

/* ---- models elsewhere ---- */

static void test_remote(void **state)
{
    orion_request request = {.size = sizeof(request), .on_done = on_done};
    struct loaded_model *other;
    struct loaded_facts *facts;
    orion_error err;
    uint64_t id;
    size_t n;

    (void)state;
    begin(-1);
    struct loaded_model *far = hold("far");
    assert_string_equal(loaded_remote(far), "https://far.example/v1");
    assert_string_equal(loaded_id(far), "far");
    assert_null(loaded_scheduler(far));
    assert_null(loaded_orion(far));
    assert_int_equal(loaded_context(far), 0);
    other = hold("far");
    assert_ptr_equal(far, other); /* opened once */
    loaded_release(other);
    struct loaded_model *here = hold("a");
    assert_null(loaded_remote(here));
    loaded_release(here);
    assert_int_equal(loaded_list(loaded, &facts, &n, NULL), ORION_OK);
    assert_int_equal(n, 1); /* it is in no memory of ours */
    free(facts);
    assert_int_equal(loaded_unload(loaded, "far", &err), ORION_E_NOT_FOUND);
    request.user = far;
    assert_int_equal(loaded_submit(far, &request, &id, NULL), ORION_OK);
    end(); /* the request is ended, and lets go of it */
    assert_int_equal(far_opened, 1);
    assert_int_equal(far_closed, 1);
}

static void test_remote_refused(void **state)
{
    struct loaded_model *far;
    orion_error err;

    (void)state;
    begin(-1);
    far_refused = ORION_E_DENIED;
    assert_int_equal(loaded_acquire(loaded, "far", NULL, &far, &err), ORION_E_DENIED);
    assert_null(far);
    far_refused = ORION_OK;
    end();
}

static int stop_at_once(size_t done, size_t total, void *user)
{
    (void)done;
    (void)total;
    return *(const bool *)user;
}

/* One that makes embeddings has no scheduler, goes as others do, and answers nothing. */
static void test_embeddings(void **state)
{
    const orion_embed_input input = {.text = "abc", .text_bytes = 3};
    const orion_request ask = {.size = sizeof(ask), .prompt = "a"};
    float vector[2] = {0};
    uint32_t n_tokens = 0;
    uint64_t id;
    bool stop = false;
    orion_error err = {0};

    (void)state;
    begin(-1);
    a->embedding_length = 2;
    struct loaded_model *model = hold("a"), *other = hold("b");
    assert_int_equal(loaded_embedding_length(model), 2);
    assert_int_equal(loaded_embedding_length(other), 0);
    assert_null(loaded_scheduler(model));
    assert_int_equal(loaded_embed(model, &input, 1, stop_at_once, &stop, vector, &n_tokens, &err),
                     ORION_OK);
    assert_true(vector[0] == 1 && vector[1] == 1 && n_tokens == 3);
    stop = true;
    assert_int_equal(loaded_embed(model, &input, 1, stop_at_once, &stop, vector, &n_tokens, &err),
                     ORION_E_CANCELLED);
    assert_int_equal(loaded_submit(model, &ask, &id, &err), ORION_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "'a.gguf' is a model for embeddings"));
    loaded_release(model);
    loaded_release(other);
    assert_int_equal(loaded_unload(loaded, "a", &err), ORION_OK);
    assert_true(wait_closed(a, 1));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opened_once),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_replaced_file),
        cmocka_unit_test(test_opening_fails),
        cmocka_unit_test(test_least_recently_used_goes),
        cmocka_unit_test(test_nothing_goes_in_vain),
        cmocka_unit_test(test_used_ones_stay),
        cmocka_unit_test(test_fewer_sequences_for_little_room),
        cmocka_unit_test(test_short_memory),
        cmocka_unit_test(test_conversations_go_first),
        cmocka_unit_test(test_memory_unknown),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_unload),
        cmocka_unit_test(test_unload_of_what_is_wanted_again),
        cmocka_unit_test(test_unload_of_a_removed_file),
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_larger_context_waits_for_requests),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_ends_under_requests),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_remote),
        cmocka_unit_test(test_remote_refused),
        cmocka_unit_test(test_embeddings),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
