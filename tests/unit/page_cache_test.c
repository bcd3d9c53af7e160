/* How files that will be mapped lie in the page cache, whoever wrote them: in huge pages,
 * where the file system has such.  Where it hasn't there is nothing to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define PIECE 16384u /* about what comes over a network at once */
#define SIZE (3u * ORI_HUGE_PAGE + 12345u)
#define HUGE_BYTES (3u * ORI_HUGE_PAGE)

#include "base/map.h"
#include "base/page_cache.h"
#include "gguf/writer.h"
#include "store_folder.h"

/* Bytes of the mapping at `data` that huge pages hold. */
static uint64_t mapped_huge(const void *data)
{
    char line[512];
    unsigned long begin, end, kib = 0;
    bool ours = false;
    FILE *maps = fopen("/proc/self/smaps", "r");

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            ours = begin == (uintptr_t)data;
        else if (ours && sscanf(line, "FilePmdMapped: %lu kB", &kib) == 1)
            break;
    }
    (void)fclose(maps);
    return (uint64_t)kib << 10;
}

static uint64_t huge_bytes(const char *path)
{
    struct ori_map map;
    unsigned sum = 0;

    assert_int_equal(ori_map_open(at(path), &map, NULL), ORION_OK);
    for (size_t i = 0; i < map.size; i += 4096)
        sum += *(const volatile uint8_t *)(map.data + i);
    (void)sum;
    const uint64_t huge = mapped_huge(map.data);
    ori_map_close(&map);
    return huge;
}

/* Here, and now: what is written at once comes in huge pages. */
static bool there_are_huge_pages(void)
{
    put("probe", bytes, 0);
    const int fd = open(at("probe"), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, HUGE_BYTES), HUGE_BYTES);
    assert_int_equal(close(fd), 0);
    return huge_bytes("probe") == HUGE_BYTES;
}

/* But its end, unless memory has become too scattered meanwhile. */
static void assert_huge(const char *path)
{
    const uint64_t huge = huge_bytes(path);

    if (huge != HUGE_BYTES && !there_are_huge_pages())
        skip();
    assert_int_equal(huge, HUGE_BYTES);
}

/* Pieces of a file of its full length. */
static void write_pieces(const char *path, bool huge)
{
    const int fd = open(at(path), O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    for (size_t i = 0; i < SIZE; i += PIECE) {
        const size_t n = SIZE - i < PIECE ? SIZE - i : PIECE;
        if (huge && i % ORI_HUGE_PAGE == 0)
            ori_page_cache_huge(fd, i);
        assert_int_equal(pwrite(fd, bytes + i, n, (off_t)i), n);
    }
    assert_int_equal(close(fd), 0);
}

static void pieces_written_lie_in_huge_pages(void **state)
{
    (void)state;
    if (!there_are_huge_pages())
        skip();
    write_pieces("small", false);
    assert_int_equal(huge_bytes("small"), 0); /* else none of these tests could fail */
    write_pieces("huge", true);
    assert_huge("huge");
    assert_true(holds("huge", bytes, SIZE));
}

static void nothing_happens_to_what_is_no_such_file(void **state)
{
    (void)state;
    put("short", bytes, PIECE);
    const int fd = open(at("short"), O_RDWR);

    assert_true(fd >= 0);
    ori_page_cache_huge(fd, 0);
    ori_page_cache_huge(fd, ORI_HUGE_PAGE); /* behind its end */
    assert_int_equal(close(fd), 0);
    ori_page_cache_huge(fd, 0); /* closed */
    assert_true(holds("short", bytes, PIECE));
}

/* In pieces, the first of the file last: what follows the download to hash it reads when
 * all is there, so the system's reading ahead brings in nothing. */
static void a_download(void **state)
{
    struct ori_store *store = *state;

    if (!there_are_huge_pages())
        skip();
    struct ori_partial *partial = begin(store);
    assert_int_equal(ori_partial_make_room(partial, NULL), ORION_OK);
    for (size_t i = PIECE; i < SIZE; i += PIECE)
        add(partial, i, i + PIECE < SIZE ? i + PIECE : SIZE);
    add(partial, 0, PIECE);
    assert_int_equal(ori_partial_publish(partial, NULL, NULL), ORION_OK);
    ori_partial_close(partial);
    assert_huge(PLACE);
    assert_true(holds(PLACE, bytes, SIZE));
}

static void write_model(const char *path)
{
    struct ori_gguf_writer *w = NULL;

    assert_int_equal(ori_gguf_writer_new(at(path), &w, NULL), ORION_OK);
    ori_gguf_write_str(w, "general.architecture", "none");
    ori_gguf_write_tensor(w, "t", ORI_F32, 1, (const uint64_t[]){HUGE_BYTES / 4});
    for (size_t i = 0; i < HUGE_BYTES; i += PIECE)
        ori_gguf_write_data(w, bytes + i, PIECE);
    assert_int_equal(ori_gguf_writer_finish(w, NULL), ORION_OK);
    ori_gguf_writer_free(w);
}

static void a_model_that_is_written(void **state)
{
    (void)state;
    if (!there_are_huge_pages())
        skip();
    write_model("m.gguf");
    assert_huge("m.gguf");
}

static void a_copy(void **state)
{
    struct ori_store *store = *state;
    enum ori_import_way way;

    if (!there_are_huge_pages())
        skip();
    write_model("m.gguf");
    const struct ori_import what = {
        .source = at("m.gguf"), .repo = "a/b", .file = "c.gguf", .mode = ORI_IMPORT_COPY};
    assert_int_equal(ori_store_import(store, &what, NULL, &way, NULL), ORION_OK);
    if (way != ORI_IMPORTED_COPY) /* the file system shares blocks */
        skip();
    assert_huge("a/b/c.gguf");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pieces_written_lie_in_huge_pages),
        CASE(nothing_happens_to_what_is_no_such_file),
        CASE(a_download),
        CASE(a_model_that_is_written),
        CASE(a_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
