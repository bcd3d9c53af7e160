/* JSON on top of jansson: reading what someone else wrote, and writing our own. */
#ifndef ORI_BASE_JSON_H
#define ORI_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"

/* The value of the text in *out, which the caller releases with json_decref();
 * NULL on failure: ORION_E_FORMAT or ORION_E_NOMEM.  Duplicate keys are refused.
 * `what` is for the message. */
orion_status ori_json_parse(const char *text, size_t len, const char *what, json_t **out,
                            orion_error *err);

/* Append the JSON to `out`, whose status says what went wrong if anything did.
 * `flags` are those of json_dumps(); NULL is ORION_E_NOMEM, as what a failed
 * json_pack() returns. */
orion_status ori_json_write(const json_t *json, size_t flags, struct ori_buf *out);

/* The string at `key`, valid as long as `object`; "" when it is missing, is no
 * string, or holds control characters. */
const char *ori_json_str(const json_t *object, const char *key);

/* The non-negative integer at `key`; false, *out untouched, when there is none. */
bool ori_json_u64(const json_t *object, const char *key, uint64_t *out);

#endif
