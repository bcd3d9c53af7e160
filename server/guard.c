#include "guard.h"

#include "fail.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const struct guard_header guard_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL},
};

static bool refuse(struct guard_refusal *why_not, int code, orion_status status,
                   const char *message)
{
    *why_not = (struct guard_refusal){code, status, message};
    return false;
}

/* ---- setting up ---- */

orion_status guard_init(struct guard *guard, const char *host, const struct listener *where,
                        const char *token_file, orion_error *err)
{
    orion_status status;

    *guard = (struct guard){.port = where->port, .local = where->local};
    if (host && strlen(host) >= sizeof(guard->host))
        return server_fail(err, ORION_E_ARGUMENT, "the host's name is too long");
    (void)snprintf(guard->host, sizeof(guard->host), "%s", host ? host : "");
    (void)snprintf(guard->address, sizeof(guard->address), "%s", where->address);
    if (!guard->local)
        (void)gethostname(guard->machine, sizeof(guard->machine) - 1);
    status = token_make(guard->cookie, err);
    if (status == ORION_OK && token_file)
        status = token_from_file(token_file, guard->token, err);
    if (status == ORION_OK && !guard->local && !guard->token[0])
        return server_fail(err, ORION_E_DENIED,
                           "other machines could connect to %s, so a token is needed: add "
                           "--token-file FILE; a file that does not exist is made, with a new "
                           "token in it",
                           where->address);
    return status;
}

/* ---- the rules ---- */

/* Does text[0..n) say `name`, perhaps with `suffix` behind it? */
static bool is_name(const char *text, size_t n, const char *name, const char *suffix)
{
    const size_t length = strlen(name);

    return length > 0 && n == length + strlen(suffix) && strncasecmp(text, name, length) == 0 &&
           strncasecmp(text + length, suffix, strlen(suffix)) == 0;
}

static bool is_address(const char *text, size_t n)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr six;
    struct in_addr four;
    const bool bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';

    if (n >= sizeof(address))
        return false;
    (void)snprintf(address, sizeof(address), "%.*s", bracketed ? (int)n - 2 : (int)n,
                   bracketed ? text + 1 : text);
    return bracketed ? inet_pton(AF_INET6, address, &six) == 1
                     : inet_pton(AF_INET, address, &four) == 1;
}

/* One that others can reach is called by any of its addresses, which no one can
 * rebind, and by the machine's own name. */
static bool is_our_name(const struct guard *guard, const char *text, size_t n)
{
    if (is_name(text, n, "127.0.0.1", "") || is_name(text, n, "[::1]", "") ||
        is_name(text, n, "localhost", "") || is_name(text, n, guard->address, "") ||
        is_name(text, n, guard->host, ""))
        return true;
    return !guard->local && (is_address(text, n) || is_name(text, n, guard->machine, "") ||
                             is_name(text, n, guard->machine, ".local"));
}

/* "localhost:11435"; the port may be left out only where it is HTTP's own. */
static bool is_our_host(const struct guard *guard, const char *host)
{
    char port[8];
    size_t n = strlen(host);

    (void)snprintf(port, sizeof(port), ":%u", guard->port);
    const size_t port_chars = strlen(port);
    if (n > port_chars && strcmp(host + n - port_chars, port) == 0)
        n -= port_chars;
    else if (guard->port != 80)
        return false;
    return is_our_name(guard, host, n);
}

static bool is_own_origin(const struct guard *guard, const char *origin, const char *host)
{
    return strncasecmp(origin, "http://", 7) == 0 && is_our_host(guard, origin + 7) &&
           strcasecmp(origin + 7, host) == 0;
}

static bool may_site(const char *site)
{
    return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static bool check_origin(const struct guard *guard, const struct http_head *head,
                         struct guard_refusal *why_not)
{
    const char *host = http_head_field(head, "Host");
    const char *origin = http_head_field(head, "Origin");

    if (!host)
        return refuse(why_not, 400, ORION_E_FORMAT, "the request has no Host");
    if (!is_our_host(guard, host))
        return refuse(why_not, 403, ORION_E_DENIED,
                      "this server does not go by the name in the request's Host");
    if ((origin && !is_own_origin(guard, origin, host)) ||
        !may_site(http_head_field(head, "Sec-Fetch-Site")))
        return refuse(why_not, 403, ORION_E_DENIED, "web pages of other sites may not ask here");
    return true;
}

static bool has_cookie(const struct guard *guard, const char *cookies)
{
    static const char name[] = "orion=";

    while (cookies && *cookies) {
        cookies += strspn(cookies, "; ");
        const size_t n = strcspn(cookies, ";");
        if (n == sizeof(name) - 1 + TOKEN_CHARS && strncmp(cookies, name, sizeof(name) - 1) == 0) {
            char value[TOKEN_CHARS + 1];
            (void)snprintf(value, sizeof(value), "%s", cookies + sizeof(name) - 1);
            if (token_equal(guard->cookie, value))
                return true;
        }
        cookies += n;
    }
    return false;
}

bool guard_is_token(const struct guard *guard, const char *token)
{
    return guard->token[0] && token_equal(guard->token, token);
}

bool guard_knows(const struct guard *guard, const struct http_head *head)
{
    static const char scheme[] = "Bearer ";
    const char *given = http_head_field(head, "Authorization");

    if (!guard->token[0])
        return true;
    if (given && strncasecmp(given, scheme, sizeof(scheme) - 1) == 0 &&
        guard_is_token(guard, given + sizeof(scheme) - 1))
        return true;
    return has_cookie(guard, http_head_field(head, "Cookie"));
}

static bool check_body(const struct http_head *head, struct guard_refusal *why_not)
{
    const char *method = http_head_text(head, head->method);

    if (head->length > HTTP_BODY_BYTES)
        return refuse(why_not, 413, ORION_E_ARGUMENT,
                      "the body of a request may have at most 8 MiB");
    if ((head->chunked || head->length > 0) &&
        (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
        return refuse(why_not, 400, ORION_E_FORMAT, "a GET request has no body");
    return true;
}

bool guard_lets_in(const struct guard *guard, const struct http_head *head, bool open,
                   struct guard_refusal *why_not)
{
    if (!check_origin(guard, head, why_not))
        return false;
    if (!open && !guard_knows(guard, head))
        return refuse(why_not, 401, ORION_E_DENIED,
                      "this server needs its token: Authorization: Bearer TOKEN");
    return check_body(head, why_not);
}

void guard_cookie(const struct guard *guard, char *out)
{
    (void)snprintf(out, GUARD_COOKIE_CHARS, "orion=%s; Path=/; HttpOnly; SameSite=Strict",
                   guard->cookie);
}
