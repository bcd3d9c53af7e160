/* guard.h - who may ask this server for something.
 *
 * Any web page that the user visits can make the browser send requests here, and a
 * page whose name is rebound to 127.0.0.1 can read the answers too.  So before a
 * request is routed:
 *
 *   Host             one of the names of this server, with its port
 *   Origin           absent, or this server's own
 *   Sec-Fetch-Site   absent, "same-origin" or "none"
 *   token            when there is one: "Authorization: Bearer TOKEN", or the cookie
 *                    below; only routes marked `open` do without
 *   methods          a GET or HEAD has no body; a body is at most 8 MiB
 *
 * What is wrong with the form of a request is http_head.h's to say.  Who lacks the
 * token gets the same bytes for what exists and what does not.
 *
 * The page: it and its assets are open routes.  It finds out by GET /orion/v1/login
 * ({"needed": true, "done": false}) whether it must log in, asks the user for the
 * token, and sends it by POST /orion/v1/login {"token": "..."}: 204 and a cookie, or
 * 403.  The cookie (HttpOnly, SameSite=Strict) holds a secret of this run of the server, not
 * the token, and is good until the server ends; DELETE /orion/v1/login forgets it.
 */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <orion.h>

#include "http_head.h"
#include "listen.h"
#include "token.h"

#define HTTP_BODY_BYTES (8u << 20) /* of a request */
#define GUARD_HOST_CHARS 256

struct guard {
    uint16_t port;
    bool local;                     /* only this machine can connect */
    char host[GUARD_HOST_CHARS];    /* as --host gave it, or "" */
    char address[64];               /* that it listens on */
    char machine[GUARD_HOST_CHARS]; /* not local: what this machine is called, or "" */
    char token[TOKEN_MAX + 1];      /* "": none is needed */
    char cookie[TOKEN_CHARS + 1];   /* of this run */
};

/* Why a request is refused. */
struct guard_refusal {
    int code;
    orion_status status;
    const char *message;
};

/* `host` as it was asked for, or NULL; `where` says what it came to. */
orion_status guard_init(struct guard *guard, const char *host, const struct listener *where,
                        const char *token_file, orion_error *err);

/* May this be asked for?  `open`: without a token too. */
bool guard_lets_in(const struct guard *guard, const struct http_head *head, bool open,
                   struct guard_refusal *why_not);

/* Does the head bring the token or the cookie?  True when none is needed. */
bool guard_knows(const struct guard *guard, const struct http_head *head);
bool guard_is_token(const struct guard *guard, const char *token);

/* "orion=...; HttpOnly; ..." for Set-Cookie; GUARD_COOKIE_CHARS of room. */
#define GUARD_COOKIE_CHARS 192
void guard_cookie(const struct guard *guard, char *out);

/* A header that every reply carries. */
struct guard_header {
    const char *name, *value;
};
extern const struct guard_header guard_headers[]; /* the last has no name */

#endif
