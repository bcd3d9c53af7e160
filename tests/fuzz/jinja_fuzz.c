/* A chat template of any bytes, run on any messages.
 *
 * The input is parts, each ended by a zero byte: the template, then roles and
 * contents by turns.  It ends, in a prompt whose runs cover it without a gap or
 * in a status with a sentence; and a byte that only messages hold never becomes
 * markup.  Seeds: templates with messages. */
#include "chat/jinja/jinja.h"
#include "fuzz.h"

#define MAX_MESSAGES 8
#define FOREIGN '\x01' /* no template may write it, so it tells where text came from */

static void check_prompt(const struct ori_chat_prompt *prompt, bool foreign)
{
    size_t at = 0;

    for (size_t i = 0; i < prompt->n_spans; i++) {
        const struct ori_chat_span *span = &prompt->spans[i];
        require(span->offset == at && span->len > 0);
        require(i == 0 || span->special != prompt->spans[i - 1].special);
        if (span->special && foreign)
            require(!memchr(prompt->text.data + at, FOREIGN, span->len));
        at += span->len;
    }
    require(at == prompt->text.len);
}

static void check_failure(orion_status status, const orion_error *err)
{
    require(status == ORION_E_FORMAT || status == ORION_E_TOO_LONG || status == ORION_E_ARGUMENT);
    require(err->status == status && err->message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_jinja_message messages[MAX_MESSAGES];
    struct ori_jinja_input input = {.messages = messages,
                                    .bos_token = "<s>",
                                    .eos_token = "</s>",
                                    .add_generation_prompt = true};
    struct ori_chat_prompt prompt = {0};
    struct ori_jinja *jinja;
    orion_error err = {.status = ORION_OK};
    char *text = text_of(data, size);
    const size_t len = strlen(text);

    for (size_t at = len + 1; at < size && input.n_messages < MAX_MESSAGES;) {
        struct ori_jinja_message *message = &messages[input.n_messages++];
        *message = (struct ori_jinja_message){.role = text + at};
        at += strlen(text + at) + 1;
        message->content = at < size ? text + at : "";
        at += at < size ? strlen(text + at) + 1 : 0;
    }
    orion_status status = ori_jinja_parse((struct ori_str){text, len}, &jinja, &err);
    if (status == ORION_OK) {
        status = ori_jinja_render(jinja, &input, &prompt, &err);
        if (status == ORION_OK)
            check_prompt(&prompt, !strchr(text, FOREIGN) && !strchr(text, '\\'));
    }
    if (status != ORION_OK)
        check_failure(status, &err);
    ori_chat_prompt_release(&prompt);
    ori_jinja_free(jinja);
    free(text);
    return 0;
}
