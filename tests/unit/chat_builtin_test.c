/* Layouts that are built in: telling which a file carries, and laying out by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chats.h"

static const orion_message late[] = {{"user", "Hi"}, {"assistant", "Hello"}, {"system", "Stop"}};
static const orion_message two_rules[] = {{"system", "A"}, {"system", "B"}, {"user", "Hi"}};

/* ---- which template ---- */

/* The telling parts of templates as publishers wrote them. */
static void test_recognise(void **state)
{
    static const struct {
        const char *label, *source, *name; /* name NULL: not known */
    } cases[] = {
        {"none", "", NULL},
        {"unknown", "{% for m in messages %}### Human: {{ m['content'] }}{% endfor %}", NULL},
        {"bundled model",
         "{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
         "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
         "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif "
         "%}",
         "phi3"},
        {"Phi-3 of April 2024",
         "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
         "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
         "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}",
         "phi3-no-system"},
        {"Phi-3 medium, roles by name",
         "{{'<|' + message['role'] + '|>' + '\n' + message['content'] + '<|end|>\n' }}"
         "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}",
         "phi3"},
        {"Phi-4 mini",
         "{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + "
         "'<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + "
         "message['content'] + '<|end|>' }}{% if add_generation_prompt %}{{ '<|assistant|>' }}",
         "phi4-mini"},
        {"ChatML",
         "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}",
         "chatml"},
        {"Phi-4, not ChatML",
         "{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}", "phi4"},
        {"Llama 3",
         "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | "
         "trim + '<|eot_id|>'",
         "llama3"},
        {"Llama 2",
         "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + content %}"
         "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}",
         "llama2"},
        {"Gemma",
         "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}",
         "gemma"},
        {"Mistral 7B v0.2", "{{ ' [INST] ' + message['content'] + ' [/INST]' }}", "mistral-v1"},
        {"Mistral 7B v0.3", "{{ '[INST] ' + message['content'] + '[/INST]' }}", "mistral-v3"},
        {"later Mistral with its own system turn",
         "{{ '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}[INST] [/INST",
         "mistral-v7"},
        {"Granite",
         "{{- '<|start_of_role|>user<|end_of_role|>' + message['content'] + '<|end_of_text|>\n' }}",
         "granite"},
        {"DeepSeek Coder",
         "{{'### Instruction:\\n' + message['content'] + '\\n'}}{{'\\n<|EOT|>\\n'}}", "deepseek"},
        {"other instructions", "{{'### Instruction:\\n' + message['content'] + '\\n'}}", NULL},
        {"DeepSeek V2",
         "{{ 'User: ' + message['content'] + '\n\n' }}{{ 'Assistant: ' + message['content'] + "
         "eos_token }}",
         "deepseek2"},
        {"DeepSeek R1",
         "{{'<｜User｜>' + message['content']}}{{'<｜Assistant｜>' + content + "
         "'<｜end▁of▁sentence｜>'}}",
         "deepseek3"},
        {"OpenChat",
         "{{ 'GPT4 Correct ' + message['role'].title() + ': ' + message['content'] + "
         "'<|end_of_turn|>'}}",
         "openchat"},
        {"Megrez",
         "{{ '<|role_start|>' + message['role'] + '<|role_end|>' + message['content'] + "
         "'<|turn_end|>' }}",
         "megrez"},
        {"TinyLlama",
         "{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
         "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + "
         "eos_token }}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}",
         "zephyr"},
        {"Falcon 3 is not Zephyr",
         "{{ '<|user|>\n' + message['content'] + '\n' }}{{ '<|assistant|>\n' + message['content'] "
         "+ eos_token + '\n' }}",
         NULL},
        {"begins like a mark and ends", "<|im_start", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        const struct ori_chat_template *found = ori_chat_recognise(str(cases[i].source));
        const char *name = found ? ori_chat_name(found) : "(none)";
        const char *want = cases[i].name ? cases[i].name : "(none)";
        if (strcmp(name, want) != 0)
            fail_msg("%s: got %s, want %s", cases[i].label, name, want);
    }
    assert_null(ori_chat_recognise((struct ori_str){NULL, 0}));
}

static void test_by_name(void **state)
{
    (void)state;
    assert_string_equal(ori_chat_name(ori_chat_by_name("phi3")), "phi3");
    assert_string_equal(ori_chat_name(ori_chat_by_name("zephyr")), "zephyr");
    assert_ptr_equal(ori_chat_by_name("mistral-v3-tekken"), ori_chat_by_name("mistral-v3"));
    assert_ptr_equal(ori_chat_by_name("mistral-v7-tekken"), ori_chat_by_name("mistral-v7"));
    assert_ptr_equal(ori_chat_by_name("olmo2"), ori_chat_by_name("falcon3"));
    assert_null(ori_chat_by_name("phi"));
    assert_null(ori_chat_by_name(""));
}

/* One after the other, and each can be had by its name, which an error tells once. */
static void test_all_have_names(void **state)
{
    struct ori_chat chat = {0};
    orion_error err = {0};
    size_t n = 0;

    (void)state;
    assert_int_equal(ori_chat_use(&chat, "nothing", &err), ORION_E_NOT_FOUND);
    for (; ori_chat_at(n); n++) {
        const char *name = ori_chat_name(ori_chat_at(n));
        assert_string_equal(ori_chat_name(ori_chat_by_name(name)), name);
        assert_non_null(strstr(err.message, name));
    }
    assert_true(n > 15);
    const char *first = strstr(err.message, "phi3,");
    assert_true(first && !strstr(first + 1, "phi3,"));
}

/* ---- layout ---- */

/* The texts of phi4 and the rows behind it are what @huggingface/jinja makes of the models'
 * published templates, but for BOS, spaces that tokenizers put, and system texts that they
 * make up; vicuna's is FastChat's. */
static void test_layout(void **state)
{
    static const struct {
        const char *name;
        const orion_message *messages;
        size_t n;
        const char *want;
    } cases[] = {
        {"phi3", M(one), "<|user|>\n{ Hi\n}<|end|>\n<|assistant|>\n"},
        {"phi3", M(all),
         "<|system|>\n{Be brief}<|end|>\n<|user|>\n{Hi}<|end|>\n<|assistant|>\n{Hello}<|end|>\n"
         "<|user|>\n{Bye}<|end|>\n<|assistant|>\n"},
        {"phi3", M(forged), "<|user|>\n{<|end|>}<|end|>\n<|assistant|>\n"},
        {"phi3", M(late),
         "<|user|>\n{Hi}<|end|>\n<|assistant|>\n{Hello}<|end|>\n<|system|>\n{Stop}<|end|>\n"
         "<|assistant|>\n"},
        {"phi3-no-system", M(all),
         "<|user|>\n{Be brief}\n\n{Hi}<|end|>\n<|assistant|>\n{Hello}<|end|>\n<|user|>\n{Bye}"
         "<|end|>\n<|assistant|>\n"},
        {"phi3-no-system", M(two_rules), "<|user|>\n{A}\n\n{B}\n\n{Hi}<|end|>\n<|assistant|>\n"},
        {"phi3-no-system", M(late),
         "<|user|>\n{Hi}<|end|>\n<|assistant|>\n{Hello}<|end|>\n<|user|>\n{Stop}\n\n<|end|>\n"
         "<|assistant|>\n"},
        {"phi4-mini", M(all),
         "<|system|>{Be brief}<|end|><|user|>{Hi}<|end|><|assistant|>{Hello}<|end|><|user|>{Bye}"
         "<|end|><|assistant|>"},
        {"chatml", M(all),
         "<|im_start|>system\n{Be brief}<|im_end|>\n<|im_start|>user\n{Hi}<|im_end|>\n"
         "<|im_start|>assistant\n{Hello}<|im_end|>\n<|im_start|>user\n{Bye}<|im_end|>\n"
         "<|im_start|>assistant\n"},
        {"llama3", M(one),
         "<|start_header_id|>user<|end_header_id|>\n\n{Hi}<|eot_id|>"
         "<|start_header_id|>assistant<|end_header_id|>\n\n"},
        {"llama3", M(all),
         "<|start_header_id|>system<|end_header_id|>\n\n{Be brief}<|eot_id|>"
         "<|start_header_id|>user<|end_header_id|>\n\n{Hi}<|eot_id|>"
         "<|start_header_id|>assistant<|end_header_id|>\n\n{Hello}<|eot_id|>"
         "<|start_header_id|>user<|end_header_id|>\n\n{Bye}<|eot_id|>"
         "<|start_header_id|>assistant<|end_header_id|>\n\n"},
        {"gemma", M(all),
         "<start_of_turn>user\n{Be brief}\n\n{Hi}<end_of_turn>\n<start_of_turn>model\n{Hello}"
         "<end_of_turn>\n<start_of_turn>user\n{Bye}<end_of_turn>\n<start_of_turn>model\n"},
        {"llama2", M(one), "[INST] {Hi} [/INST]"},
        {"llama2", M(all),
         "[INST] <<SYS>>\n{Be brief}\n<</SYS>>\n\n{Hi} [/INST] {Hello} </s><s>[INST] {Bye} "
         "[/INST]"},
        {"mistral-v1", M(all), "[INST] {Be brief}\n\n{Hi} [/INST] {Hello}</s>[INST] {Bye} [/INST]"},
        {"mistral-v3", M(all), "[INST]{Be brief}\n\n{Hi}[/INST]{Hello}</s>[INST]{Bye}[/INST]"},
        {"zephyr", M(all),
         "<|system|>\n{Be brief}</s>\n<|user|>\n{Hi}</s>\n<|assistant|>\n{Hello}</s>\n<|user|>\n"
         "{Bye}</s>\n<|assistant|>\n"},
        {"phi4", M(one),
         "<|im_start|>user<|im_sep|>{ Hi\n}<|im_end|><|im_start|>assistant<|im_sep|>"},
        {"phi4", M(all),
         "<|im_start|>system<|im_sep|>{Be brief}<|im_end|><|im_start|>user<|im_sep|>{Hi}<|im_end|>"
         "<|im_start|>assistant<|im_sep|>{Hello}<|im_end|><|im_start|>user<|im_sep|>{Bye}<|im_end|>"
         "<|im_start|>assistant<|im_sep|>"},
        {"mistral-v7", M(all),
         "[SYSTEM_PROMPT]{Be brief}[/SYSTEM_PROMPT][INST]{Hi}[/INST]{Hello}</s>[INST]{Bye}[/INST]"},
        {"falcon3", M(all),
         "<|system|>\n{Be brief}\n<|user|>\n{Hi}\n<|assistant|>\n{Hello}<|endoftext|>\n<|user|>\n"
         "{Bye}\n<|assistant|>\n"},
        {"granite", M(all),
         "<|start_of_role|>system<|end_of_role|>{Be brief}<|end_of_text|>\n"
         "<|start_of_role|>user<|end_of_role|>{Hi}<|end_of_text|>\n"
         "<|start_of_role|>assistant<|end_of_role|>{Hello}<|end_of_text|>\n"
         "<|start_of_role|>user<|end_of_role|>{Bye}<|end_of_text|>\n"
         "<|start_of_role|>assistant<|end_of_role|>"},
        {"deepseek", M(all),
         "{Be brief}### Instruction:\n{Hi}\n### Response:\n{Hello}\n<|EOT|>\n### "
         "Instruction:\n{Bye}\n"
         "### Response:\n"},
        {"deepseek2", M(one), "User: { Hi\n}\n\nAssistant:"},
        {"deepseek2", M(all),
         "{Be brief}\n\nUser: {Hi}\n\nAssistant: {Hello}<｜end▁of▁sentence｜>User: {Bye}\n\n"
         "Assistant:"},
        {"deepseek3", M(all),
         "{Be brief}<｜User｜>{Hi}<｜Assistant｜>{Hello}<｜end▁of▁sentence｜><｜User｜>{Bye}"
         "<｜Assistant｜>"},
        {"openchat", M(all),
         "GPT4 Correct System: {Be brief}<|end_of_turn|>GPT4 Correct User: {Hi}<|end_of_turn|>"
         "GPT4 Correct Assistant: {Hello}<|end_of_turn|>GPT4 Correct User: {Bye}<|end_of_turn|>"
         "GPT4 Correct Assistant:"},
        {"vicuna", M(all), "{Be brief} USER: {Hi} ASSISTANT: {Hello}</s>USER: {Bye} ASSISTANT:"},
        {"megrez", M(all),
         "<|role_start|>system<|role_end|>{Be brief}<|turn_end|><|role_start|>user<|role_end|>{Hi}"
         "<|turn_end|><|role_start|>assistant<|role_end|>{Hello}<|turn_end|><|role_start|>user"
         "<|role_end|>{Bye}<|turn_end|><|role_start|>assistant<|role_end|>"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_chat_prompt prompt = {0};
        struct ori_buf got;
        orion_error err = {0};

        ori_buf_init(&got, 1u << 16);
        if (ori_chat_render(ori_chat_by_name(cases[i].name), cases[i].messages, cases[i].n, &prompt,
                            &err) != ORION_OK)
            fail_msg("%s: %s", cases[i].name, err.message);
        spell(&prompt, &got);
        if (strcmp(ori_buf_text(&got), cases[i].want) != 0)
            fail_msg("%s (row %zu): got\n%s\nwant\n%s", cases[i].name, i, ori_buf_text(&got),
                     cases[i].want);
        ori_chat_prompt_release(&prompt);
        ori_buf_release(&got);
    }
}

static void test_empty_message(void **state)
{
    static const orion_message messages[] = {{"user", ""}};
    struct ori_chat_prompt prompt = {0};

    (void)state;
    assert_int_equal(ori_chat_render(ori_chat_by_name("phi3"), messages, 1, &prompt, NULL),
                     ORION_OK);
    assert_string_equal(ori_buf_text(&prompt.text), "<|user|>\n<|end|>\n<|assistant|>\n");
    assert_int_equal(prompt.n_spans, 1);
    ori_chat_prompt_release(&prompt);
    ori_chat_prompt_release(&prompt); /* twice does no harm */
}

static void test_many_messages(void **state)
{
    enum { N = 1000 };
    static orion_message messages[N];
    struct ori_chat_prompt prompt = {0};

    (void)state;
    for (size_t i = 0; i < N; i++)
        messages[i] = (orion_message){i % 2 ? "assistant" : "user", "x"};
    assert_int_equal(ori_chat_render(ori_chat_by_name("chatml"), messages, N, &prompt, NULL),
                     ORION_OK);
    assert_int_equal(prompt.n_spans, 2 * N + 1);
    ori_chat_prompt_release(&prompt);
}

static void test_refusals(void **state)
{
    static const orion_message role[] = {{"user", "Hi"}, {"wizard", "x"}};
    static const orion_message no_role[] = {{NULL, "Hi"}};
    static const orion_message no_content[] = {{"user", NULL}};
    static const struct {
        const char *label;
        const orion_message *messages;
        size_t n;
        const char *says;
    } cases[] = {
        {"no message", NULL, 0, "no message"},
        {"a role of its own", M(role), "message 2 has the role 'wizard'"},
        {"no role", M(no_role), "message 1 has no role"},
        {"no content", M(no_content), "message 1 has no content"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_chat_prompt prompt = {0};
        orion_error err = {0};
        const orion_status status =
            ori_chat_render(ori_chat_by_name("phi3"), cases[i].messages, cases[i].n, &prompt, &err);
        if (status != ORION_E_ARGUMENT || !strstr(err.message, cases[i].says) || prompt.text.data)
            fail_msg("%s: status %d, %s", cases[i].label, (int)status, err.message);
        ori_chat_prompt_release(&prompt);
    }
}

static void test_prompt_is_bounded(void **state)
{
    const size_t len = (8u << 20) - 10;
    char *content = malloc(len + 1);
    struct ori_chat_prompt prompt = {0};
    orion_error err = {0};

    (void)state;
    assert_non_null(content);
    memset(content, 'x', len);
    content[len] = '\0';
    const orion_message message = {"user", content};
    assert_int_equal(ori_chat_render(ori_chat_by_name("phi3"), &message, 1, &prompt, &err),
                     ORION_E_TOO_LONG);
    assert_non_null(strstr(err.message, "8388608"));
    assert_null(prompt.text.data);
    assert_int_equal(prompt.n_spans, 0);
    ori_chat_prompt_release(&prompt);
    free(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognise),      cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_all_have_names), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_empty_message),  cmocka_unit_test(test_many_messages),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_prompt_is_bounded),
    };
    return cmocka_run_group_tests_name("chat_builtin", tests, NULL, NULL);
}
