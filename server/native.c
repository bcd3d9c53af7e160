/* The routes of /orion/v1, and how its files read and write values. */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

const struct http_route native_routes[] = {
    {"GET", "/orion/v1/server", native_server, http_shape_native},
    {"GET", "/orion/v1/models", native_models, http_shape_native},
    {"GET", "/orion/v1/models/{id...}", native_model, http_shape_native},
    {"DELETE", "/orion/v1/models/{id...}", native_remove, http_shape_native},
    {"GET", "/orion/v1/fit", native_fit, http_shape_native},
    {"GET", "/orion/v1/plan", native_plan, http_shape_native},
    {"GET", "/orion/v1/search", native_search, http_shape_native},
    {"GET", "/orion/v1/repository", native_repository, http_shape_native},
    {"GET", "/orion/v1/jobs", native_jobs, http_shape_native},
    {"POST", "/orion/v1/jobs", native_job_start, http_shape_native},
    {"GET", "/orion/v1/jobs/{id}", native_job, http_shape_native},
    {"DELETE", "/orion/v1/jobs/{id}", native_job_forget, http_shape_native},
    {"POST", "/orion/v1/jobs/{id}/pause", native_job_pause, http_shape_native},
    {"POST", "/orion/v1/jobs/{id}/resume", native_job_resume, http_shape_native},
    {"POST", "/orion/v1/jobs/{id}/cancel", native_job_cancel, http_shape_native},
    {"GET", "/orion/v1/events", native_events, http_shape_native},
    {"GET", "/orion/v1/storage", native_storage, http_shape_native},
    {"GET", "/orion/v1/loaded", native_loaded, http_shape_native},
    {"POST", "/orion/v1/loaded", native_load, http_shape_native},
    {"DELETE", "/orion/v1/loaded/{id...}", native_unload, http_shape_native},
    {.method = NULL},
};

/* ---- values ---- */

json_t *native_text(const char *text)
{
    json_t *value = *text ? json_string(text) : json_null();
    char *mended = value ? NULL : strdup(text); /* a file or a hub may say any bytes */

    if (!mended)
        return value;
    server_mend_text(mended);
    value = json_string(mended);
    free(mended);
    return value;
}

json_t *native_count(uint64_t n)
{
    if (n == 0)
        return json_null();
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *native_time(int64_t unix_s)
{
    return unix_s > 0 ? json_integer(unix_s) : json_null();
}

json_t *native_memory(void)
{
    orion_machine machine;

    orion_machine_get(&machine);
    return json_pack("{s:o, s:o}", "total_bytes", native_count(machine.memory_bytes),
                     "available_bytes", native_count(machine.available_bytes));
}

const char *native_verdict(orion_fit_verdict verdict)
{
    switch (verdict) {
    case ORION_FIT_FITS:
        return "fits";
    case ORION_FIT_TIGHT:
        return "tight";
    case ORION_FIT_NOT:
        break;
    }
    return "not";
}

static const struct {
    const char *name;
    orion_kv_type type;
} kv_types[] = {{"f16", ORION_KV_F16}, {"q8_0", ORION_KV_Q8_0}, {"f32", ORION_KV_F32}};

#define N_KV_TYPES (sizeof(kv_types) / sizeof(kv_types[0]))

const char *native_kv_name(orion_kv_type type)
{
    for (size_t i = 0; i < N_KV_TYPES; i++)
        if (kv_types[i].type == type)
            return kv_types[i].name;
    return "";
}

bool native_kv_type(const char *name, orion_kv_type *out)
{
    for (size_t i = 0; i < N_KV_TYPES; i++)
        if (strcmp(kv_types[i].name, name) == 0) {
            *out = kv_types[i].type;
            return true;
        }
    return false;
}

/* ---- requests ---- */

void native_refuse(struct http_request *request, const char *field, const orion_error *err)
{
    if (err->status == ORION_E_BUSY)
        http_add_header(request, "Retry-After", "1");
    http_reply_failure(request, http_code(err->status), err->status, field, "%s", err->message);
}

bool native_read(struct http_request *request, const struct param *table, void *out)
{
    json_t *body = http_json(request);
    orion_error err;

    if (!body)
        return false;
    if (params_read(body, table, NULL, out, &err) == ORION_OK)
        return true;
    params_reply(request, &err);
    return false;
}
