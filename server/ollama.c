#include "server.h"

const struct http_route ollama_routes[] = {
    {.method = NULL},
};
