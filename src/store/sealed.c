/* Small files that must not be believed when they are torn: a line of JSON,
 * and a line with its SHA-256. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static void hash_text(const char *text, size_t len, char hex[ORI_SHA256_HEX + 1])
{
    struct ori_sha256 hash;
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, text, len);
    ori_sha256_hex(&hash, hex);
}

orion_status ori_sealed_read(const struct ori_store *store, const char *path, const char *what,
                             json_t **out, orion_error *err)
{
    char hex[ORI_SHA256_HEX + 1];
    struct ori_buf text;

    *out = NULL;
    ori_buf_init(&text, ORI_STORE_SEALED_MAX);
    orion_status status = ori_file_read(store->fd, path, &text, err);
    if (status == ORION_OK) {
        const char *begin = ori_buf_text(&text);
        const char *end = memchr(begin, '\n', text.len);
        const size_t len = end ? (size_t)(end - begin) : 0;
        hash_text(begin, len, hex);
        if (end && text.len == len + ORI_SHA256_HEX + 2 &&
            memcmp(end + 1, hex, ORI_SHA256_HEX) == 0 && text.data[text.len - 1] == '\n')
            status = ori_json_parse(begin, len, what, out, err);
        if (!*out && status != ORION_E_NOMEM)
            status = ori_fail(err, ORION_E_FORMAT, "%s '%s' is damaged", what, path);
    }
    ori_buf_release(&text);
    return status;
}

orion_status ori_sealed_write(const struct ori_store *store, const char *path, json_t *json,
                              orion_error *err)
{
    char hex[ORI_SHA256_HEX + 1];
    struct ori_buf text;

    ori_buf_init(&text, ORI_STORE_SEALED_MAX);
    (void)ori_json_write(json, JSON_COMPACT, &text);
    json_decref(json);
    hash_text(ori_buf_text(&text), text.len, hex);
    (void)ori_buf_addf(&text, "\n%s\n", hex);
    const orion_status status = text.status == ORION_OK
                                    ? ori_file_replace(store->fd, path, text.data, text.len, err)
                                    : ori_fail_nomem(err, path);
    ori_buf_release(&text);
    return status;
}
