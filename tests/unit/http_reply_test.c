/* Whole replies: files and ranges of them, bytes that the client may have already,
 * what each status is in HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#include "http_world.h"
#include "scratch.h"

#define FILE_BYTES 300000u /* more than one block of sendfile() */
#define ETAG "\"abc\""

static struct http_world world;
static unsigned char file_bytes[FILE_BYTES];

static const char *file_path(void)
{
    return path_of("file.bin");
}

static void reply_file(struct http_request *request, uint64_t bytes)
{
    const int fd = open(file_path(), O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        abort();
    http_reply_file(request, fd, bytes, "application/octet-stream", ETAG);
}

static void get_file(struct http_request *request, void *user)
{
    (void)user;
    reply_file(request, FILE_BYTES);
}

static void get_nothing(struct http_request *request, void *user)
{
    (void)user;
    reply_file(request, 0);
}

static void get_page(struct http_request *request, void *user)
{
    (void)user;
    http_reply_static(request, "text/html", "<p>", 3, ETAG);
}

static void get_part(struct http_request *request, void *user)
{
    const char *q = http_query(request, "q");

    (void)user;
    http_add_header(request, "X-Query", q ? q : "-");
    http_reply_text(request, 200, "text/plain", http_part(request, "what"));
}

static const struct http_route routes[] = {
    {"GET", "/file", get_file, NULL},           {"GET", "/nothing", get_nothing, NULL},
    {"GET", "/page", get_page, NULL},           {"GET", "/part/{what}/end", get_part, NULL},
    {"GET", "/rest/{what...}", get_part, NULL}, {NULL, NULL, NULL, NULL},
};

static int set_up(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    for (size_t i = 0; i < FILE_BYTES; i++)
        file_bytes[i] = (unsigned char)(i * 7 + i / 256);
    write_file(file_path(), file_bytes, FILE_BYTES);
    world_start(&world, routes);
    return 0;
}

static int tear_down(void **state)
{
    http_stop(world.http, 0);
    (void)unlink(file_path());
    return remove_folder(state);
}

/* A header's value in the reply, "" when it is not there; static storage. */
static const char *header(const struct reply *reply, const char *name)
{
    static char value[256];
    char line[64];

    (void)snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = strstr(reply->text, line);
    const size_t n = at ? strcspn(at + strlen(line), "\r") : 0;
    (void)snprintf(value, sizeof(value), "%.*s", (int)n, at ? at + strlen(line) : "");
    return value;
}

static const struct {
    const char *label, *fields;
    int code;
    size_t first, bytes; /* of the body */
    const char *range;   /* Content-Range */
} ranges[] = {
    {"all of it", "", 200, 0, FILE_BYTES, ""},
    {"the first byte", "Range: bytes=0-0\r\n", 206, 0, 1, "bytes 0-0/300000"},
    {"the middle", "Range: bytes=1000-200999\r\n", 206, 1000, 200000, "bytes 1000-200999/300000"},
    {"from there on", "Range: bytes=299990-\r\n", 206, 299990, 10, "bytes 299990-299999/300000"},
    {"beyond the end", "Range: bytes=299990-400000\r\n", 206, 299990, 10,
     "bytes 299990-299999/300000"},
    {"the last ten", "Range: bytes=-10\r\n", 206, 299990, 10, "bytes 299990-299999/300000"},
    {"more than all", "Range: bytes=-400000\r\n", 206, 0, FILE_BYTES, "bytes 0-299999/300000"},
    {"in other letters", "range: BYTES=0-0\r\n", 206, 0, 1, "bytes 0-0/300000"},
    {"past the end", "Range: bytes=300000-\r\n", 416, 0, 0, "bytes */300000"},
    {"the last none", "Range: bytes=-0\r\n", 416, 0, 0, "bytes */300000"},
    {"backwards", "Range: bytes=5-4\r\n", 200, 0, FILE_BYTES, ""},
    {"several", "Range: bytes=0-1,4-5\r\n", 200, 0, FILE_BYTES, ""},
    {"another unit", "Range: lines=0-1\r\n", 200, 0, FILE_BYTES, ""},
    {"nonsense", "Range: bytes=a-b\r\n", 200, 0, FILE_BYTES, ""},
    {"only a dash", "Range: bytes=-\r\n", 200, 0, FILE_BYTES, ""},
    {"a number too long", "Range: bytes=99999999999999999999-\r\n", 200, 0, FILE_BYTES, ""},
    {"if it is still that", "Range: bytes=0-0\r\nIf-Range: " ETAG "\r\n", 206, 0, 1,
     "bytes 0-0/300000"},
    {"if it were another", "Range: bytes=0-0\r\nIf-Range: \"abd\"\r\n", 200, 0, FILE_BYTES, ""},
    {"if by a weak tag", "Range: bytes=0-0\r\nIf-Range: W/" ETAG "\r\n", 200, 0, FILE_BYTES, ""},
    {"it is there already", "If-None-Match: " ETAG "\r\n", 304, 0, 0, ""},
    {"it is there, among others", "If-None-Match: \"x\", W/" ETAG "\r\n", 304, 0, 0, ""},
    {"any is there", "If-None-Match: *\r\n", 304, 0, 0, ""},
    {"another is there", "If-None-Match: \"abcd\"\r\n", 200, 0, FILE_BYTES, ""},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct reply reply = client_get(&world, "/file", ranges[i].fields);

        print_message("# %s\n", ranges[i].label);
        assert_int_equal(reply.code, ranges[i].code);
        assert_int_equal(reply.body_bytes, ranges[i].bytes);
        assert_memory_equal(reply.body, file_bytes + ranges[i].first, ranges[i].bytes);
        assert_string_equal(header(&reply, "Content-Range"), ranges[i].range);
        assert_string_equal(header(&reply, "ETag"), ETAG);
        free(reply.text);
    }
}

static void test_head_of_a_file(void **state)
{
    struct reply reply = client_read(client_ask(&world, "HEAD", "/file", "Range: bytes=0-9\r\n"));

    (void)state;
    assert_int_equal(reply.code, 206);
    assert_int_equal(reply.body_bytes, 0);
    assert_string_equal(header(&reply, "Content-Length"), "10");
    assert_string_equal(header(&reply, "Accept-Ranges"), "bytes");
    free(reply.text);
}

static void test_empty_file(void **state)
{
    struct reply reply = client_get(&world, "/nothing", "Range: bytes=0-\r\n");

    (void)state; /* no byte of it can be had */
    assert_int_equal(reply.code, 416);
    free(reply.text);
    reply = client_get(&world, "/nothing", "");
    assert_int_equal(reply.code, 200);
    assert_string_equal(header(&reply, "Content-Length"), "0");
    free(reply.text);
}

static void test_static(void **state)
{
    struct reply reply = client_get(&world, "/page", "");

    (void)state;
    assert_string_equal(reply.body, "<p>");
    assert_string_equal(header(&reply, "Cache-Control"), "no-cache");
    free(reply.text);
    reply = client_get(&world, "/page", "If-None-Match: " ETAG "\r\n");
    assert_int_equal(reply.code, 304);
    assert_int_equal(reply.body_bytes, 0);
    free(reply.text);
}

static const struct {
    const char *path;
    int code;
    const char *part, *query;
} parts[] = {
    {"/part/a/end", 200, "a", "-"},
    {"/part/a%2Fb%20c/end?q=d+e", 200, "a/b c", "d e"},
    {"/part/a+b/end?q=%2B&q=second", 200, "a+b", "+"},
    {"/part/%C3%B1/end?q", 200, "\xc3\xb1", ""},
    {"/part//end", 404, NULL, NULL},
    {"/part/a/b/end", 404, NULL, NULL},
    {"/part/a/end/more", 404, NULL, NULL},
    {"/part/%FF/end", 400, NULL, NULL},
    {"/part/a%00/end", 400, NULL, NULL},
    {"/rest/a/b/c?x=1&q=2", 200, "a/b/c", "2"},
    {"/rest/%2e%2e/a", 200, "../a", "-"},
    {"/rest/", 404, NULL, NULL},
};

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct reply reply = client_get(&world, parts[i].path, "");

        print_message("# %s\n", parts[i].path);
        assert_int_equal(reply.code, parts[i].code);
        if (parts[i].part) {
            assert_string_equal(reply.body, parts[i].part);
            assert_string_equal(header(&reply, "X-Query"), parts[i].query);
        }
        free(reply.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),     cmocka_unit_test(test_head_of_a_file),
        cmocka_unit_test(test_empty_file), cmocka_unit_test(test_static),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
