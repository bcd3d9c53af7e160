/* Reading the fields of a request by a table. */
#define _DEFAULT_SOURCE /* getentropy() */
#include "params.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

orion_status params_fail(orion_error *err, orion_status status, const char *field,
                         const char *format, ...)
{
    char why[sizeof(err->message)];
    va_list args;

    if (!err)
        return status;
    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    *err = (orion_error){.status = status, .offset = ORION_NO_OFFSET};
    (void)snprintf(err->name, sizeof(err->name), "%s", field);
    (void)snprintf(err->message, sizeof(err->message), "'%s' %.300s", err->name, why);
    return status;
}

/* ---- one value ---- */

static orion_status out_of_range(const struct param *row, double value, const char *field,
                                 orion_error *err)
{
    return params_fail(err, ORION_E_ARGUMENT, field,
                       "is %.15g, which is out of range: it must be %s %.15g and %s %.15g", value,
                       row->above_min ? "above" : "at least", row->min,
                       row->below_max ? "below" : "at most", row->max);
}

static bool in_range(const struct param *row, double value)
{
    return (row->above_min ? value > row->min : value >= row->min) &&
           (row->below_max ? value < row->max : value <= row->max);
}

static orion_status take_number(const json_t *value, const struct param *row, void *out,
                                const char *field, orion_error *err)
{
    if (!json_is_number(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a number");
    if (!in_range(row, json_number_value(value)))
        return out_of_range(row, json_number_value(value), field, err);
    *(float *)out = (float)json_number_value(value);
    return ORION_OK;
}

static orion_status take_whole(const json_t *value, const struct param *row, void *out,
                               const char *field, orion_error *err)
{
    if (!json_is_integer(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a whole number");
    const json_int_t whole = json_integer_value(value);
    if (!in_range(row, (double)whole))
        return out_of_range(row, (double)whole, field, err);
    if (row->kind == PARAM_COUNT)
        *(uint32_t *)out = (uint32_t)whole;
    else
        *(int64_t *)out = whole;
    return ORION_OK;
}

static orion_status take_flag(const json_t *value, void *out, const char *field, orion_error *err)
{
    if (!json_is_boolean(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be true or false");
    *(bool *)out = json_is_true(value);
    return ORION_OK;
}

static orion_status take_text(const json_t *value, void *out, const char *field, orion_error *err)
{
    if (!json_is_string(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a text");
    *(const char **)out = json_string_value(value);
    return ORION_OK;
}

static orion_status take_texts(const json_t *value, void *out, const char *field, orion_error *err)
{
    struct param_texts texts = {.n = json_is_string(value) ? 1 : json_array_size(value)};
    size_t bytes = 0; /* no overflow: they are all in the request's body */

    if (!json_is_string(value) && !json_is_array(value))
        return params_fail(err, ORION_E_ARGUMENT, field, "must be a text or a list of texts");
    if (texts.n > PARAM_TEXTS_MAX)
        return params_fail(err, ORION_E_ARGUMENT, field, "has %zu texts, but may have %d at most",
                           texts.n, PARAM_TEXTS_MAX);
    for (size_t i = 0; i < texts.n; i++) {
        const json_t *text = json_is_string(value) ? value : json_array_get(value, i);
        if (!json_is_string(text) || json_string_length(text) == 0)
            return params_fail(err, ORION_E_ARGUMENT, field,
                               "must be a text or a list of texts, none of them empty");
        texts.items[i] = json_string_value(text);
        bytes += json_string_length(text);
    }
    if (bytes > PARAM_TEXTS_BYTES)
        return params_fail(err, ORION_E_ARGUMENT, field,
                           "has %zu bytes of text, but may have %u at most", bytes,
                           PARAM_TEXTS_BYTES);
    *(struct param_texts *)out = texts;
    return ORION_OK;
}

/* False, 0, "", [] and {}: a client that sends all of its fields every time. */
static bool asks_for_nothing(const json_t *value)
{
    return json_is_false(value) || (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static orion_status take(json_t *value, const struct param *row, char *out, const char *field,
                         orion_error *err)
{
    switch (row->kind) {
    case PARAM_NUMBER:
        return take_number(value, row, out, field, err);
    case PARAM_COUNT:
    case PARAM_INTEGER:
        return take_whole(value, row, out, field, err);
    case PARAM_FLAG:
        return take_flag(value, out, field, err);
    case PARAM_TEXT:
        return take_text(value, out, field, err);
    case PARAM_TEXTS:
        return take_texts(value, out, field, err);
    case PARAM_JSON:
        *(json_t **)(void *)out = value;
        return ORION_OK;
    case PARAM_OBJECT:
        if (!json_is_object(value))
            return params_fail(err, ORION_E_ARGUMENT, field, "must be an object");
        return params_read(value, row->inside, field, out, err);
    case PARAM_REFUSED:
        if (!asks_for_nothing(value))
            return params_fail(err, ORION_E_UNSUPPORTED, field, "is not supported; leave it out");
        return ORION_OK;
    case PARAM_NOTHING:
    case PARAM_OTHERS:
    case PARAM_TABLE:
    case PARAM_END:
        break;
    }
    return ORION_OK;
}

/* ---- the table ---- */

static bool names(const struct param *table, const char *name)
{
    for (const struct param *row = table; row->kind != PARAM_END; row++)
        if (row->kind == PARAM_OTHERS || (row->kind == PARAM_TABLE && names(row->inside, name)) ||
            (row->name && strcmp(row->name, name) == 0))
            return true;
    return false;
}

/* A field as it is called from the outside: with those around it. */
struct field {
    char name[sizeof(((orion_error *)NULL)->name)];
};

static struct field inside(const char *around, const char *name)
{
    struct field field;
    (void)snprintf(field.name, sizeof(field.name), "%s%s%s", around ? around : "",
                   around ? "." : "", name);
    return field;
}

static orion_status read_row(const json_t *object, const struct param *row, char *out,
                             const char *around, orion_error *err)
{
    const struct field field = inside(around, row->name);
    json_t *value = json_object_get(object, row->name);

    if (value && !json_is_null(value))
        return take(value, row, out + row->offset, field.name, err);
    return row->required ? params_fail(err, ORION_E_ARGUMENT, field.name, "is missing") : ORION_OK;
}

static orion_status read_rows(const json_t *object, const struct param *table, char *out,
                              const char *around, orion_error *err)
{
    orion_status status = ORION_OK;

    for (const struct param *row = table; row->kind != PARAM_END && status == ORION_OK; row++) {
        if (row->kind == PARAM_TABLE)
            status = read_rows(object, row->inside, out + row->offset, around, err);
        else if (row->name)
            status = read_row(object, row, out, around, err);
    }
    return status;
}

orion_status params_read(const json_t *object, const struct param *table, const char *around,
                         void *out, orion_error *err)
{
    void *at = json_object_iter((json_t *)object); /* which only reads */

    for (; at; at = json_object_iter_next((json_t *)object, at)) {
        const struct field field = inside(around, json_object_iter_key(at));
        if (!names(table, json_object_iter_key(at)))
            return params_fail(err, ORION_E_ARGUMENT, field.name, "is not a field of this request");
    }
    return read_rows(object, table, out, around, err);
}

void params_reply(struct http_request *request, const orion_error *err)
{
    http_reply_failure(request, 400, err->status, err->name, "%s", err->message);
}

/* ---- sampling ---- */

#define FIELD(member) .offset = offsetof(struct sampling, member)

const struct param sampling_params[] = {
    {"top_k", PARAM_COUNT, FIELD(generate.top_k), .max = 1 << 24},
    {"top_p", PARAM_NUMBER, FIELD(generate.top_p), .max = 1},
    {"min_p", PARAM_NUMBER, FIELD(generate.min_p), .max = 1, .below_max = true},
    {"repeat_penalty", PARAM_NUMBER, FIELD(generate.repeat_penalty), .max = 100, .above_min = true},
    {"frequency_penalty", PARAM_NUMBER, FIELD(generate.frequency_penalty), .min = -2, .max = 2},
    {"presence_penalty", PARAM_NUMBER, FIELD(generate.presence_penalty), .min = -2, .max = 2},
    {"seed", PARAM_INTEGER, FIELD(seed), .min = -0x1p63, .max = 0x1p63},
    {"stop", PARAM_TEXTS, FIELD(stop)},
    {.kind = PARAM_END},
};

void sampling_init(struct sampling *sampling)
{
    *sampling = (struct sampling){.seed = SAMPLING_ANY_SEED};
    orion_generate_params_init(&sampling->generate);
}

const orion_generate_params *sampling_finish(struct sampling *sampling)
{
    orion_generate_params *generate = &sampling->generate;

    generate->seed = (uint64_t)sampling->seed;
    if (sampling->seed == SAMPLING_ANY_SEED)
        (void)getentropy(&generate->seed, sizeof(generate->seed)); /* 8 bytes never fail */
    if (!(generate->top_p > 0)) /* no mass at all: only the likeliest */
        generate->top_p = FLT_MIN;
    generate->stop = sampling->stop.items;
    generate->n_stop = sampling->stop.n;
    return generate;
}
