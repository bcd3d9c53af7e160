#include "base/json.h"

json_t *ori_json_parse(const char *text, size_t len, const char *what, orion_error *err)
{
    json_error_t problem;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (!value)
        (void)ori_fail_at(err, ORION_E_FORMAT, (uint64_t)problem.position, NULL,
                          "%s is not valid JSON: %s (line %d)", what, problem.text, problem.line);
    return value;
}

const char *ori_json_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        return "";
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "";
    return text;
}

bool ori_json_u64(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}
