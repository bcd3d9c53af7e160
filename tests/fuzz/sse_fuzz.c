/* An endpoint's answer on any bytes.
 *
 * Wherever the bytes are cut, the same events come out, within their bounds; each is
 * refused in words or holds a text that may be shown.  Seeds: streams of events. */
#include "base/buf.h"
#include "remote/delta.h"
#include "remote/sse.h"
#include "fuzz.h"

/* All events so far, each with a NUL. */
static orion_status keep(void *self, const char *data, size_t len, orion_error *err)
{
    (void)err;
    require(data[len] == '\0' && len > 0 && len <= ORI_SSE_MAX_BYTES);
    return ori_buf_add(self, data, len + 1);
}

/* In pieces of `piece` bytes. */
static orion_status read_stream(const uint8_t *data, size_t size, size_t piece, struct ori_buf *out)
{
    struct ori_sse sse;
    orion_error err = {.status = ORION_OK};
    orion_status status = ORION_OK;

    ori_buf_init(out, (size_t)64 << 20);
    ori_sse_init(&sse, keep, out);
    for (size_t at = 0; at < size && status == ORION_OK; at += piece)
        status = ori_sse_feed(&sse, (const char *)data + at, size - at < piece ? size - at : piece,
                              &err);
    require(status == ORION_OK || (err.status == status && err.message[0]));
    ori_sse_release(&sse);
    return status;
}

static void require_sound(const struct ori_delta *d)
{
    require(strlen(d->text) == d->text_bytes);
    require(d->cached_tokens <= d->prompt_tokens);
    require(d->finish == ORION_FINISH_END || d->finish == ORION_FINISH_LENGTH);
    require(!d->last || (!d->json && !d->ended && !d->counted));
    json_t *text = json_stringn(d->text, d->text_bytes); /* which must be UTF-8 */
    require(text != NULL);
    json_decref(text);
}

static void require_message(const json_t *body)
{
    char message[40], code[8];

    ori_delta_error(body, message, sizeof(message), code, sizeof(code));
    require(strnlen(message, sizeof(message)) < sizeof(message));
    require(strnlen(code, sizeof(code)) < sizeof(code));
    for (const char *c = message; *c; c++)
        require((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void try_event(const char *data, size_t len)
{
    struct ori_delta delta;
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_delta_read(data, len, &delta, &err);
    if (status == ORION_OK) {
        require_sound(&delta);
        require_message(delta.json);
        ori_delta_release(&delta);
    } else {
        require(status == ORION_E_NETWORK && err.status == status && err.message[0]);
    }
    json_t *body = json_loadb(data, len, 0, NULL);
    require_message(body);
    json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_buf whole, cut;

    const orion_status status = read_stream(data, size, size ? size : 1, &whole);
    for (size_t piece = 1; piece <= 3; piece++) {
        require(read_stream(data, size, piece, &cut) == status);
        require(cut.len == whole.len &&
                memcmp(ori_buf_text(&cut), ori_buf_text(&whole), cut.len) == 0);
        ori_buf_release(&cut);
    }
    for (size_t at = 0; at < whole.len; at += strlen(whole.data + at) + 1)
        try_event(whole.data + at, strlen(whole.data + at));
    ori_buf_release(&whole);
    return 0;
}
