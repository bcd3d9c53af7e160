/* A model's own template, the request for a summary, and telling Spanish from English. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chats.h"

static orion_status layout(const struct ori_chat *chat, const orion_message *messages, size_t n,
                           struct ori_chat_prompt *out, orion_error *err)
{
    const struct ori_chat_ask ask = {messages, n, NULL};
    struct ori_reply_form form;
    return ori_chat_layout(chat, &ask, out, &form, err);
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
