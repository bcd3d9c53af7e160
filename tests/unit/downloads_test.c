/* Downloads in the background without a network, and how progress is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "manager/progress.h"
#include "manager_world.h"

/* ---- downloads ---- */

struct calls {
    pthread_mutex_t mutex;
    unsigned n;
    orion_download_stage last;
};

static void count_call(const orion_download_facts *facts, void *user)
{
    struct calls *calls = user;
    (void)pthread_mutex_lock(&calls->mutex);
    calls->n++;
    calls->last = facts->stage;
    (void)pthread_mutex_unlock(&calls->mutex);
}

/* What is here is done at once, what is not fails: we are offline. */
static void downloads_end(void **state)
{
    const struct ori_manager *manager = *state;
    struct calls calls = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const orion_download_options options = {
        .size = sizeof(options), .on_change = count_call, .user = &calls};
    orion_download_facts facts;
    uint64_t here, gone, *ids;
    char *path;
    size_t n;

    pull(manager, "acme/tiny", "x-Q4_K_M.gguf");
    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    assert_int_equal(n, 0);
    free(ids);
    assert_int_equal(ori_download_start(manager, "acme/tiny", &options, &here, NULL), ORION_OK);
    assert_int_equal(ori_download_start(manager, "acme/gone", &options, &gone, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, here, -1, &facts, &path, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);
    assert_true(facts.done_bytes == 4 && facts.percent == 100);
    assert_string_equal(facts.model, "acme/tiny/x-Q4_K_M.gguf");
    assert_non_null(strstr(path, "x-Q4_K_M.gguf"));
    free(path);
    assert_int_equal(ori_download_wait(manager, gone, -1, &facts, &path, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE);
    assert_null(path);
    assert_string_equal(facts.name, "acme/gone");
    assert_string_equal(facts.model, ""); /* no one knows which it is */

    assert_int_equal(ori_download_resume(manager, gone, NULL), ORION_OK); /* once more */
    assert_int_equal(ori_download_wait(manager, gone, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(ori_download_pause(manager, here, NULL), ORION_OK); /* over: nothing to do */
    assert_int_equal(ori_download_cancel(manager, here, NULL), ORION_OK);
    assert_int_equal(ori_download_get(manager, here, &facts, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    assert_true(n == 2 && ids[0] == here && ids[1] == gone);
    free(ids);
    assert_int_equal(ori_download_free(manager, here, NULL), ORION_OK);
    assert_int_equal(ori_download_free(manager, here, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_get(manager, here, &facts, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_wait(manager, 99, 0, NULL, NULL, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_free(manager, gone, NULL), ORION_OK);
    /* Nothing is told any more: calls may go.  How often it was told depends on the clock. */
    assert_int_equal(ori_download_start(manager, "no name", NULL, &gone, NULL), ORION_E_NOT_FOUND);
    assert_int_equal(gone, 0);
}

/* Verifying is work in the background, too. */
static void verifying_in_the_background(void **state)
{
    const struct ori_manager *manager = *state;
    orion_download_options options = {.size = sizeof(options), .kind = ORION_DOWNLOAD_VERIFY};
    orion_download_facts facts;
    uint64_t id;

    pull(manager, "acme/cut", "c-00001-of-00002.gguf");
    pull(manager, "acme/cut", "c-00002-of-00002.gguf");
    put("models/dropped.gguf");
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_DONE);
    assert_int_equal(facts.kind, ORION_DOWNLOAD_VERIFY);
    assert_true(facts.total_bytes == 8 && facts.done_bytes == 8);
    assert_string_equal(facts.name, "acme/cut");
    assert_string_equal(facts.model, "acme/cut/c-00001-of-00002.gguf");
    assert_string_equal(facts.file, "c-00002-of-00002.gguf");

    FILE *file = fopen("models/acme/cut/c-00002-of-00002.gguf", "r+b");
    assert_true(file && fputs("XXXX", file) >= 0 && fclose(file) == 0);
    assert_int_equal(ori_download_resume(manager, id, NULL), ORION_OK); /* done: nothing to do */
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    assert_int_equal(facts.error.status, ORION_E_INTEGRITY);
    options.kind = ORION_DOWNLOAD_REPAIR;
    assert_int_equal(ori_download_start(manager, "acme/cut", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE); /* the hub would have the bytes */
    assert_int_equal(facts.kind, ORION_DOWNLOAD_REPAIR);

    assert_int_equal(ori_download_start(manager, "acme/none", &options, &id, NULL),
                     ORION_E_NOT_FOUND);
    assert_int_equal(ori_download_start(manager, "dropped", &options, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_UNSUPPORTED); /* no hash was recorded */
}

/* ---- downloads that outlive their process ---- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct ori_manager *open_again(struct ori_manager *manager)
{
    const orion_manager_options options = {.size = sizeof(options),
                                           .models_dir = models,
                                           .hub_url = "http://127.0.0.1:1",
                                           .offline = true};

    ori_manager_close(manager);
    assert_int_equal(ori_manager_open(&options, &manager, NULL), ORION_OK);
    return manager;
}

/* The facts of the download called so; fails when there is none. */
static orion_download_facts the(const struct ori_manager *manager, const char *name)
{
    orion_download_facts facts = {.id = 0};
    uint64_t *ids;
    size_t n;

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ori_download_get(manager, ids[i], &facts, NULL), ORION_OK);
        if (strcmp(facts.name, name) == 0)
            break;
        facts.id = 0;
    }
    free(ids);
    assert_int_not_equal(facts.id, 0);
    return facts;
}

static size_t count_downloads(const struct ori_manager *manager)
{
    uint64_t *ids;
    size_t n;

    assert_int_equal(ori_download_list(manager, &ids, &n, NULL), ORION_OK);
    free(ids);
    return n;
}

static void downloads_outlive_the_process(void **state)
{
    struct ori_manager *manager = *state;
    orion_download_facts facts;
    uint64_t id;

    begin_partial(manager, "acme/half", "h-Q4_K_M.gguf");
    write_text("models/.downloads.json", "{\"orion_downloads\": 1, \"downloads\": ["
                                         "{\"model\": \"acme/half\", \"paused\": true},"
                                         "{\"model\": \"acme/gone\", \"paused\": false},"
                                         "{\"model\": \"no name\"}, {\"model\": 7}, 8]}");
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK); /* already */
    assert_int_equal(count_downloads(manager), 2);
    facts = the(manager, "acme/half");
    assert_int_equal(facts.stage, ORION_DOWNLOAD_PAUSED);
    assert_string_equal(facts.model, "acme/half/h-Q4_K_M.gguf");
    assert_true(facts.done_bytes == 4 && facts.total_bytes == 16 && facts.percent == 25);
    id = the(manager, "acme/gone").id;
    assert_int_equal(ori_download_wait(manager, id, -1, &facts, NULL, NULL), ORION_OK);
    assert_int_equal(facts.error.status, ORION_E_OFFLINE);
    assert_int_equal(ori_download_start(manager, "acme/new", NULL, &id, NULL), ORION_OK);
    /* Whoever waits for one, and what is but verified, is of no concern to the next. */
    assert_int_equal(ori_manager_pull(manager, "acme/pulled", NULL, NULL, NULL), ORION_E_OFFLINE);

    const orion_manager_options options = {.size = sizeof(options), .models_dir = models};
    struct ori_manager *second;
    orion_error err;
    assert_int_equal(ori_manager_open(&options, &second, NULL), ORION_OK);
    assert_int_equal(ori_download_keep(second, &err), ORION_E_BUSY);
    assert_int_equal(count_downloads(second), 0);
    ori_manager_close(second);

    *state = manager = open_again(manager);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(count_downloads(manager), 3);
    assert_int_equal(the(manager, "acme/half").stage, ORION_DOWNLOAD_PAUSED);
    (void)the(manager, "acme/new");
    assert_int_equal(ori_download_cancel(manager, the(manager, "acme/half").id, NULL), ORION_OK);
    assert_int_equal(ori_download_free(manager, the(manager, "acme/gone").id, NULL), ORION_OK);

    *state = manager = open_again(manager);
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK);
    assert_int_equal(count_downloads(manager), 1);
    (void)the(manager, "acme/new");

    *state = manager = open_again(manager);
    write_text("models/.downloads.json", "{\"orion_downloads\": 1, \"downl");
    assert_int_equal(ori_download_keep(manager, NULL), ORION_OK); /* begun anew */
    assert_int_equal(count_downloads(manager), 0);
}

/* Not asked to, a manager neither reads nor writes the list. */
static void others_leave_the_list_alone(void **state)
{
    static const char list[] = "{\"orion_downloads\": 1, \"downloads\": [{\"model\": \"a/b\"}]}";
    struct ori_manager *manager = *state;
    char text[100] = "";
    uint64_t id;

    write_text("models/.downloads.json", list);
    assert_int_equal(ori_download_start(manager, "acme/new", NULL, &id, NULL), ORION_OK);
    assert_int_equal(ori_download_wait(manager, id, -1, NULL, NULL, NULL), ORION_OK);
    *state = manager = open_again(manager);
    FILE *file = fopen("models/.downloads.json", "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    assert_string_equal(text, list);
}

struct watcher {
    const struct ori_manager *manager;
    uint64_t seen, id;
};

static void *start_one(void *self)
{
    struct watcher *w = self;
    assert_int_equal(ori_download_start(w->manager, "acme/gone", NULL, &w->id, NULL), ORION_OK);
    return NULL;
}

/* Whoever waits for changes misses none. */
static void changes_are_counted(void **state)
{
    struct watcher w = {.manager = *state};
    orion_download_facts facts = {.stage = ORION_DOWNLOAD_QUEUED};
    pthread_t thread;

    w.seen = ori_download_changes(w.manager, 0, -1); /* at once */
    assert_true(w.seen > 0);
    assert_int_equal(ori_download_changes(w.manager, w.seen, 0), w.seen);
    assert_int_equal(ori_download_changes(w.manager, w.seen, 1), w.seen);
    assert_int_equal(pthread_create(&thread, NULL, start_one, &w), 0);
    uint64_t seen = ori_download_changes(w.manager, w.seen, -1);
    assert_int_not_equal(seen, w.seen);
    assert_int_equal(pthread_join(thread, NULL), 0);
    while (ori_download_get(w.manager, w.id, &facts, NULL) == ORION_OK &&
           facts.stage != ORION_DOWNLOAD_FAILED)
        seen = ori_download_changes(w.manager, seen, -1);
    assert_int_equal(facts.stage, ORION_DOWNLOAD_FAILED);
    seen = ori_download_changes(w.manager, 0, -1);
    assert_int_equal(ori_download_free(w.manager, w.id, NULL), ORION_OK);
    assert_int_not_equal(ori_download_changes(w.manager, seen, -1), seen);
}

/* More than run at once: all get their turn, and closing stops the rest. */
/* A pull is waited for: who shows all downloads may stop it, but not take it from
 * under whoever waits. */
struct nosy {
    const struct ori_manager *manager;
    uint64_t id;
    pthread_t thread;
    unsigned calls;
};

static void *forget_it(void *arg)
{
    const struct nosy *nosy = arg;
    (void)ori_download_free(nosy->manager, nosy->id, NULL);
    return NULL;
}

static int let_it_be_forgotten(const orion_progress *progress, void *user)
{
    struct nosy *nosy = user;
    orion_download_facts facts;
    uint64_t *ids;
    size_t n;

    assert_string_equal(progress->sha256, ""); /* nothing is known of it */
    if (nosy->calls++ > 0)
        return 0;
    assert_int_equal(ori_download_list(nosy->manager, &ids, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    nosy->id = ids[0];
    free(ids);
    assert_int_equal(pthread_create(&nosy->thread, NULL, forget_it, nosy), 0);
    for (int i = 0; i < 1000; i++, sched_yield())
        assert_int_equal(ori_download_get(nosy->manager, nosy->id, &facts, NULL), ORION_OK);
    return 0;
}

static void a_pull_is_not_forgotten_by_others(void **state)
{
    struct nosy nosy = {.manager = *state};
    const orion_pull_options options = {
        .size = sizeof(options), .on_progress = let_it_be_forgotten, .user = &nosy};
    orion_error err;

    assert_int_not_equal(ori_manager_pull(nosy.manager, "acme/gone", &options, NULL, &err),
                         ORION_OK);
    assert_true(nosy.calls > 0);
    assert_int_equal(pthread_join(nosy.thread, NULL), 0);
}

static void many_downloads(void **state)
{
    const struct ori_manager *manager = *state;
    orion_download_facts facts;
    uint64_t ids[40];

    pull(manager, "acme/tiny", "x-Q4_K_M.gguf");
    for (size_t i = 0; i < ORI_COUNT(ids); i++)
        assert_int_equal(
            ori_download_start(manager, i % 2 ? "acme/tiny" : "acme/gone", NULL, &ids[i], NULL),
            ORION_OK);
    for (size_t i = 0; i < ORI_COUNT(ids) - 10; i++) {
        assert_int_equal(ori_download_wait(manager, ids[i], -1, &facts, NULL, NULL), ORION_OK);
        assert_int_equal(facts.stage, i % 2 ? ORION_DOWNLOAD_DONE : ORION_DOWNLOAD_FAILED);
    }
}

/* ---- progress ---- */

#define MS 1000000u

struct seen {
    orion_progress last;
    unsigned calls;
    int answer;
};

static int see(const orion_progress *progress, void *user)
{
    struct seen *seen = user;
    assert_true(progress->done_bytes >= seen->last.done_bytes);
    seen->last = *progress;
    seen->calls++;
    return seen->answer;
}

static void progress_is_monotone_and_timed(void **state)
{
    struct seen seen = {0};
    const orion_pull_options options = {.on_progress = see, .user = &seen};
    struct ori_progress p;
    uint64_t now = 1000 * MS;

    (void)state;
    ori_progress_init(&p, &options, "x.gguf");
    assert_int_equal(ori_progress_tick_at(&p, ORION_PHASE_RESOLVE, 0, "", now), 0);
    assert_true(seen.calls == 1 && seen.last.seconds_left < 0 && seen.last.percent == 0);
    p.facts.total_bytes = 1000;
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 100, "", now);
    assert_int_equal(seen.calls, 2); /* a new phase is told at once */
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 150, "", now + 50 * MS);
    assert_int_equal(seen.calls, 2); /* no more than ten a second */
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 300, "", now + 1000 * MS);
    assert_true(seen.last.done_bytes == 300 && seen.last.percent == 30);
    assert_true(seen.last.bytes_per_second == 200 && seen.last.seconds_left == 3.5);
    (void)ori_progress_tick_at(&p, ORION_PHASE_DOWNLOAD, 50, "", now + 1200 * MS);
    assert_int_equal(seen.last.done_bytes, 300); /* a server that started over */
    for (unsigned i = 0; i < 40; i++)
        (void)ori_progress_tick_at(&p, ORION_PHASE_WAIT, 0, "why", now + (1300 + i * 100) * MS);
    assert_true(seen.last.bytes_per_second == 0 && seen.last.seconds_left < 0);
    assert_string_equal(seen.last.note, "why");
    p.hold = true;
    (void)ori_progress_tick_at(&p, ORION_PHASE_VERIFY, 900, "", now + 9000 * MS);
    assert_int_equal(seen.last.done_bytes, 300);
    p.hold = false;
    (void)ori_progress_tick_at(&p, ORION_PHASE_VERIFY, 5000, "", now + 9900 * MS);
    assert_int_equal(seen.last.done_bytes, 1000);
    ori_progress_done(&p);
    assert_true(seen.last.phase == ORION_PHASE_DONE && seen.last.percent == 100);
    seen.answer = 7;
    assert_int_equal(ori_progress_tick_at(&p, ORION_PHASE_WAIT, 0, "", now + 11000 * MS), 7);
}

static void progress_without_a_listener(void **state)
{
    struct ori_progress p;

    (void)state;
    ori_progress_init(&p, NULL, "x.gguf");
    const struct ori_watch watch = ori_progress_watch(&p);
    assert_int_equal(ori_watch_tick(&watch, ORION_PHASE_DOWNLOAD, 5, "", NULL), ORION_OK);
    ori_progress_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_CASE(downloads_end),
        MANAGER_CASE(verifying_in_the_background),
        MANAGER_CASE(changes_are_counted),
        MANAGER_CASE(a_pull_is_not_forgotten_by_others),
        MANAGER_CASE(downloads_outlive_the_process),
        MANAGER_CASE(others_leave_the_list_alone),
        MANAGER_CASE(many_downloads),
        cmocka_unit_test(progress_is_monotone_and_timed),
        cmocka_unit_test(progress_without_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
