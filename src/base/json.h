/* Reading JSON that someone else wrote, on top of jansson. */
#ifndef ORI_BASE_JSON_H
#define ORI_BASE_JSON_H

#include <jansson.h>

#include "base/base.h"

/* The value of the text, which the caller releases with json_decref(), or NULL
 * with err filled (ORION_E_FORMAT).  Duplicate keys are refused.  `what` is
 * for the message. */
json_t *ori_json_parse(const char *text, size_t len, const char *what, orion_error *err);

/* The string at `key`, valid as long as `object`; "" when it is missing, is no
 * string, or holds control characters. */
const char *ori_json_str(const json_t *object, const char *key);

/* The non-negative integer at `key`; false, *out untouched, when there is none. */
bool ori_json_u64(const json_t *object, const char *key, uint64_t *out);

#endif
