/* Bodies of requests to the server: any JSON, read as a chat, as a completion, and as the
 * duration of Ollama's API.
 *
 * Each reading ends well or in a status with a sentence; what was read of messages has
 * roles, and numbers are within their bounds.  Seeds: bodies of clients. */
#include "fuzz.h"
#include "server/duration.h"
#include "server/messages.h"
#include "server/openai.h"

static void check(orion_status status, const orion_error *err)
{
    if (status == ORION_OK)
        return;
    require(status == ORION_E_ARGUMENT || status == ORION_E_UNSUPPORTED);
    require(err->status == status && err->message[0]);
}

static void check_sampling(const struct sampling *s)
{
    require(s->generate.temperature >= 0 && s->generate.top_p >= 0 && s->generate.top_p <= 1);
    for (size_t i = 0; i < s->stop.n; i++)
        require(s->stop.items[i][0] != '\0');
}

static void read_messages(const json_t *list)
{
    struct messages messages;
    orion_error err = {.status = ORION_OK};
    const orion_status status = messages_read(list, &messages, &err);

    check(status, &err);
    if (status != ORION_OK)
        return;
    for (size_t i = 0; i < messages.n; i++)
        require(messages.items[i].role &&
                (messages.items[i].content || messages.items[i].tool_calls));
    messages_release(&messages);
}

static void read_tools(const json_t *list)
{
    orion_error err = {.status = ORION_OK};
    char *text = NULL;

    check(messages_read_tools(list, &text, &err), &err);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct openai_fields fields;
    orion_error err = {.status = ORION_OK};
    int64_t seconds;

    if (!json_is_object(body)) {
        json_decref(body);
        return 0;
    }
    orion_status status = openai_read_chat(body, &fields, &err);
    check(status, &err);
    if (status == ORION_OK) {
        check_sampling(&fields.sampling);
        read_messages(fields.messages);
        if (fields.tools)
            read_tools(fields.tools);
    }
    err = (orion_error){.status = ORION_OK};
    status = openai_read_completion(body, &fields, &err);
    check(status, &err);
    if (status == ORION_OK)
        check_sampling(&fields.sampling);
    if (duration_read(json_object_get(body, "keep_alive"), &seconds))
        require(seconds == DURATION_FOR_EVER || seconds >= 0);
    json_decref(body);
    return 0;
}
