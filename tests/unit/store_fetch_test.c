/* Downloads of several units: out of order, interrupted, damaged, mended,
 * held back for each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define UNIT ORI_CHAIN_MIN_UNIT_BYTES
#define SIZE (3 * UNIT + 12345u)

#include "store/partial.h"
#include "store_folder.h"

/* Damage that the clock tells nothing about would be no test: the time is put
 * back where `keep_time` says so. */
static void spoil(const char *path, off_t offset, bool keep_time)
{
    struct stat st;
    char byte;

    const int fd = open(at(path), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte = (char)(byte ^ 0x40);
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    if (keep_time)
        assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

/* As if the machine had been started anew since. */
static void forget_boot(struct ori_store *store)
{
    char key[ORI_STORE_KEY_BYTES];
    struct ori_journal journal;
    struct ori_chain chain;

    ori_store_key(&blob.digest, key);
    assert_int_equal(ori_journal_read(store, key, &journal, NULL), ORION_OK);
    assert_int_equal(ori_chain_init(&chain, ORI_DIGEST_SHA256, SIZE, NULL), ORION_OK);
    ori_chain_from_json(&chain, journal.chain);
    memcpy(journal.boot_id, "00000000-0000-0000-0000-000000000000", 37);
    assert_int_equal(
        ori_journal_write(store, key, ori_journal_to_json(&journal, &journal.done, &chain), NULL),
        ORION_OK);
    ori_chain_release(&chain);
    ori_journal_release(&journal);
}

static void wait_until_hashed(struct ori_partial *partial, uint32_t unit)
{
    (void)pthread_mutex_lock(&partial->mutex);
    while (partial->unit < unit)
        (void)pthread_cond_wait(&partial->to_filler, &partial->mutex);
    (void)pthread_mutex_unlock(&partial->mutex);
}

static void fill_gaps(struct ori_partial *partial)
{
    struct ori_range gap;
    while (ori_ranges_next_gap(ori_partial_have(partial), 0, SIZE, &gap))
        add(partial, gap.begin, gap.end);
}

/* ---- interruptions ---- */

static void a_killed_process_loses_little(void **state)
{
    struct ori_store *store = *state;
    char boot[40];
    int status;

    ori_journal_boot_id(boot);
    if (!boot[0])
        skip();
    const pid_t child = fork();
    if (child == 0) {
        struct ori_partial *partial = begin(store);
        for (size_t i = 0; i < 150; i++) { /* two connections, say */
            const size_t step = 16384, low = i * step, high = 2 * UNIT + i * step;
            (void)ori_partial_write(partial, low, bytes + low, step, NULL);
            (void)ori_partial_write(partial, high, bytes + high, step, NULL);
        }
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct ori_partial *partial = begin(store);
    const uint64_t there = ori_ranges_total(ori_partial_have(partial));
    assert_true(there <= 300 * 16384 && there + (1u << 20) >= 300 * 16384);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void what_was_hashed_is_not_hashed_again(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 2 * UNIT + 5000);
    wait_until_hashed(partial, 2);
    ori_partial_close(partial);
    partial = begin(store);
    assert_int_equal(partial->units[0], ORI_UNIT_CHECKED);
    assert_int_equal(partial->units[1], ORI_UNIT_CHECKED);
    assert_int_equal(partial->units[2], ORI_UNIT_TO_CHECK);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void after_another_boot_all_is_hashed(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 2 * UNIT + 5000);
    wait_until_hashed(partial, 2);
    ori_partial_close(partial);
    forget_boot(store);
    spoil(key_path(".part"), UNIT + 77, true);
    partial = begin(store);
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), 2 * UNIT + 5000);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

/* The thread that syncs, as if a second had passed. */
static void syncs_happen_beside(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);
    uint64_t done;
    long process;

    for (unsigned round = 1; round <= 3; round++) {
        (void)pthread_mutex_lock(&partial->mutex);
        partial->synced_ns = 0;
        (void)pthread_mutex_unlock(&partial->mutex);
        add(partial, (round - 1) * UNIT, round * UNIT);
        (void)pthread_mutex_lock(&partial->mutex);
        assert_true(partial->sync_runs);
        while (partial->durable_bytes < round * UNIT)
            (void)pthread_cond_wait(&partial->to_filler, &partial->mutex);
        (void)pthread_mutex_unlock(&partial->mutex);
        assert_true(ori_partial_durable_bytes(partial) == round * UNIT);
        assert_int_equal(ori_partial_peek(store, &blob, &done, &process), ORION_OK);
        assert_true(done == round * UNIT && process == getpid());
    }
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

/* ---- damage ---- */

static void only_the_damaged_unit_is_fetched_again(void **state)
{
    static const struct {
        const char *label;
        off_t at;
        uint64_t begin, end;
    } rows[] = {
        {"first", 100, 0, UNIT},
        {"middle", UNIT + 5, UNIT, 2 * UNIT},
    };
    struct ori_store *store = *state;
    orion_error err;

    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_range gap;
        struct ori_partial *partial = begin(store);
        add(partial, 0, 3 * UNIT);
        wait_until_hashed(partial, 3);
        ori_partial_close(partial);
        spoil(key_path(".part"), rows[i].at, false);
        partial = begin(store);
        add(partial, 3 * UNIT, SIZE);
        assert_int_equal(ori_partial_publish(partial, NULL, &err), ORION_E_INTEGRITY);
        assert_non_null(strstr(err.message, "on this disk"));
        assert_true(ori_ranges_next_gap(ori_partial_have(partial), 0, SIZE, &gap));
        if (gap.begin != rows[i].begin || gap.end != rows[i].end)
            fail_msg("%s: [%llu, %llu)", rows[i].label, (unsigned long long)gap.begin,
                     (unsigned long long)gap.end);
        assert_false(ori_ranges_next_gap(ori_partial_have(partial), gap.end, SIZE, &gap));
        fill_gaps(partial);
        assert_int_equal(ori_partial_publish(partial, NULL, &err), ORION_OK);
        ori_partial_close(partial);
        assert_true(holds(PLACE, bytes, SIZE));
        assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
    }
}

static void damage_is_remembered_when_interrupted(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, 3 * UNIT);
    wait_until_hashed(partial, 3);
    ori_partial_close(partial);
    spoil(key_path(".part"), UNIT, false);
    partial = begin(store);
    wait_until_hashed(partial, 3); /* found, and not yet asked about */
    ori_partial_close(partial);
    partial = begin(store);
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), 2 * UNIT);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

/* The network delivered something else: nothing on disk tells what. */
static void what_came_before_is_suspected_first(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    bytes[2 * UNIT - 9] ^= 1;
    add(partial, UNIT, 2 * UNIT);
    bytes[2 * UNIT - 9] ^= 1;
    ori_partial_close(partial);
    partial = begin(store);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), SIZE - UNIT);
    assert_false(ori_ranges_covers(ori_partial_have(partial), UNIT, UNIT + 1));
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void wrong_bytes_twice_leave_nothing(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    bytes[5] ^= 1;
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
    assert_int_equal(ori_partial_have(partial)->count, 0);
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
    ori_partial_close(partial);
    bytes[5] ^= 1;
    assert_false(exists(PLACE));
    assert_int_equal(count_in(".partial"), 0);
}

/* ---- verify and repair ---- */

static void a_damaged_model_is_mended(void **state)
{
    struct ori_store *store = *state;
    struct ori_ranges damaged;
    enum ori_partial_state found;
    struct ori_partial *partial;
    struct ori_range gap;
    orion_error err;

    fetch(store);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, &damaged, NULL), ORION_OK);
    assert_int_equal(damaged.count, 0);
    spoil(PLACE, UNIT + 1, true);
    spoil(PLACE, SIZE - 1, true); /* the last unit ends in the digest itself */
    assert_int_equal(ori_store_verify(store, PLACE, NULL, &damaged, &err), ORION_E_INTEGRITY);
    assert_int_equal(damaged.count, 2);
    assert_true(damaged.list[0].begin == UNIT && damaged.list[0].end == 2 * UNIT);
    assert_true(damaged.list[1].begin == 3 * UNIT && damaged.list[1].end == SIZE);

    assert_int_equal(
        ori_store_repair_open(store, PLACE, &blob, &damaged, NULL, &found, &partial, NULL),
        ORION_OK);
    assert_int_equal(found, ORI_PARTIAL_OURS);
    assert_true(ori_ranges_next_gap(ori_partial_have(partial), 0, SIZE, &gap));
    assert_true(gap.begin == UNIT && gap.end == 2 * UNIT);
    assert_false(holds(PLACE, bytes, SIZE)); /* as it was, for now */
    add(partial, UNIT, UNIT + 1000);
    ori_partial_close(partial); /* interrupted */
    assert_int_equal(
        ori_store_repair_open(store, PLACE, &blob, &damaged, NULL, &found, &partial, NULL),
        ORION_OK);
    assert_true(ori_ranges_covers(ori_partial_have(partial), UNIT, UNIT + 1000));
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);
    ori_ranges_release(&damaged);

    blob.digest.hex[0] = blob.digest.hex[0] == 'a' ? 'b' : 'a'; /* another version */
    assert_int_equal(
        ori_store_repair_open(store, PLACE, &blob, &damaged, NULL, &found, &partial, NULL),
        ORION_E_ARGUMENT);
}

static void without_its_parts_a_model_is_damaged_as_a_whole(void **state)
{
    static const struct {
        const char *label;
        const char *text; /* NULL: none */
    } rows[] = {{"none", NULL}, {"empty", ""}, {"of another file", "{}"}, {"torn", "{"}};
    struct ori_store *store = *state;
    struct ori_ranges damaged;

    fetch(store);
    spoil(PLACE, UNIT + 1, true);
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        if (rows[i].text)
            put("acme/tiny/dir/.t.gguf.units", rows[i].text, strlen(rows[i].text));
        else
            assert_int_equal(unlink(at("acme/tiny/dir/.t.gguf.units")), 0);
        assert_int_equal(ori_store_verify(store, PLACE, NULL, &damaged, NULL), ORION_E_INTEGRITY);
        if (damaged.count != 1 || damaged.list[0].begin != 0 || damaged.list[0].end != SIZE)
            fail_msg("%s", rows[i].label);
        ori_ranges_release(&damaged);
    }
}

/* ---- sets ---- */

static uint8_t other_bytes[1000];

static void describe_other(struct ori_blob *other)
{
    struct ori_sha256 hash;

    *other = blob;
    other->file = "dir/u.gguf";
    other->size_bytes = sizeof(other_bytes);
    memset(other_bytes, 7, sizeof(other_bytes));
    memcpy(other_bytes, "GGUF", 4);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, other_bytes, sizeof(other_bytes));
    ori_sha256_hex(&hash, other->digest.hex);
}

static void hold_other(struct ori_store *store, const struct ori_blob *other)
{
    enum ori_partial_state found;
    struct ori_partial *partial;
    assert_int_equal(ori_partial_open(store, other, NULL, &found, &partial, NULL), ORION_OK);
    assert_int_equal(ori_partial_write(partial, 0, other_bytes, sizeof(other_bytes), NULL),
                     ORION_OK);
    assert_int_equal(ori_partial_hold(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
}

static size_t count_listed(struct ori_store *store)
{
    struct ori_stored *models;
    size_t n;
    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    return n;
}

static void a_set_appears_at_once(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial_facts *partials;
    struct ori_blob files[2] = {blob};
    size_t n;

    describe_other(&files[1]);
    struct ori_partial *partial = begin(store);
    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_hold(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_int_equal(count_listed(store), 0);
    assert_int_equal(ori_store_publish_set(store, files, 2, NULL), ORION_E_ARGUMENT);
    assert_int_equal(count_listed(store), 0);

    forget_boot(store);
    partial = begin(store); /* of an earlier attempt: nothing to fetch or to hash */
    assert_true(ori_partial_is_held(partial));
    assert_int_equal(partial->unit, partial->chain.n_units);
    assert_int_equal(ori_partial_hold(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    hold_other(store, &files[1]);
    assert_int_equal(ori_store_partials(store, &partials, &n, NULL), ORION_OK);
    assert_true(n == 2 && partials[0].held && partials[1].held);
    free(partials);
    assert_int_equal(ori_store_publish_set(store, files, 2, NULL), ORION_OK);
    assert_int_equal(count_listed(store), 2);
    assert_true(holds(PLACE, bytes, SIZE));
    assert_true(holds("acme/tiny/dir/u.gguf", other_bytes, sizeof(other_bytes)));
    assert_int_equal(count_in(".partial") + count_in(".lock"), 0);
    assert_int_equal(ori_store_publish_set(store, files, 2, NULL), ORION_OK); /* and again */
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);
}

static void a_held_file_that_changed_is_not_held(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial *partial = begin(store);

    add(partial, 0, SIZE);
    assert_int_equal(ori_partial_hold(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    spoil(key_path(".part"), 10, false);
    assert_int_equal(ori_store_publish_set(store, &blob, 1, NULL), ORION_E_ARGUMENT);
    partial = begin(store);
    assert_false(ori_partial_is_held(partial));
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_E_INTEGRITY);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

/* ---- room ---- */

static void room_is_made(void **state)
{
    struct ori_store *store = *state;
    struct ori_partial_facts *partials;
    struct stat st;
    size_t n;

    struct ori_partial *partial = begin(store);
    add(partial, 0, 1000);
    assert_int_equal(ori_partial_make_room(partial, NULL), ORION_OK);
    assert_int_equal(ori_partial_make_room(partial, NULL), ORION_OK);
    assert_false(ori_partial_wants_order(partial));
    ori_partial_close(partial);
    assert_int_equal(stat(at(key_path(".part")), &st), 0);
    assert_int_equal(st.st_size, SIZE);
    assert_int_equal(ori_store_partials(store, &partials, &n, NULL), ORION_OK);
    assert_true(n == 1 && partials[0].done_bytes == 1000);
    free(partials);
    partial = begin(store); /* the length says nothing */
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), 1000);
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void a_limit_on_the_size_of_files(void **state)
{
    struct ori_store *store = *state;
    int status;

    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {2 * UNIT, 2 * UNIT};
        struct ori_partial *partial = begin(store);
        orion_error err;
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
            ori_partial_write(partial, 0, bytes, UNIT, NULL) != ORION_OK)
            _exit(1);
        if (ori_partial_make_room(partial, &err) != ORION_E_NO_SPACE ||
            ori_partial_write(partial, UNIT, bytes + UNIT, 2 * UNIT, &err) != ORION_E_NO_SPACE ||
            !strstr(err.message, "kept"))
            _exit(2);
        ori_partial_close(partial);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct ori_partial *partial = begin(store);
    assert_true(ori_ranges_covers(ori_partial_have(partial), 0, UNIT));
    fill_gaps(partial);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_true(holds(PLACE, bytes, SIZE));
}

static int stop_at_once(void *self, orion_phase phase, uint64_t done, const char *note)
{
    (void)phase;
    (void)done;
    (void)note;
    return ++*(int *)self > 0;
}

static void waiting_for_the_hash_can_be_cancelled(void **state)
{
    struct ori_store *store = *state;
    int ticks = 0;
    const struct ori_watch watch = {.tick = stop_at_once, .self = &ticks};
    struct ori_partial *partial = begin(store);

    add(partial, 0, SIZE);
    const orion_status status = ori_partial_publish(partial, &watch, NULL);
    assert_true(status == ORION_OK || (status == ORION_E_CANCELLED && ticks == 1));
    ori_partial_close(partial);
    if (status == ORION_OK)
        return; /* it was quick */
    partial = begin(store);
    assert_int_equal(ori_ranges_total(ori_partial_have(partial)), SIZE);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_killed_process_loses_little),
        CASE(what_was_hashed_is_not_hashed_again),
        CASE(after_another_boot_all_is_hashed),
        CASE(syncs_happen_beside),
        CASE(only_the_damaged_unit_is_fetched_again),
        CASE(damage_is_remembered_when_interrupted),
        CASE(what_came_before_is_suspected_first),
        CASE(wrong_bytes_twice_leave_nothing),
        CASE(a_damaged_model_is_mended),
        CASE(without_its_parts_a_model_is_damaged_as_a_whole),
        CASE(a_set_appears_at_once),
        CASE(a_held_file_that_changed_is_not_held),
        CASE(room_is_made),
        CASE(a_limit_on_the_size_of_files),
        CASE(waiting_for_the_hash_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
