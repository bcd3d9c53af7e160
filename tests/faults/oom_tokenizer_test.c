/* Memory that cannot be had: the Nth allocation fails, for every N, while a
 * vocabulary is built, a text is encoded and decoded, and a chat is laid out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "chat/chat.h"
#include "tokenizer/tokenizer.h"
#include "../unit/vocab_file.h"
#include "alloc_fault.h"

/* ---- the things tried ---- */

/* One of each kind that allocates in a way of its own. */
static struct subject {
    struct vocab_file file;
    struct ori_gguf *gguf;
    struct ori_vocab *vocab;
} subjects[3];
static struct subject *subject = &subjects[0]; /* tried now */
static char text[2000];

static int open_subject(struct subject *opened)
{
    file_finish(&opened->file);
    if (ori_gguf_parse(opened->file.bytes.data, opened->file.bytes.len, "test", &opened->gguf,
                       NULL) != ORION_OK)
        return -1;
    return ori_vocab_new(opened->gguf, NULL, &opened->vocab, NULL) == ORION_OK ? 0 : -1;
}

static void put_model(struct vocab_file *file, const char *model, const struct test_vocab *written)
{
    file_init(file);
    file_str(file, "tokenizer.ggml.model", model);
    file_tokens(file, written);
    file_scores(file, written);
    file_types(file, written);
    file_u32(file, "tokenizer.ggml.unknown_token_id", 0);
}

static int setup(void **state)
{
    static struct test_vocab written;

    (void)state;
    vocab_put_basics(&written);
    vocab_put(&written, "\xE2\x96\x81", -1, T_NORMAL);
    vocab_put(&written, "a", -1, T_NORMAL);
    vocab_put(&written, "aa", -1, T_NORMAL);
    for (int i = 0; i < 20; i++) { /* so that the tree of special tokens grows */
        char name[32];
        (void)snprintf(name, sizeof(name), "<|special%c|>", 'a' + i);
        vocab_put(&written, name, 0, T_CONTROL);
    }
    file_of_vocab(&subjects[0].file, &written, "phi3");
    put_model(&subjects[1].file, "bert", &written);
    put_model(&subjects[2].file, "t5", &written);
    memset(text, 'a', sizeof(text));
    memset(text + 1000, ' ', 10);
    memcpy(text + 1500, "\u00c9", 2); /* so that it is decomposed */
    for (size_t i = 0; i < ORI_COUNT(subjects); i++)
        if (open_subject(&subjects[i]) != 0)
            return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    watch(0);
    for (size_t i = 0; i < ORI_COUNT(subjects); i++) {
        ori_vocab_free(subjects[i].vocab);
        ori_gguf_close(subjects[i].gguf);
        file_release(&subjects[i].file);
    }
    return 0;
}

/* Each does its work and tidies up; the status says how it went. */
typedef orion_status (*work_fn)(orion_error *err);

static orion_status load(orion_error *err)
{
    struct ori_vocab *made = subject->vocab; /* must be cleared */
    const orion_status status = ori_vocab_new(subject->gguf, NULL, &made, err);
    assert_int_equal(status == ORION_OK, made != NULL);
    ori_vocab_free(made);
    return status;
}

static orion_status encode(orion_error *err)
{
    const struct ori_piece pieces[] = {
        {"<|speciala|>", 12, true}, {text, sizeof(text), false}, {"<|specialb|> a", 14, true}};
    struct ori_tokens tokens = {0};
    orion_status status = ori_tokens_add(&tokens, 7);

    if (status != ORION_OK) {
        ori_tokens_release(&tokens);
        return ori_fail_nomem(err, "a token");
    }
    status = ori_vocab_encode(subject->vocab, pieces, 3, ORI_BEGIN | ORI_END, &tokens, err);
    if (status != ORION_OK) /* what was there before is left */
        assert_int_equal(tokens.count, 1);
    assert_int_equal(tokens.ids[0], 7);
    ori_tokens_release(&tokens);
    return status;
}

static orion_status decode(orion_error *err)
{
    struct ori_decoder decoder;
    struct ori_buf out;
    orion_status status = ORION_OK;

    ori_buf_init(&out, 1u << 20);
    ori_decoder_init(&decoder, subject->vocab, true, true, true);
    for (int32_t id = 0; id < (int32_t)ori_vocab_size(subject->vocab) && status == ORION_OK; id++)
        status = ori_decoder_add(&decoder, id, &out);
    if (status == ORION_OK)
        status = ori_decoder_finish(&decoder, &out);
    ori_decoder_release(&decoder);
    ori_buf_release(&out);
    return status == ORION_OK ? status : ori_fail(err, status, "decoding");
}

static orion_status render(orion_error *err)
{
    enum { N = 20 };
    orion_message messages[N];
    struct ori_chat_prompt prompt = {0};

    for (size_t i = 0; i < N; i++)
        messages[i] = (orion_message){i % 2 ? "assistant" : "user", "a message"};
    const orion_status status =
        ori_chat_render(ori_chat_by_name("phi3"), messages, N, &prompt, err);
    if (status != ORION_OK)
        assert_true(prompt.text.data == NULL && prompt.spans == NULL);
    ori_chat_prompt_release(&prompt);
    return status;
}

/* By a program: parsing, values, a number, a macro, JSON; and again without the
 * system message, which it refuses. */
static orion_status run_program(orion_error *err)
{
    static const char source[] =
        "{% macro m(a) %}<{{ a }}>{% endmacro %}{% set ns = namespace(t='') %}"
        "{% for m_ in messages %}{% set ns.t = ns.t + m_.content|upper %}{{ m(m_.role) }}"
        "{{ {'a': [1.5, m_.content]}|tojson }}{% endfor %}{{ ns.t }}{{ messages|map(attribute="
        "'role')|unique|sort|join }}{% if messages[0].role == 'system' %}"
        "{{ raise_exception('x') }}{% endif %}";
    orion_message messages[] = {{"system", "a"}, {"user", "b"}, {"user", "c"}};
    const struct ori_chat_ask ask = {messages, 3, NULL};
    struct ori_chat_prompt prompt = {0};
    struct ori_reply_form form;
    struct ori_chat chat;

    orion_status status =
        ori_chat_init(&chat, (struct ori_str){source, sizeof(source) - 1}, "<s>", NULL, err);
    if (status == ORION_OK)
        status = ori_chat_layout(&chat, &ask, &prompt, &form, err);
    if (status != ORION_OK)
        assert_true(prompt.text.data == NULL && prompt.spans == NULL);
    ori_chat_prompt_release(&prompt);
    ori_chat_release(&chat);
    return status;
}

static orion_status summarise(orion_error *err)
{
    struct ori_buf out;
    ori_buf_init(&out, 1u << 20);
    const orion_status status = ori_summary_request(ORI_LANG_ES, "mayo", "a", 1, &out);
    ori_buf_release(&out);
    return status == ORION_OK ? status : ori_fail(err, status, "the request");
}

/* Until nothing is left to fail. */
static void fail_each(work_fn work, size_t at_least)
{
    for (size_t n = 1;; n++) {
        orion_error err = {.status = ORION_OK};
        watch(n);
        const orion_status status = work(&err);
        const size_t calls = heap.calls;
        const long blocks = heap.blocks;
        watch(0);
        assert_int_equal(blocks, 0);
        if (calls < n) {
            assert_int_equal(status, ORION_OK);
            assert_true(n > at_least);
            return;
        }
        assert_int_equal(status, ORION_E_NOMEM);
        assert_int_equal(err.status, ORION_E_NOMEM);
        assert_true(err.message[0] != '\0');
    }
}

static void fail_each_kind(work_fn work, size_t at_least)
{
    for (size_t i = 0; i < ORI_COUNT(subjects); i++) {
        subject = &subjects[i];
        fail_each(work, at_least);
    }
    subject = &subjects[0];
}

static void test_loading(void **state)
{
    (void)state;
    fail_each_kind(load, 5);
}

static void test_encoding(void **state)
{
    (void)state;
    fail_each_kind(encode, 5);
}

static void test_decoding(void **state)
{
    (void)state;
    fail_each(decode, 2);
}

static void test_chat(void **state)
{
    (void)state;
    fail_each(render, 5);
}

static void test_program(void **state)
{
    (void)state;
    fail_each(run_program, 10);
}

static void test_summary(void **state)
{
    (void)state;
    fail_each(summarise, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),  cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_decoding), cmocka_unit_test(test_chat),
        cmocka_unit_test(test_program),  cmocka_unit_test(test_summary),
    };
    return cmocka_run_group_tests_name("oom_tokenizer", tests, setup, teardown);
}
