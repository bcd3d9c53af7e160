/* The page's way in: the token is traded for a cookie.  See guard.h. */
#include "server.h"

#include <stdio.h>

static const struct guard *guard_of(void *user)
{
    return &((struct server *)user)->guard;
}

static void get_login(struct http_request *request, void *user)
{
    const struct guard *guard = guard_of(user);

    http_reply_json(request, 200,
                    json_pack("{s:b, s:b}", "needed", guard->token[0] != '\0', "done",
                              http_is_known(request, guard)));
}

static void post_login(struct http_request *request, void *user)
{
    const struct guard *guard = guard_of(user);
    const char *token = NULL;
    char cookie[GUARD_COOKIE_CHARS];
    json_t *body = http_json(request);

    if (!body)
        return;
    if (json_unpack(body, "{s:s}", "token", &token) != 0) {
        http_reply_failure(request, 400, ORION_E_ARGUMENT, "token",
                           "the body must be {\"token\": \"...\"}");
        return;
    }
    if (!guard_is_token(guard, token)) {
        http_reply_failure(request, 403, ORION_E_DENIED, "token", "this is not the token");
        return;
    }
    guard_cookie(guard, cookie);
    http_add_header(request, "Set-Cookie", cookie);
    http_reply_empty(request, 204);
}

static void delete_login(struct http_request *request, void *user)
{
    (void)user;
    http_add_header(request, "Set-Cookie", "orion=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    http_reply_empty(request, 204);
}

const struct http_route login_routes[] = {
    {"GET", "/orion/v1/login", get_login, http_shape_native},
    {"POST", "/orion/v1/login", post_login, http_shape_native},
    {"DELETE", "/orion/v1/login", delete_login, http_shape_native},
    {.method = NULL},
};
