#include "base/json.h"

#include <errno.h>

struct feed {
    const char *text;
    size_t left;
    bool nomem;
};

/* When memory is short the library drops a byte of a string and goes on, or
 * calls the text malformed.  What malloc() leaves in errno tells; but numbers
 * reset it, so the text is fed a byte at a time, with a look at it before each. */
static size_t feed_byte(void *out, size_t size, void *self)
{
    struct feed *feed = self;

    feed->nomem |= errno == ENOMEM;
    if (size == 0 || feed->left == 0 || feed->nomem)
        return 0;
    *(char *)out = *feed->text++;
    feed->left--;
    return 1;
}

orion_status ori_json_parse(const char *text, size_t len, const char *what, json_t **out,
                            orion_error *err)
{
    struct feed feed = {.text = text, .left = len};
    json_error_t problem;

    errno = 0;
    *out = json_load_callback(feed_byte, &feed, JSON_REJECT_DUPLICATES, &problem);
    if (feed.nomem || errno == ENOMEM) {
        json_decref(*out);
        *out = NULL;
        return ori_fail_nomem(err, what);
    }
    if (*out)
        return ORION_OK;
    return ori_fail_at(err, ORION_E_FORMAT, (uint64_t)problem.position, NULL,
                       "%s is not valid JSON: %s (line %d)", what, problem.text, problem.line);
}

static int add_text(const char *text, size_t len, void *self)
{
    return ori_buf_add(self, text, len) == ORION_OK ? 0 : -1;
}

orion_status ori_json_write(const json_t *json, size_t flags, struct ori_buf *out)
{
    errno = 0; /* as in reading: not every lack of memory is reported */
    const bool whole = json && json_dump_callback(json, add_text, out, flags) == 0;
    if (out->status == ORION_OK && (!whole || errno == ENOMEM))
        out->status = ORION_E_NOMEM;
    return out->status;
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
