#include "query.h"

#include <stdlib.h>
#include <string.h>

const struct param query_of_nothing[] = {{.kind = PARAM_END}};

static const struct param *row_of(const struct param *table, const char *name)
{
    for (const struct param *row = table; row->kind != PARAM_END; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

/* A whole number, if that is what it is; else the text, which the table will not like. */
static json_t *number_of(const char *text)
{
    const size_t digits = strspn(text + (*text == '-'), "0123456789");

    if (digits == 0 || digits > 18 || text[digits + (*text == '-')] != '\0')
        return json_string(text);
    return json_integer(strtoll(text, NULL, 10));
}

/* The value as the table's row wants it. */
static json_t *value_of(const struct param *row, const char *text)
{
    if (row && (row->kind == PARAM_COUNT || row->kind == PARAM_INTEGER))
        return number_of(text);
    if (row && row->kind == PARAM_FLAG && strcmp(text, "true") == 0)
        return json_true();
    if (row && row->kind == PARAM_FLAG && strcmp(text, "false") == 0)
        return json_false();
    return json_string(text);
}

static orion_status gather(const struct http_request *request, const struct param *table,
                           json_t *fields, orion_error *err)
{
    const char *name, *value;

    for (size_t i = 0; http_query_at(request, i, &name, &value); i++) {
        json_t *field = value_of(row_of(table, name), value);
        if (json_object_get(fields, name)) {
            json_decref(field);
            return params_fail(err, ORION_E_ARGUMENT, name, "is given twice");
        }
        if (json_object_set_new(fields, name, field) != 0)
            return params_fail(err, ORION_E_ARGUMENT, "query", "is not UTF-8");
    }
    return ORION_OK;
}

/* What was read is about to go with the object that it was read from. */
static void keep_texts(const struct http_request *request, const struct param *table, char *out)
{
    for (const struct param *row = table; row->kind != PARAM_END; row++) {
        const char *text = row->kind == PARAM_TEXT ? http_query(request, row->name) : NULL;
        if (text)
            *(const char **)(void *)(out + row->offset) = text;
    }
}

bool query_read(struct http_request *request, const struct param *table, void *out)
{
    json_t *fields = json_object();
    orion_error err;

    orion_status status = gather(request, table, fields, &err);
    if (status == ORION_OK)
        status = params_read(fields, table, NULL, out, &err);
    json_decref(fields);
    if (status != ORION_OK) {
        params_reply(request, &err);
        return false;
    }
    keep_texts(request, table, out);
    return true;
}
