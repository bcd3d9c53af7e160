#include "server.h"

const struct http_route native_routes[] = {
    {.method = NULL},
};
