/* Chat messages on any bytes.
 *
 * The input is parts, each ended by a zero byte: a file's template, then roles
 * and contents by turns.  The runs of a prompt cover it without a gap, and what
 * is markup does not depend on what the messages say: no message can end its
 * own turn.  Seeds: a template and messages. */
#include "chat/chat.h"
#include "fuzz.h"

#define MAX_MESSAGES 16

/* Append the markup; the rest comes from messages. */
static void take_markup(const struct ori_chat_prompt *prompt, struct ori_buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < prompt->n_spans; i++) {
        const struct ori_chat_span *span = &prompt->spans[i];
        require(span->offset == at && span->len > 0);
        require(i == 0 || span->special != prompt->spans[i - 1].special);
        at += span->len;
        if (span->special)
            require(ori_buf_add(out, ori_buf_text(&prompt->text) + span->offset, span->len) ==
                    ORION_OK);
    }
    require(at == prompt->text.len);
}

static void try_template(const struct ori_chat_template *row, const orion_message *messages,
                         size_t n)
{
    struct ori_chat_prompt prompt = {0}, plain_prompt = {0};
    orion_message plain[MAX_MESSAGES];
    struct ori_buf markup, plain_markup;
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_chat_render(row, messages, n, &prompt, &err);
    if (status != ORION_OK) {
        require((status == ORION_E_ARGUMENT || status == ORION_E_UNSUPPORTED) &&
                err.status == status && err.message[0]);
        require(!prompt.spans && prompt.n_spans == 0 && prompt.text.len == 0);
        return;
    }
    for (size_t i = 0; i < n; i++)
        plain[i] = (orion_message){.role = messages[i].role, .content = "x"};
    require(ori_chat_render(row, plain, n, &plain_prompt, NULL) == ORION_OK);
    ori_buf_init(&markup, (size_t)1 << 20);
    ori_buf_init(&plain_markup, (size_t)1 << 20);
    take_markup(&prompt, &markup);
    take_markup(&plain_prompt, &plain_markup);
    require(strcmp(ori_buf_text(&markup), ori_buf_text(&plain_markup)) == 0);
    ori_buf_release(&markup);
    ori_buf_release(&plain_markup);
    ori_chat_prompt_release(&prompt);
    ori_chat_prompt_release(&plain_prompt);
}

static void try_summary(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct ori_buf request;

    const enum ori_lang lang = ori_lang_guess(text, size);
    require(lang == ORI_LANG_EN || lang == ORI_LANG_ES);
    ori_buf_init(&request, (size_t)16 << 20);
    require(ori_summary_request(lang, NULL, text, size, &request) == ORION_OK);
    while (size > 0 && strchr(" \t\n\v\f\r", text[size - 1]) && text[size - 1])
        size--; /* white space at the end is left off */
    bool whole = size == 0;
    for (size_t i = 0; !whole && i + size <= request.len; i++)
        whole = memcmp(request.data + i, text, size) == 0;
    require(whole);
    ori_buf_release(&request);
}

/* Parts may be missing at the end; a role's first letters are enough. */
static const char *role_of(const char *text)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    for (size_t i = 0; i < ORI_COUNT(roles); i++)
        if (*text == roles[i][0])
            return roles[i];
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    orion_message messages[MAX_MESSAGES];
    size_t n = 0, at = 0;

    char *text = text_of(data, size);
    const struct ori_str source = {text, strlen(text)};
    const struct ori_chat_template *row = ori_chat_recognise(source);
    require(source.len > 0 || !row);
    for (at = source.len + 1; n < MAX_MESSAGES && at < size; n++) {
        messages[n] = (orion_message){.role = role_of(text + at)};
        at += strlen(text + at) + 1;
        messages[n].content = at < size ? text + at : "";
        at += at < size ? strlen(text + at) + 1 : 0;
    }
    if (row)
        try_template(row, messages, n);
    for (size_t i = 0; ori_chat_at(i); i++)
        try_template(ori_chat_at(i), messages, n);
    free(text);
    try_summary(data, size);
    return 0;
}
