/* /health for whoever wants to know that the server is up, and /metrics for
 * Prometheus. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void get_health(struct http_request *request, void *user)
{
    (void)user;
    http_reply_json(request, 200,
                    json_pack("{s:s, s:s}", "status", "ok", "version", orion_version()));
}

/* Resident bytes of this process; 0: unknown. */
static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128];
    uint64_t pages = 0;

    if (!file)
        return 0;
    if (fgets(line, sizeof(line), file)) {
        char *end = line;
        (void)strtoull(line, &end, 10); /* all that is mapped */
        pages = strtoull(end, NULL, 10);
    }
    (void)fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void print_process(FILE *out, const struct server *server)
{
    (void)fprintf(out,
                  "# TYPE process_start_time_seconds gauge\n"
                  "process_start_time_seconds %.0f\n"
                  "# TYPE process_resident_memory_bytes gauge\n"
                  "process_resident_memory_bytes %" PRIu64 "\n",
                  server->started_unix, resident_bytes());
}

static void print_http(FILE *out, const struct server *server)
{
    struct http_counts counts;

    http_get_counts(server->http, &counts);
    (void)fprintf(out,
                  "# TYPE orion_http_connections gauge\n"
                  "orion_http_connections %" PRIu32 "\n"
                  "# TYPE orion_http_replies_total counter\n",
                  counts.connections);
    for (size_t i = 2; i < 6; i++)
        (void)fprintf(out, "orion_http_replies_total{code=\"%zuxx\"} %" PRIu64 "\n", i,
                      counts.replies[i]);
}

/* A label's value: quotes, backslashes and line breaks are escaped. */
static void print_label(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            (void)fputc('\\', out);
        (void)fputc(*value == '\n' ? ' ' : *value, out);
    }
}

struct figure {
    const char *name, *type;
    uint64_t (*of)(const struct loaded_facts *facts);
};

static uint64_t memory_of(const struct loaded_facts *facts)
{
    return facts->memory_bytes;
}

static uint64_t running_of(const struct loaded_facts *facts)
{
    return facts->running;
}

static uint64_t waiting_of(const struct loaded_facts *facts)
{
    return facts->waiting;
}

static uint64_t requests_of(const struct loaded_facts *facts)
{
    return facts->requests;
}

static uint64_t prompt_tokens_of(const struct loaded_facts *facts)
{
    return facts->prompt_tokens;
}

static uint64_t cached_tokens_of(const struct loaded_facts *facts)
{
    return facts->cached_tokens;
}

static uint64_t output_tokens_of(const struct loaded_facts *facts)
{
    return facts->output_tokens;
}

static const struct figure figures[] = {
    {"orion_model_memory_bytes", "gauge", memory_of},
    {"orion_model_requests_running", "gauge", running_of},
    {"orion_model_requests_waiting", "gauge", waiting_of},
    {"orion_model_requests_total", "counter", requests_of}, /* that have ended */
    {"orion_model_prompt_tokens_total", "counter", prompt_tokens_of},
    {"orion_model_cached_tokens_total", "counter", cached_tokens_of},
    {"orion_model_output_tokens_total", "counter", output_tokens_of},
};

static void print_models(FILE *out, const struct server *server)
{
    struct loaded_facts *models = NULL;
    size_t n = 0;

    if (loaded_list(server->loaded, &models, &n, NULL) != ORION_OK)
        return;
    for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
        (void)fprintf(out, "# TYPE %s %s\n", figures[f].name, figures[f].type);
        for (size_t i = 0; i < n; i++) {
            (void)fprintf(out, "%s{model=\"", figures[f].name);
            print_label(out, models[i].id);
            (void)fprintf(out, "\"} %" PRIu64 "\n", figures[f].of(&models[i]));
        }
    }
    free(models);
}

static void get_metrics(struct http_request *request, void *user)
{
    const struct server *server = user;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (out) {
        print_process(out, server);
        print_http(out, server);
        print_models(out, server);
    }
    if (out && fclose(out) == 0)
        http_reply_text(request, 200, "text/plain; version=0.0.4", text);
    else
        http_reply_failure(request, 503, ORION_E_NOMEM, NULL, "not enough memory for the figures");
    free(text);
}

const struct http_route health_routes[] = {
    {"GET", "/health", get_health, http_shape_native},
    {.method = NULL},
};

const struct http_route metrics_routes[] = {
    {"GET", "/metrics", get_metrics, http_shape_native},
    {.method = NULL},
};
