/* Our own API: the routes. */
#include "native.h"

const struct http_route native_routes[] = {
    {"GET", "/orion/v1/loaded", native_loaded_list, http_shape_native},
    {"POST", "/orion/v1/loaded", native_loaded_load, http_shape_native},
    {"DELETE", "/orion/v1/loaded/{id...}", native_loaded_unload, http_shape_native},
    {.method = NULL},
};
