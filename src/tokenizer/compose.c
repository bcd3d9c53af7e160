#include "tokenizer/compose.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* Characters below U+0300 compose with none before them; their first byte is below
 * 0xCC. */
bool ori_is_composed(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] >= 0xcc)
            return false;
    return true;
}

static orion_status compose_valid(const char *text, size_t len, struct ori_buf *out)
{
    utf8proc_uint8_t *composed = NULL;
    const utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len,
                                            &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);

    if (n < 0)
        return n == UTF8PROC_ERROR_NOMEM ? ORION_E_NOMEM : ORION_E_TOO_LONG;
    const orion_status status = ori_buf_add(out, (const char *)composed, (size_t)n);
    free(composed);
    return status;
}

orion_status ori_compose(const char *text, size_t len, struct ori_buf *out)
{
    orion_status status = ORION_OK;

    while (len > 0 && status == ORION_OK) {
        size_t n = ori_utf8_valid_len(text, len);
        if (n > 0) {
            status = compose_valid(text, n, out);
        } else {
            n = 1;
            status = ori_buf_add(out, text, n);
        }
        text += n;
        len -= n;
    }
    return status;
}
