/* The routes of Ollama's API, and what there is no more to say about. */
#include "ollama.h"

#include <stdio.h>
#include <string.h>

static json_t *shape(int code, orion_status status, const char *message, const char *field)
{
    (void)code;
    (void)status;
    (void)field; /* the sentence names it */
    return json_pack("{s:s}", "error", message);
}

/* ---- names ---- */

static const char *skip(const char *text, const char *beginning)
{
    const size_t len = strlen(beginning);
    return strncmp(text, beginning, len) == 0 ? text + len : text;
}

struct ollama_name ollama_name(const char *given)
{
    static const char tag[] = ":latest";
    const size_t tag_len = sizeof(tag) - 1;
    struct ollama_name name;

    given = skip(skip(given, "hf.co/"), "huggingface.co/");
    size_t len = strlen(given);
    if (len > tag_len && strcmp(given + len - tag_len, tag) == 0)
        len -= tag_len;
    if (len >= sizeof(name.text))
        len = sizeof(name.text) - 1;
    memcpy(name.text, given, len);
    name.text[len] = '\0';
    return name;
}

bool ollama_read_name(struct http_request *request, struct ollama_name *out)
{
    const json_t *body = http_json(request);
    if (!body)
        return false;
    const char *given = json_string_value(json_object_get(body, "model"));
    if (!given)
        given = json_string_value(json_object_get(body, "name"));
    if (!given || !*given) {
        http_reply_failure(request, 400, ORION_E_ARGUMENT, "model", "'model' is missing");
        return false;
    }
    *out = ollama_name(given);
    return true;
}

/* ---- small answers ---- */

bool ollama_probe(struct http_request *request)
{
    const char *accept = http_header(request, "Accept");
    if (accept && strstr(accept, "text/html"))
        return false;
    http_reply_text(request, 200, "text/plain; charset=utf-8", "Ollama is running");
    return true;
}

static void version(struct http_request *request, void *user)
{
    (void)user;
    http_reply_json(request, 200,
                    json_pack("{s:s, s:s}", "version", OLLAMA_VERSION, "orion", orion_version()));
}

static void refuse(struct http_request *request, const char *sentence)
{
    http_reply_failure(request, http_code(ORION_E_UNSUPPORTED), ORION_E_UNSUPPORTED, NULL, "%s",
                       sentence);
}

static void copy(struct http_request *request, void *user)
{
    (void)user;
    refuse(request, "models are called by where they come from and can't be copied to another "
                    "name; use the name that /api/tags lists");
}

static void create(struct http_request *request, void *user)
{
    (void)user;
    refuse(request,
           "models are not made here; import a GGUF file with 'orion import', or pull one");
}

static void push(struct http_request *request, void *user)
{
    (void)user;
    refuse(request, "models are not uploaded from here");
}

static void no_blob(struct http_request *request, void *user)
{
    (void)user;
    http_reply_failure(request, 404, ORION_E_NOT_FOUND, NULL, "there are no blobs here");
}

const struct http_route ollama_routes[] = {
    {"GET", "/api/version", version, shape},
    {"GET", "/api/tags", ollama_tags, shape},
    {"POST", "/api/show", ollama_show, shape},
    {"GET", "/api/ps", ollama_ps, shape},
    {"POST", "/api/generate", ollama_generate, shape},
    {"POST", "/api/chat", ollama_chat, shape},
    {"POST", "/api/pull", ollama_pull, shape},
    {"DELETE", "/api/delete", ollama_delete, shape},
    {"POST", "/api/copy", copy, shape},
    {"POST", "/api/embed", ollama_embed, shape},
    {"POST", "/api/embeddings", ollama_embeddings, shape},
    {"POST", "/api/create", create, shape},
    {"POST", "/api/push", push, shape},
    {"GET", "/api/blobs/{digest}", no_blob, shape},
    {"POST", "/api/blobs/{digest}", create, shape},
    {0},
};
