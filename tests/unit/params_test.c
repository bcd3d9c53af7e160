/* The fields of requests: every kind of a table, the messages of a chat, and what
 * OpenAI's requests may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>

#include "fake_http.h"
#include "server/messages.h"
#include "server/openai.h"
#include "server/params.h"

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json)
        fail_msg("%s: %s", text, error.text);
    return json;
}

/* ---- tables ---- */

struct thing {
    float number;
    uint32_t count, last;
    int64_t integer;
    bool flag, inner;
    const char *text;
    struct param_texts texts;
    json_t *json;
    struct {
        uint32_t deep;
    } nested;
};

#define FIELD(member) .offset = offsetof(struct thing, member)

static const struct param inner_params[] = {
    {"flag", PARAM_FLAG, FIELD(inner)},
    {.kind = PARAM_END},
};

static const struct param shared_params[] = {
    {"deep", PARAM_COUNT, .max = 9},
    {.kind = PARAM_END},
};

static const struct param thing_params[] = {
    {"number", PARAM_NUMBER, FIELD(number), .min = -1, .max = 1, .above_min = true},
    {"share", PARAM_NUMBER, FIELD(number), .max = 1, .below_max = true},
    {"count", PARAM_COUNT, FIELD(count), .min = 1, .max = UINT32_MAX},
    {"integer", PARAM_INTEGER, FIELD(integer), .min = -0x1p63, .max = 0x1p63},
    {"flag", PARAM_FLAG, FIELD(flag)},
    {"text", PARAM_TEXT, FIELD(text), .required = true},
    {"texts", PARAM_TEXTS, FIELD(texts)},
    {"json", PARAM_JSON, FIELD(json)},
    {"inside", PARAM_OBJECT, .inside = inner_params},
    {.kind = PARAM_TABLE, FIELD(nested), .inside = shared_params},
    {"user", .kind = PARAM_NOTHING},
    {"tools", .kind = PARAM_REFUSED},
    {"first", PARAM_COUNT, FIELD(last), .max = 9},
    {"last", PARAM_COUNT, FIELD(last), .max = 9},
    {.kind = PARAM_END},
};

static const struct {
    const char *body;
    orion_status status;
    const char *field, *message;
} refusals[] = {
    {"{'text':'t'}", ORION_OK, "", ""},
    {"{}", ORION_E_ARGUMENT, "text", "is missing"},
    {"{'text':null}", ORION_E_ARGUMENT, "text", "is missing"},
    {"{'text':1}", ORION_E_ARGUMENT, "text", "must be a text"},
    {"{'text':'t','number':1}", ORION_OK, "", ""},
    {"{'text':'t','number':1.01}", ORION_E_ARGUMENT, "number",
     "is 1.01, which is out of range: it must be above -1 and at most 1"},
    {"{'text':'t','number':-1}", ORION_E_ARGUMENT, "number", "above -1"},
    {"{'text':'t','number':-0.99}", ORION_OK, "", ""},
    {"{'text':'t','number':1e300}", ORION_E_ARGUMENT, "number", "out of range"},
    {"{'text':'t','number':'1'}", ORION_E_ARGUMENT, "number", "must be a number"},
    {"{'text':'t','number':true}", ORION_E_ARGUMENT, "number", "must be a number"},
    {"{'text':'t','share':1}", ORION_E_ARGUMENT, "share", "below 1"},
    {"{'text':'t','share':0}", ORION_OK, "", ""},
    {"{'text':'t','count':4294967295}", ORION_OK, "", ""},
    {"{'text':'t','count':4294967296}", ORION_E_ARGUMENT, "count", "4294967296"},
    {"{'text':'t','count':0}", ORION_E_ARGUMENT, "count", "at least 1"},
    {"{'text':'t','count':-1}", ORION_E_ARGUMENT, "count", "is -1"},
    {"{'text':'t','count':1.5}", ORION_E_ARGUMENT, "count", "whole number"},
    {"{'text':'t','count':1.0}", ORION_E_ARGUMENT, "count", "whole number"},
    {"{'text':'t','integer':-9223372036854775807}", ORION_OK, "", ""},
    {"{'text':'t','flag':1}", ORION_E_ARGUMENT, "flag", "true or false"},
    {"{'text':'t','texts':''}", ORION_E_ARGUMENT, "texts", "none of them empty"},
    {"{'text':'t','texts':['a','']}", ORION_E_ARGUMENT, "texts", "none of them empty"},
    {"{'text':'t','texts':['a',1]}", ORION_E_ARGUMENT, "texts", "list of texts"},
    {"{'text':'t','texts':{}}", ORION_E_ARGUMENT, "texts", "list of texts"},
    {"{'text':'t','texts':[]}", ORION_OK, "", ""},
    {"{'text':'t','inside':{'flag':2}}", ORION_E_ARGUMENT, "inside.flag", "'inside.flag' must be"},
    {"{'text':'t','inside':{'flap':2}}", ORION_E_ARGUMENT, "inside.flap", "is not a field"},
    {"{'text':'t','inside':[]}", ORION_E_ARGUMENT, "inside", "must be an object"},
    {"{'text':'t','deep':10}", ORION_E_ARGUMENT, "deep", "at most 9"},
    {"{'text':'t','nested':{}}", ORION_E_ARGUMENT, "nested", "is not a field"},
    {"{'text':'t','user':{'any':[1]}}", ORION_OK, "", ""},
    {"{'text':'t','tools':[1]}", ORION_E_UNSUPPORTED, "tools", "is not supported"},
    {"{'text':'t','tools':true}", ORION_E_UNSUPPORTED, "tools", "is not supported"},
    {"{'text':'t','tools':[]}", ORION_OK, "", ""},
    {"{'text':'t','tools':{}}", ORION_OK, "", ""},
    {"{'text':'t','tools':''}", ORION_OK, "", ""},
    {"{'text':'t','tools':0}", ORION_OK, "", ""},
    {"{'text':'t','tools':false}", ORION_OK, "", ""},
    {"{'text':'t','tools':null}", ORION_OK, "", ""},
    {"{'text':'t','temprature':1}", ORION_E_ARGUMENT, "temprature", "is not a field"},
    {"{'text':'t','':1}", ORION_E_ARGUMENT, "", "is not a field"},
};

/* JSON is easier to read here with ' for ". */
static json_t *quoted(const char *text)
{
    char *copy = strdup(text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    json_t *json = json_of(copy);
    free(copy);
    return json;
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        json_t *body = quoted(refusals[i].body);
        struct thing thing = {0};
        orion_error err = {0};

        const orion_status status = params_read(body, thing_params, NULL, &thing, &err);
        if (status != refusals[i].status || strcmp(err.name, refusals[i].field) != 0 ||
            !strstr(err.message, refusals[i].message))
            fail_msg("%s: %d '%s' \"%s\"", refusals[i].body, (int)status, err.name, err.message);
        json_decref(body);
    }
}

/* n texts of so many bytes each. */
static json_t *many_texts(size_t n, size_t bytes)
{
    char text[PARAM_TEXTS_BYTES + 1];
    json_t *texts = json_array();

    memset(text, 'x', bytes);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(texts, json_stringn(text, bytes));
    return json_pack("{s:s, s:o}", "text", "t", "texts", texts);
}

static void test_many_texts(void **state)
{
    static const struct {
        size_t n, bytes;
        orion_status status;
        const char *message;
    } cases[] = {
        {PARAM_TEXTS_MAX, 64, ORION_OK, ""},
        {PARAM_TEXTS_MAX + 1, 1, ORION_E_ARGUMENT, "'texts' has 257 texts, but may have 256"},
        {PARAM_TEXTS_MAX, 65, ORION_E_ARGUMENT,
         "'texts' has 16640 bytes of text, but may have 16384"},
        {1, PARAM_TEXTS_BYTES, ORION_OK, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *body = many_texts(cases[i].n, cases[i].bytes);
        struct thing thing = {0};
        orion_error err = {0};

        const orion_status status = params_read(body, thing_params, NULL, &thing, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].message))
            fail_msg("%zu of %zu: %d \"%s\"", cases[i].n, cases[i].bytes, (int)status, err.message);
        assert_int_equal(thing.texts.n, status == ORION_OK ? cases[i].n : 0);
        json_decref(body);
    }
}

static void test_values(void **state)
{
    json_t *body = quoted("{'text':'t','number':0.5,'count':7,'integer':-5,'flag':true,"
                          "'texts':['a','b'],'json':[1],'inside':{'flag':true},'deep':3,"
                          "'last':2,'first':1}");
    struct thing thing = {0};

    (void)state;
    assert_int_equal(params_read(body, thing_params, NULL, &thing, NULL), ORION_OK);
    assert_string_equal(thing.text, "t");
    assert_true(thing.number == 0.5f && thing.count == 7 && thing.integer == -5 && thing.flag);
    assert_true(thing.texts.n == 2 && strcmp(thing.texts.items[1], "b") == 0);
    assert_ptr_equal(thing.json, json_object_get(body, "json"));
    assert_true(thing.inner && thing.nested.deep == 3);
    assert_int_equal(thing.last, 2); /* the row further down */
    json_decref(body);
}

static void test_reply(void **state)
{
    struct http_request request = {0};
    orion_error err;

    (void)state;
    (void)params_fail(&err, ORION_E_ARGUMENT, "x[1]", "is %d", 3);
    params_reply(&request, &err);
    assert_int_equal(request.code, 400);
    assert_string_equal(request.field, "x[1]");
    assert_string_equal(request.message, "'x[1]' is 3");
}

/* ---- sampling ---- */

static void test_sampling(void **state)
{
    struct sampling one, two;

    (void)state;
    sampling_init(&one);
    two = one;
    assert_int_not_equal(sampling_finish(&one)->seed, sampling_finish(&two)->seed);
    two.seed = -1;
    two.generate.top_p = 0;
    two.stop.n = 1;
    two.stop.items[0] = "x";
    const orion_generate_params *params = sampling_finish(&two);
    assert_true(params->seed == UINT64_MAX && params->top_p == FLT_MIN);
    assert_true(params->n_stop == 1 && strcmp(params->stop[0], "x") == 0);
}

/* ---- messages ---- */

static const struct {
    const char *list;
    orion_status status;
    const char *field; /* or, where it is read, the first message: "role|text" */
} lists[] = {
    {"[{'role':'user','content':'hi'}]", ORION_OK, "user|hi"},
    {"[{'role':'developer','content':''}]", ORION_OK, "system|"},
    {"[{'role':'system','content':'s','name':'n'}]", ORION_OK, "system|s"},
    {"[{'role':'assistant','content':'a','tool_calls':[],'refusal':null}]", ORION_OK,
     "assistant|a"},
    {"[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}]",
     ORION_OK, "user|ab"},
    {"[{'role':'user','content':[]}]", ORION_OK, "user|"},
    {"[]", ORION_E_ARGUMENT, "messages"},
    {"{}", ORION_E_ARGUMENT, "messages"},
    {"['hi']", ORION_E_ARGUMENT, "messages[0]"},
    {"[{'role':'user','content':'a'},{'content':'b'}]", ORION_E_ARGUMENT, "messages[1].role"},
    {"[{'role':'user'}]", ORION_E_ARGUMENT, "messages[0].content"},
    {"[{'role':'king','content':'b'}]", ORION_E_ARGUMENT, "messages[0].role"},
    {"[{'role':'tool','content':'b'}]", ORION_OK, "tool|b"},
    {"[{'role':'user','content':1}]", ORION_E_ARGUMENT, "messages[0].content"},
    {"[{'role':'user','content':null}]", ORION_E_ARGUMENT, "messages[0].content"},
    {"[{'role':'user','content':['a']}]", ORION_E_ARGUMENT, "messages[0].content[0]"},
    {"[{'role':'user','content':[{'type':'text'}]}]", ORION_E_ARGUMENT,
     "messages[0].content[0].text"},
    {"[{'role':'user','content':[{'text':'x'}]}]", ORION_E_ARGUMENT, "messages[0].content[0].type"},
    {"[{'role':'user','content':[{'type':'text','text':'x'},{'type':'image_url','image_url':{}}]}]",
     ORION_E_UNSUPPORTED, "messages[0].content[1]"},
    {"[{'role':'user','content':'a','images':['x']}]", ORION_E_UNSUPPORTED, "messages[0].images"},
    {"[{'role':'user','content':'a','colour':'x'}]", ORION_E_ARGUMENT, "messages[0].colour"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_t *list = quoted(lists[i].list);
        struct messages messages;
        orion_error err = {0};
        char said[128];

        const orion_status status = messages_read(list, &messages, &err);
        (void)snprintf(said, sizeof(said), "%s", err.name);
        if (status == ORION_OK)
            (void)snprintf(said, sizeof(said), "%s|%s", messages.items[0].role,
                           messages.items[0].content);
        if (status != lists[i].status || strcmp(said, lists[i].field) != 0)
            fail_msg("%s: %d '%s' \"%s\"", lists[i].list, (int)status, said, err.message);
        messages_release(&messages);
        json_decref(list);
    }
}

/* ---- OpenAI's requests ---- */

#define CHAT(more) "{'model':'m','messages':[]" more "}"
#define COMPLETION(more) "{'model':'m','prompt':'p'" more "}"

static const struct {
    const char *body;
    bool chat;
    orion_status status;
    const char *field;
} requests[] = {
    {CHAT(""), true, ORION_OK, ""},
    {"{'messages':[]}", true, ORION_E_ARGUMENT, "model"},
    {"{'model':'m'}", true, ORION_E_ARGUMENT, "messages"},
    {CHAT(",'temperature':2"), true, ORION_OK, ""},
    {CHAT(",'temperature':2.1"), true, ORION_E_ARGUMENT, "temperature"},
    {CHAT(",'temperature':-0.1"), true, ORION_E_ARGUMENT, "temperature"},
    {CHAT(",'top_p':0"), true, ORION_OK, ""},
    {CHAT(",'top_p':1.1"), true, ORION_E_ARGUMENT, "top_p"},
    {CHAT(",'top_k':40"), true, ORION_OK, ""},
    {CHAT(",'top_k':-1"), true, ORION_E_ARGUMENT, "top_k"},
    {CHAT(",'min_p':1"), true, ORION_E_ARGUMENT, "min_p"},
    {CHAT(",'repeat_penalty':0"), true, ORION_E_ARGUMENT, "repeat_penalty"},
    {CHAT(",'frequency_penalty':2.5"), true, ORION_E_ARGUMENT, "frequency_penalty"},
    {CHAT(",'presence_penalty':-2.5"), true, ORION_E_ARGUMENT, "presence_penalty"},
    {CHAT(",'presence_penalty':-2,'frequency_penalty':2"), true, ORION_OK, ""},
    {CHAT(",'seed':-7"), true, ORION_OK, ""},
    {CHAT(",'seed':'x'"), true, ORION_E_ARGUMENT, "seed"},
    {CHAT(",'stop':['a','b']"), true, ORION_OK, ""},
    {CHAT(",'stop':['']"), true, ORION_E_ARGUMENT, "stop"},
    {CHAT(",'max_tokens':0"), true, ORION_E_ARGUMENT, "max_tokens"},
    {CHAT(",'max_completion_tokens':-3"), true, ORION_E_ARGUMENT, "max_completion_tokens"},
    {CHAT(",'n':1"), true, ORION_OK, ""},
    {CHAT(",'n':2"), true, ORION_E_ARGUMENT, "n"},
    {CHAT(",'logprobs':true,'top_logprobs':20"), true, ORION_OK, ""},
    {CHAT(",'logprobs':true,'top_logprobs':21"), true, ORION_E_ARGUMENT, "top_logprobs"},
    {CHAT(",'top_logprobs':3"), true, ORION_E_ARGUMENT, "top_logprobs"},
    {CHAT(",'logprobs':3"), true, ORION_E_ARGUMENT, "logprobs"},
    {CHAT(",'stream':true,'stream_options':{'include_usage':true}"), true, ORION_OK, ""},
    {CHAT(",'stream_options':{'include_usage':true}"), true, ORION_E_ARGUMENT, "stream_options"},
    {CHAT(",'stream':true,'stream_options':{'usage':true}"), true, ORION_E_ARGUMENT,
     "stream_options.usage"},
    {CHAT(",'response_format':{'type':'text'}"), true, ORION_OK, ""},
    {CHAT(",'response_format':{'type':'json_schema'}"), true, ORION_E_UNSUPPORTED,
     "response_format"},
    {CHAT(",'response_format':{}"), true, ORION_E_ARGUMENT, "response_format"},
    {CHAT(",'modalities':['text']"), true, ORION_OK, ""},
    {CHAT(",'modalities':['text','audio']"), true, ORION_E_UNSUPPORTED, "modalities"},
    {CHAT(",'modalities':'text'"), true, ORION_E_ARGUMENT, "modalities"},
    {CHAT(",'tools':[{}]"), true, ORION_OK, ""}, /* looked at when they are laid out */
    {CHAT(",'tools':[],'tool_choice':'none'"), true, ORION_OK, ""},
    {CHAT(",'functions':[{}]"), true, ORION_E_UNSUPPORTED, "functions"},
    {CHAT(",'logit_bias':{'7':1}"), true, ORION_E_UNSUPPORTED, "logit_bias"},
    {CHAT(",'audio':{'voice':'x'}"), true, ORION_E_UNSUPPORTED, "audio"},
    {CHAT(",'user':'u','metadata':{},'store':true,'service_tier':'auto'"), true, ORION_OK, ""},
    {CHAT(",'reasoning_effort':'low','verbosity':'low','prediction':{}"), true, ORION_OK, ""},
    {CHAT(",'echo':true"), true, ORION_E_ARGUMENT, "echo"},
    {COMPLETION(""), false, ORION_OK, ""},
    {"{'model':'m'}", false, ORION_E_ARGUMENT, "prompt"},
    {"{'model':'m','prompt':['p']}", false, ORION_OK, ""},
    {"{'model':'m','prompt':['p','q']}", false, ORION_E_UNSUPPORTED, "prompt"},
    {"{'model':'m','prompt':[1,2]}", false, ORION_E_UNSUPPORTED, "prompt"},
    {"{'model':'m','prompt':[1]}", false, ORION_E_UNSUPPORTED, "prompt"},
    {"{'model':'m','prompt':[]}", false, ORION_E_UNSUPPORTED, "prompt"},
    {"{'model':'m','prompt':true}", false, ORION_E_ARGUMENT, "prompt"},
    {COMPLETION(",'echo':true,'best_of':1"), false, ORION_OK, ""},
    {COMPLETION(",'best_of':2"), false, ORION_E_ARGUMENT, "best_of"},
    {COMPLETION(",'logprobs':5"), false, ORION_OK, ""},
    {COMPLETION(",'logprobs':6"), false, ORION_E_ARGUMENT, "logprobs"},
    {COMPLETION(",'logprobs':1,'echo':true"), false, ORION_E_UNSUPPORTED, "logprobs"},
    {COMPLETION(",'suffix':'s'"), false, ORION_E_UNSUPPORTED, "suffix"},
    {COMPLETION(",'messages':[]"), false, ORION_E_ARGUMENT, "messages"},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        json_t *body = quoted(requests[i].body);
        struct openai_fields fields;
        orion_error err = {0};

        const orion_status status = requests[i].chat ? openai_read_chat(body, &fields, &err)
                                                     : openai_read_completion(body, &fields, &err);
        if (status != requests[i].status || strcmp(err.name, requests[i].field) != 0)
            fail_msg("%s: %d '%s' \"%s\"", requests[i].body, (int)status, err.name, err.message);
        json_decref(body);
    }
}

static void test_what_requests_come_to(void **state)
{
    json_t *chat = quoted(CHAT(",'max_tokens':3,'max_completion_tokens':5,'logprobs':true"));
    json_t *completion = quoted(COMPLETION(",'logprobs':2"));
    json_t *plain = quoted(CHAT(""));
    struct openai_fields fields;

    (void)state;
    assert_int_equal(openai_read_chat(chat, &fields, NULL), ORION_OK);
    assert_int_equal(fields.sampling.generate.max_tokens, 5);
    assert_int_equal(fields.top_logprobs, 0);
    assert_int_equal(openai_read_completion(completion, &fields, NULL), ORION_OK);
    assert_int_equal(fields.sampling.generate.max_tokens, 16);
    assert_int_equal(fields.top_logprobs, 2);
    assert_string_equal(fields.prompt, "p");
    assert_int_equal(openai_read_chat(plain, &fields, NULL), ORION_OK);
    assert_int_equal(fields.sampling.generate.max_tokens, 0);
    assert_int_equal(fields.top_logprobs, ORION_NO_LOGPROBS);
    assert_false(fields.stream);
    json_decref(chat);
    json_decref(completion);
    json_decref(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_reply),
        cmocka_unit_test(test_sampling), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_what_requests_come_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
