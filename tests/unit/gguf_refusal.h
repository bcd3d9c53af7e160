/* What the reader refuses: rows, and how each is checked. */
#ifndef GGUF_REFUSAL_H
#define GGUF_REFUSAL_H

#include <stdlib.h>
#include <string.h>

#include "gguf/gguf.h"
#include "gguf_bytes.h"

#define FORMAT ORION_E_FORMAT
#define UNSUPPORTED ORION_E_UNSUPPORTED

struct refusal {
    const char *label;
    void (*build)(struct bytes *b); /* NULL: build_of() does it */
    orion_status status;
    const char *name; /* NULL: too long to write here */
    const char *says; /* part of the sentence, where the case is told apart only there */
    void (*build_of)(struct bytes *b, const void *of); /* a file that a few figures describe */
    const void *of;
};

static void refusal_test(void **state)
{
    const struct refusal *row = *state;
    struct bytes b = {0};
    struct ori_gguf *gguf = (struct ori_gguf *)&b; /* must become NULL */
    orion_error err = {.status = ORION_OK};
    size_t size;

    if (row->build)
        row->build(&b);
    else
        row->build_of(&b, row->of);
    const uint64_t offset = b.mark;
    uint8_t *data = take_exact(&b, &size);
    const orion_status status = ori_gguf_parse(data, size, "dir/bad.gguf", &gguf, &err);

    assert_int_equal(status, row->status);
    assert_null(gguf);
    assert_int_equal(err.status, row->status);
    assert_int_equal(err.offset, offset);
    if (row->name)
        assert_string_equal(err.name, row->name);
    assert_non_null(strstr(err.message, "bad.gguf: byte "));
    assert_non_null(strstr(err.message, err.name));
    assert_non_null(strstr(err.message, row->says ? row->says : ""));
    /* the error is optional */
    assert_int_equal(ori_gguf_parse(data, size, "bad.gguf", &gguf, NULL), row->status);
    free(data);
}

/* A test for each row. */
static int run_refusals(const char *group, const struct refusal *refusals, size_t n)
{
    struct CMUnitTest *tests = calloc(n, sizeof(*tests));
    int failed = 1;

    for (size_t i = 0; tests && i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = refusals[i].label,
            .test_func = refusal_test,
            .initial_state = (void *)(uintptr_t)&refusals[i],
        };
    if (tests)
        failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    free(tests);
    return failed;
}

#endif
