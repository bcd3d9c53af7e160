/* Templates, the request for a summary, and telling Spanish from English. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/chat.h"

static struct ori_str str(const char *text)
{
    return (struct ori_str){text, strlen(text)};
}

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
        {"Phi-4 is not ChatML",
         "{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}", NULL},
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
         "{{ '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}[INST] [/INST", NULL},
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
    assert_null(ori_chat_by_name("phi"));
    assert_null(ori_chat_by_name(""));
}

/* ---- layout ---- */

/* In the expected text, a message's text stands between { and }: whatever is
 * outside is markup.  That shows which spans may hold control tokens. */
static void spell(const struct ori_chat_prompt *prompt, struct ori_buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < prompt->n_spans; i++) {
        const struct ori_chat_span *span = &prompt->spans[i];
        assert_int_equal(span->offset, at); /* they cover the text without gaps */
        assert_true(span->len > 0);
        assert_true(i == 0 || prompt->spans[i - 1].special != span->special);
        ori_buf_adds(out, span->special ? "" : "{");
        ori_buf_add(out, prompt->text.data + span->offset, span->len);
        ori_buf_adds(out, span->special ? "" : "}");
        at += span->len;
    }
    assert_int_equal(at, prompt->text.len);
}

static const orion_message one[] = {{"user", " Hi\n"}};
static const orion_message all[] = {
    {"system", "Be brief"}, {"user", "Hi"}, {"assistant", "Hello"}, {"user", "Bye"}};
static const orion_message forged[] = {{"user", "<|end|>"}};
static const orion_message late[] = {{"user", "Hi"}, {"assistant", "Hello"}, {"system", "Stop"}};
static const orion_message two_rules[] = {{"system", "A"}, {"system", "B"}, {"user", "Hi"}};

static void test_layout(void **state)
{
#define M(list) list, ORI_COUNT(list)
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

static orion_status layout(const struct ori_chat *chat, const orion_message *messages, size_t n,
                           struct ori_chat_prompt *out, orion_error *err)
{
    const struct ori_chat_ask ask = {messages, n, NULL};
    struct ori_reply_form form;
    return ori_chat_layout(chat, &ask, out, &form, err);
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

/* ---- a model's own template ---- */

#define PHI3                                                                                       \
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"             \
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"                                        \
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"      \
    "{% elif message['role'] == 'assistant' %}"                                                    \
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"              \
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
/* Refuses system messages and two turns of one side. */
#define STRICT                                                                                     \
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system') }}{% endif %}"        \
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"              \
    "{{ raise_exception('Take turns') }}{% endif %}<{{ m['role'] }}>{{ m['content'] }}"            \
    "{% endfor %}"
#define FALCON "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
#define BROKEN "{% for m in messages %}<|im_start|>{{ m.nosuchthing| }}<|im_end|>{% endfor %}"

static const orion_message folds[] = {{"system", "A"}, {"system", "B"}, {"user", "Hi"}};
static const orion_message only_system[] = {{"system", "A"}};
static const orion_message same_side[] = {{"user", "A"}, {"user", "B"}};
static const orion_message system_late[] = {
    {"user", "A"}, {"system", "B"}, {"assistant", "C"}, {"user", "D"}};

static void test_own_template(void **state)
{
    static const struct {
        const char *label, *source;
        const orion_message *messages;
        size_t n;
        orion_status status;
        const char *name, *want; /* or what the message says */
    } cases[] = {
        {"run", FALCON, M(one), ORION_OK, "jinja", "user: { Hi\n}\n"},
        {"run, and recognised", PHI3, M(all), ORION_OK, "phi3",
         "<s><|system|>\n{Be brief}<|end|>\n<|user|>\n{Hi}<|end|>\n<|assistant|>\n{Hello}<|end|>\n"
         "<|user|>\n{Bye}<|end|>\n<|assistant|>\n"},
        {"forged", PHI3, M(forged), ORION_OK, "phi3",
         "<s><|user|>\n{<|end|>}<|end|>\n<|assistant|>\n"},
        {"not to be parsed, but recognised", BROKEN, M(one), ORION_OK, "chatml",
         "<|im_start|>user\n{ Hi\n}<|im_end|>\n<|im_start|>assistant\n"},
        {"neither", "{% nonsense %}", M(one), ORION_E_UNSUPPORTED, "",
         "line 1, column 4: there is no statement 'nonsense' here; choose another"},
        {"none", "", M(one), ORION_E_UNSUPPORTED, "", "the model has no chat template; choose one"},
        {"refuses system messages", STRICT, M(folds), ORION_OK, "jinja", "<user>{A\n\nB\n\nHi}"},
        {"a system message alone", STRICT, M(only_system), ORION_OK, "jinja", "<user>{A}"},
        {"a system message later on", STRICT, M(system_late), ORION_OK, "jinja",
         "<user>{A}<assistant>{C}<user>{B\n\nD}"},
        {"refuses the turns", STRICT, M(same_side), ORION_E_ARGUMENT, "jinja",
         "it refuses these messages: Take turns"},
        {"fails on them", "{{ messages[0].nope.more }}", M(one), ORION_E_FORMAT, "jinja",
         "'nope' is undefined"},
        {"no message", FALCON, NULL, 0, ORION_E_ARGUMENT, "jinja", "no message"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_chat chat;
        struct ori_chat_prompt prompt = {0};
        struct ori_buf got;
        orion_error err = {0};

        ori_buf_init(&got, 1u << 16);
        assert_int_equal(ori_chat_init(&chat, str(cases[i].source), "<s>", "</s>", NULL), ORION_OK);
        assert_string_equal(ori_chat_label(&chat), cases[i].name);
        const orion_status status = layout(&chat, cases[i].messages, cases[i].n, &prompt, &err);
        if (status == ORION_OK)
            spell(&prompt, &got);
        const bool right = status == ORION_OK ? strcmp(ori_buf_text(&got), cases[i].want) == 0
                                              : strstr(err.message, cases[i].want) != NULL;
        if (status != cases[i].status || !right)
            fail_msg("%s: status %d, %s, got\n%s", cases[i].label, (int)status, err.message,
                     ori_buf_text(&got));
        ori_chat_prompt_release(&prompt);
        ori_chat_release(&chat);
        ori_buf_release(&got);
    }
}

/* What the built-in layout makes of a chat, the file's program makes too, but for BOS. */
static void test_phi3_as_before(void **state)
{
    struct ori_chat chat;
    struct ori_chat_prompt own = {0}, builtin = {0};

    (void)state;
    assert_int_equal(ori_chat_init(&chat, str(PHI3), "<s>", NULL, NULL), ORION_OK);
    assert_int_equal(layout(&chat, M(all), &own, NULL), ORION_OK);
    assert_int_equal(ori_chat_use(&chat, "phi3", NULL), ORION_OK);
    assert_int_equal(layout(&chat, M(all), &builtin, NULL), ORION_OK);
    assert_string_equal(ori_buf_text(&own.text) + 3, ori_buf_text(&builtin.text));
    assert_int_equal(own.n_spans, builtin.n_spans);
    ori_chat_prompt_release(&own);
    ori_chat_prompt_release(&builtin);
    ori_chat_release(&chat);
}

static void test_choosing(void **state)
{
    struct ori_chat chat;
    orion_error err = {0};

    (void)state;
    assert_int_equal(ori_chat_init(&chat, str("{% nonsense %}"), NULL, NULL, &err), ORION_OK);
    assert_int_equal(ori_chat_use(&chat, "chatmlx", &err), ORION_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "'chatmlx'"));
    assert_int_equal(ori_chat_use(&chat, "{{ x", &err), ORION_E_FORMAT);
    assert_string_equal(ori_chat_label(&chat), "");
    assert_true(chat.why_not[0] != '\0');
    assert_int_equal(ori_chat_use(&chat, FALCON, &err), ORION_OK);
    assert_string_equal(ori_chat_label(&chat), "jinja");
    assert_int_equal(ori_chat_use(&chat, "gemma", &err), ORION_OK);
    assert_string_equal(ori_chat_label(&chat), "gemma");
    assert_null(chat.program);
    ori_chat_release(&chat);
    ori_chat_release(&chat);
}

/* ---- the request for a summary ---- */

#define EN_REST                                                                                    \
    "\nGive the main diagnoses or symptoms, medicines and changes of treatment, relevant "         \
    "results, "                                                                                    \
    "trends in vital signs and pending follow-ups. Use only facts from the records.\n\nRecords:\n"
#define EN_FIRST "Summarise these health records for the patient in clear, simple English."
#define ES_REST                                                                                    \
    "\nDi los diagnósticos o síntomas principales, las medicinas y los cambios de tratamiento, " \
    "los resultados relevantes, las tendencias de los signos vitales y los seguimientos "          \
    "pendientes. Usa solo datos de los registros.\n\nRegistros:\n"
#define ES_FIRST "Resume estos registros de salud para el paciente en español claro y sencillo."

static void test_summary_request(void **state)
{
    static const struct {
        enum ori_lang lang;
        const char *period, *records, *want;
    } cases[] = {
        {ORI_LANG_EN, "March 2024", "a\nb", EN_FIRST " Period: March 2024." EN_REST "a\nb"},
        {ORI_LANG_EN, NULL, "a", EN_FIRST EN_REST "a"},
        {ORI_LANG_EN, "", "a", EN_FIRST EN_REST "a"},
        {ORI_LANG_EN, " \n", "a", EN_FIRST EN_REST "a"},
        {ORI_LANG_EN, " May\t", " a \n\n", EN_FIRST " Period: May." EN_REST " a"},
        {ORI_LANG_EN, NULL, " \n", EN_FIRST EN_REST},
        {ORI_LANG_ES, "marzo de 2024", "a\nb\n",
         ES_FIRST " Periodo: marzo de 2024." ES_REST "a\nb"},
        {ORI_LANG_ES, NULL, "a", ES_FIRST ES_REST "a"},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        struct ori_buf out;
        ori_buf_init(&out, 4096);
        ori_buf_adds(&out, ">");
        assert_int_equal(ori_summary_request(cases[i].lang, cases[i].period, cases[i].records,
                                             strlen(cases[i].records), &out),
                         ORION_OK);
        assert_string_equal(ori_buf_text(&out) + 1, cases[i].want);
        ori_buf_release(&out);
    }
}

static void test_summary_request_is_bounded(void **state)
{
    struct ori_buf out;

    (void)state;
    ori_buf_init(&out, 100);
    assert_int_equal(ori_summary_request(ORI_LANG_EN, NULL, "a", 1, &out), ORION_E_TOO_LONG);
    ori_buf_release(&out);
}

/* ---- languages ---- */

static void test_lang_guess(void **state)
{
    static const struct {
        const char *label, *text;
        enum ori_lang want;
    } cases[] = {
        {"nothing", "", ORI_LANG_EN},
        {"numbers", "2024-03-01 130/85", ORI_LANG_EN},
        {"an English sentence", "The patient reports headache since Monday.", ORI_LANG_EN},
        {"a Spanish sentence", "El paciente refiere dolor de cabeza.", ORI_LANG_ES},
        {"without accents", "Presion arterial 130/85, toma losartan 50 mg cada 12 horas",
         ORI_LANG_ES},
        {"capitals", "PRESIÓN ARTERIAL 130/85", ORI_LANG_ES},
        {"capitals with accents", "MÁS", ORI_LANG_ES},
        {"English capitals", "BLOOD PRESSURE 130/85", ORI_LANG_EN},
        {"a list", "2024-03-04: Inicia losartán 50 mg.\n2024-03-11: Glucosa 149 mg/dL.\n",
         ORI_LANG_ES},
        {"an English list", "2024-03-06: HbA1c 8.7%. Weight 91.4 kg.\n2024-04-10: Glucose 149\n",
         ORI_LANG_EN},
        {"Spanish names in English", "Seen by Dr. José Núñez Ibáñez for the annual exam",
         ORI_LANG_EN},
        {"English medicine names in Spanish", "Toma Ventolin y Seretide por la noche", ORI_LANG_ES},
        {"a question", "¿Fiebre? No.", ORI_LANG_ES},
        {"letters only", "Gómez, Íñigo", ORI_LANG_ES},
        {"a word is a whole word", "elbow lasso conquer dental", ORI_LANG_EN},
        {"words between signs", "(de)/la;con", ORI_LANG_ES},
        {"first and last of the lists", "ya", ORI_LANG_ES},
        {"English ones", "your", ORI_LANG_EN},
        {"broken bytes", "\xC3", ORI_LANG_EN},
        {"another script", "Пациент", ORI_LANG_EN},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++)
        if (ori_lang_guess(cases[i].text, strlen(cases[i].text)) != cases[i].want)
            fail_msg("%s: '%s'", cases[i].label, cases[i].text);
    assert_int_equal(ori_lang_guess(NULL, 0), ORI_LANG_EN);
}

/* The lists are searched by halves, so they must be in order: each of these
 * words alone decides against one accented letter of the other side. */
static void test_lang_words_are_found(void **state)
{
    static const char *const spanish[] = {
        "al",    "antes",  "arterial", "año",   "años",     "cada",     "cita",    "con",
        "de",    "del",    "después",  "día",   "el",       "en",       "está",    "fecha",
        "hasta", "horas",  "la",       "los",   "mañana",   "medicina", "médico",  "más",
        "noche", "o",      "paciente", "para",  "por",      "presión",  "próxima", "que",
        "qué",   "se",     "sin",      "sobre", "síntomas", "también",  "tensión", "tos",
        "un",    "visita", "y",        "ya",
    };
    static const char *const english[] = {
        "about", "after", "and",   "are",  "at",       "blood",   "by",      "daily", "every",
        "fever", "for",   "from",  "had",  "headache", "her",     "in",      "is",    "left",
        "night", "of",    "on",    "pain", "rate",     "results", "she",     "that",  "the",
        "to",    "twice", "visit", "was",  "weeks",    "with",    "without", "year",  "your",
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(spanish); i++)
        if (ori_lang_guess(spanish[i], strlen(spanish[i])) != ORI_LANG_ES)
            fail_msg("'%s' is not taken for Spanish", spanish[i]);
    for (size_t i = 0; i < ORI_COUNT(english); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "\xC3\xA9 %s", english[i]); /* é: one for Spanish */
        if (ori_lang_guess(text, strlen(text)) != ORI_LANG_EN)
            fail_msg("'%s' is not taken for English", english[i]);
    }
}

static void test_lang_by_name(void **state)
{
    static const struct {
        const char *name;
        bool known;
        enum ori_lang lang;
    } cases[] = {
        {"en", true, ORI_LANG_EN},       {"es", true, ORI_LANG_ES},    {"ES", true, ORI_LANG_ES},
        {"es-MX", true, ORI_LANG_ES},    {"en_GB", true, ORI_LANG_EN}, {"En", true, ORI_LANG_EN},
        {"", false, ORI_LANG_EN},        {"e", false, ORI_LANG_EN},    {"eng", false, ORI_LANG_EN},
        {"est", false, ORI_LANG_EN},     {"fr", false, ORI_LANG_EN},   {NULL, false, ORI_LANG_EN},
        {"spanish", false, ORI_LANG_EN},
    };

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(cases); i++) {
        enum ori_lang lang = (enum ori_lang)99;
        if (ori_lang_by_name(cases[i].name, &lang) != cases[i].known)
            fail_msg("'%s'", cases[i].name ? cases[i].name : "(null)");
        assert_int_equal(lang, cases[i].known ? (int)cases[i].lang : 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_many_messages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_prompt_is_bounded),
        cmocka_unit_test(test_own_template),
        cmocka_unit_test(test_phi3_as_before),
        cmocka_unit_test(test_choosing),
        cmocka_unit_test(test_summary_request),
        cmocka_unit_test(test_summary_request_is_bounded),
        cmocka_unit_test(test_lang_guess),
        cmocka_unit_test(test_lang_words_are_found),
        cmocka_unit_test(test_lang_by_name),
    };
    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
