/* The interpreter of chat templates: what Jinja2 makes of the same, where text comes
 * from, and where errors are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/jinja/jinja.h"
#include "chats.h"

static const struct tm noon = {.tm_year = 124,
                               .tm_mon = 6,
                               .tm_mday = 26,
                               .tm_hour = 13,
                               .tm_min = 4,
                               .tm_sec = 5,
                               .tm_wday = 5,
                               .tm_yday = 207};

/* *out must be zero. */
static orion_status run(struct ori_str source, const struct ori_jinja_input *input,
                        struct ori_chat_prompt *out, orion_error *err)
{
    struct ori_jinja *jinja;
    orion_status status = ori_jinja_parse(source, &jinja, err);
    if (status != ORION_OK) {
        assert_null(jinja);
        return status;
    }
    status = ori_jinja_render(jinja, input, out, err);
    if (status != ORION_OK)
        assert_true(out->text.data == NULL && out->spans == NULL);
    ori_jinja_free(jinja);
    return status;
}

/* ---- recorded from Jinja2: tools/templates/record.py ---- */

static json_t *load_golden(void)
{
    char path[4096];
    json_error_t error;

    (void)snprintf(path, sizeof(path), "%s/golden/jinja.json", getenv("ORION_TEST_DATA"));
    json_t *golden = json_load_file(path, 0, &error);
    if (!golden)
        fail_msg("%s: %s", path, error.text);
    return golden;
}

static void check_case(const json_t *item, const struct ori_jinja_input *input)
{
    const json_t *source = json_object_get(item, "template");
    const char *want = json_string_value(json_object_get(item, "text")); /* NULL: it fails */
    struct ori_chat_prompt prompt = {0};
    orion_error err = {0};

    const orion_status status =
        run((struct ori_str){json_string_value(source), json_string_length(source)}, input, &prompt,
            &err);
    if ((status == ORION_OK) != (want != NULL))
        fail_msg("%s: %s", json_string_value(json_object_get(item, "name")),
                 want ? err.message : "it should fail");
    if (want && strcmp(ori_buf_text(&prompt.text), want) != 0)
        fail_msg("%s: got\n%s\nwant\n%s", json_string_value(json_object_get(item, "name")),
                 ori_buf_text(&prompt.text), want);
    ori_chat_prompt_release(&prompt);
}

static void test_golden(void **state)
{
    json_t *golden = load_golden();
    const struct ori_jinja_input input = {.variables = json_object_get(golden, "context"),
                                          .now = noon};
    const json_t *cases = json_object_get(golden, "cases");

    (void)state;
    assert_true(json_array_size(cases) > 150);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(json_array_get(cases, i), &input);
    json_decref(golden);
}

/* ---- where text comes from ---- */

static void test_origins(void **state)
{
    static const struct ori_jinja_message messages[] = {{"user", " a<|end|>B "}, {"system", "s"}};
    static const struct {
        const char *source, *want;
    } cases[] = {
        {"<|{{ messages[0].role }}|>{{ messages[0].content }}<|end|>",
         "<|user|>{ a<|end|>B }<|end|>"},
        {"{{ bos_token + m }}", "<s>"},
        {"{{ messages[0].content|trim }}", "{a<|end|>B}"},
        {"{{ messages[0].content.strip()|upper }}", "{A<|END|>B}"},
        {"{{ '<|' + messages[0].content[2:] }}", "<|{<|end|>B }"},
        {"{{ ('<x>' ~ messages[0].content ~ '<y>')[2:-2] }}", ">{ a<|end|>B }<"},
        {"{{ ('ab' + messages[1].content + 'cd')[::-1] }}", "dc{s}ba"},
        {"{{ messages[0].content.split('<|end|>')|join('<|end|>') }}", "{ a}<|end|>{B }"},
        {"{{ messages[0].content|replace('a', '<|end|>') }}", "{ }<|end|>{<|end|>B }"},
        {"{{ 'x%sy' % messages[1].content }}{{ 'x{}y'.format(messages[1].content) }}",
         "x{s}yx{s}y"},
        {"{{ messages|tojson }}",
         "{[{\"role\": \"user\", \"content\": \" a<|end|>B \"}, {\"role\": \"system\", "
         "\"content\": \"s\"}]}"},
        {"{% set b %}<{{ messages[1].content }}>{% endset %}{{ b|indent(2, true) }}", "  <{s}>"},
        {"{% macro m(t) %}<|{{ t }}|>{% endmacro %}{{ m(messages[1].content) }}", "<|{s}|>"},
        {"{% set ns = namespace(t='<') %}{% set ns.t = ns.t + messages[1].content %}{{ ns.t ~ '>' "
         "}}",
         "<{s}>"},
        {"{{ messages[1].content * 2 ~ 'x' * 2 }}", "{ss}xx"},
        {"{{ [messages[1].content, 's']|unique|first }}", "{s}"},
        {"{% if messages[1].content == 's' %}<s>{% endif %}", "<s>"},
        {"{{ extra.role }}{{ extra.key }}{% for k in extra %}{{ k }}{% endfor %}",
         "{<|end|>vrolekey}"},
    };
    json_t *variables =
        json_pack("{s:{s:s, s:s}, s:s}", "extra", "role", "<|end|>", "key", "v", "m", "");
    const struct ori_jinja_input input = {
        .messages = messages, .n_messages = 2, .variables = variables, .bos_token = "<s>"};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_chat_prompt prompt = {0};
        struct ori_buf got;
        orion_error err = {0};

        ori_buf_init(&got, 1u << 16);
        if (run(str(cases[i].source), &input, &prompt, &err) != ORION_OK)
            fail_msg("%s: %s", cases[i].source, err.message);
        spell(&prompt, &got);
        if (strcmp(ori_buf_text(&got), cases[i].want) != 0)
            fail_msg("%s: got\n%s\nwant\n%s", cases[i].source, ori_buf_text(&got), cases[i].want);
        ori_chat_prompt_release(&prompt);
        ori_buf_release(&got);
    }
    json_decref(variables);
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    static const struct {
        const char *source;
        orion_status status;
        size_t offset;
        const char *says;
    } cases[] = {
        {"a\n  {{ x.y }}", ORION_E_FORMAT, 8, "line 2, column 7: 'x' is undefined"},
        {"{% if a %}", ORION_E_FORMAT, 10, "line 1, column 11: the template ends where a {% endif"},
        {"{{ 'a\n' }}\n{{ b c }}", ORION_E_FORMAT, 16, "line 3, column 6: expected '}}'"},
        {"{{ a|fluff }}", ORION_E_FORMAT, 5, "there is no filter 'fluff'"},
        {"{{ a is fluff }}", ORION_E_FORMAT, 8, "there is no test 'fluff'"},
        {"{% fluff %}", ORION_E_FORMAT, 3, "there is no statement 'fluff'"},
        {"{# a", ORION_E_FORMAT, 0, "this comment has no end"},
        {"{{ 'a }}", ORION_E_FORMAT, 3, "this string has no end"},
        {"{{ 9223372036854775808 }}", ORION_E_FORMAT, 3, "does not fit 64 bits"},
        {"{{ 9223372036854775807 + 1 }}", ORION_E_FORMAT, 23, "does not fit 64 bits"},
        {"{{ ; }}", ORION_E_FORMAT, 3, "no meaning"},
        {"{% for a in b recursive %}", ORION_E_FORMAT, 14, "recursive loops"},
        {"{{ raise_exception('Roles!') }}", ORION_E_ARGUMENT, 18, "refuses these messages: Roles!"},
        {"{{ (-9223372036854775807 - 1) // -1 }}", ORION_E_FORMAT, 30, "does not fit"},
        {"{{ [1, 2][::0] }}", ORION_E_FORMAT, 9, "the step of a slice"},
    };
    const struct ori_jinja_input input = {.now = noon};

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_chat_prompt prompt = {0};
        orion_error err = {0};
        const orion_status status = run(str(cases[i].source), &input, &prompt, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says) ||
            err.offset != cases[i].offset)
            fail_msg("%s: status %d at %zu: %s", cases[i].source, (int)status, (size_t)err.offset,
                     err.message);
        assert_int_equal(run(str(cases[i].source), &input, &prompt, NULL), status);
    }
}

static void test_messages_stand_in_variables(void **state)
{
    static const struct ori_jinja_message messages[] = {{"user", "a"}};
    json_t *variables = json_pack("{s:[{s:s, s:s}]}", "messages", "role", "tool", "content", "b");
    const struct ori_jinja_input input = {
        .messages = messages, .n_messages = 1, .variables = variables};
    struct ori_chat_prompt prompt = {0};

    (void)state;
    assert_int_equal(run(str("<{{ messages[0].role ~ messages[0].content }}{{ tools is none }}"),
                         &input, &prompt, NULL),
                     ORION_OK);
    assert_string_equal(ori_buf_text(&prompt.text), "<toolbTrue");
    assert_int_equal(prompt.spans[0].len, 5);
    ori_chat_prompt_release(&prompt);
    json_decref(variables);
}

/* ---- bytes that are no characters ---- */

static void test_any_bytes(void **state)
{
    static const struct ori_jinja_message messages[] = {{"user", "a\xff\xe2\x82 \xc3\xa9"}};
    static const char source[] =
        "{% set c = messages[0].content %}{{ c|length }} {{ c|upper }} {{ c[::-1]|length }} "
        "{{ c|tojson }} {{ c.split()|length }} {{ c|trim|length }} {{ [c] }} {{ c|title }}";
    const struct ori_jinja_input input = {.messages = messages, .n_messages = 1};
    struct ori_chat_prompt prompt = {0};
    orion_error err = {0};

    (void)state;
    if (run(str(source), &input, &prompt, &err) != ORION_OK)
        fail_msg("%s", err.message);
    assert_memory_equal(ori_buf_text(&prompt.text), "6 A\xff\xe2\x82 \xc3\x89 6 ", 11);
    ori_chat_prompt_release(&prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_origins),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_messages_stand_in_variables),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests_name("jinja", tests, NULL, NULL);
}
