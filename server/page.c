#include "server.h"

const struct http_route page_routes[] = {
    {.method = NULL},
};
