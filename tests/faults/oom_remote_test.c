/* Memory that cannot be had: the Nth allocation fails, for every N, while a request is
 * written, an answer read, and a server announced and found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "remote/announce.h"
#include "remote/body.h"
#include "remote/delta.h"
#include "remote/sse.h"
#include "../unit/scratch.h"
#include "libc_fault.h"

static orion_status write_request(void *self, orion_error *err)
{
    const orion_message messages[] = {{"system", "be kind"}, {"user", "hello"}};
    orion_generate_params params;
    const char *const stop[] = {"a", "b"};
    struct ori_buf out;

    (void)self;
    orion_generate_params_init(&params);
    params.stop = stop;
    params.n_stop = 2;
    const orion_request request = {.messages = messages,
                                   .n_messages = 2,
                                   .params = &params,
                                   .top_logprobs = ORION_NO_LOGPROBS};
    ori_buf_init(&out, 1u << 16);
    const orion_status status = ori_body_write(&request, "m", true, &out, err);
    ori_buf_release(&out);
    return status;
}

static orion_status take(void *self, const char *data, size_t len, orion_error *err)
{
    struct ori_delta delta;

    (void)self;
    const orion_status status = ori_delta_read(data, len, &delta, err);
    ori_delta_release(&delta);
    return status;
}

static orion_status read_answer(void *self, orion_error *err)
{
    static const char stream[] =
        "data: {\"choices\":[{\"text\":\"a text that is not so short\"}]}\n\n"
        "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}\n\n"
        "data: [DONE]\n\n";
    struct ori_sse sse;

    (void)self;
    ori_sse_init(&sse, take, NULL);
    const orion_status status = ori_sse_feed(&sse, stream, sizeof(stream) - 1, err);
    ori_sse_release(&sse);
    return status;
}

static orion_status be_found(void *self, orion_error *err)
{
    struct ori_announcement *announcement;
    struct ori_announced found;

    (void)self;
    orion_status status = ori_announce("http://127.0.0.1:7", NULL, &announcement, err);
    if (status != ORION_OK)
        return status;
    status = ori_announced_find(&found, err);
    ori_announced_release(&found);
    ori_announce_end(announcement);
    return status;
}

static int make(void **state)
{
    hook_json();
    return make_folder(state) || setenv("XDG_RUNTIME_DIR", folder, 1);
}

static void test_request(void **state)
{
    (void)state;
    torture(&(struct torture){.label = "a request", .step = write_request}, 0, NULL);
}

static void test_answer(void **state)
{
    (void)state;
    torture(&(struct torture){.label = "an answer", .step = read_answer}, 0, NULL);
}

static void test_announcement(void **state)
{
    (void)state;
    torture(&(struct torture){.label = "an announcement", .step = be_found}, 0, NULL);
    assert_int_equal(rmdir(path_of("orion")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_announcement),
    };
    return cmocka_run_group_tests_name("oom_remote", tests, make, remove_folder);
}
