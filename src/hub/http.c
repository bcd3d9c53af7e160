#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "hub/http.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define TICK_MS 100
#define CONNECT_TIMEOUT_MS 20000L
#define RECEIVE_BYTES (256L * 1024L)
#define MAX_TRANSFERS 64

struct ori_engine {
    const struct ori_hub *hub;
    CURLM *multi;
    struct ori_transfer *transfers[MAX_TRANSFERS]; /* those that were added; NULL is free */
};

/* ---- what curl calls ---- */

static bool is_loopback(const struct curl_sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->family == AF_INET) {
        memcpy(&v4, &address->addr, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->family == AF_INET6 && address->addrlen >= sizeof(v6)) {
        memcpy(&v6, &address->addr, sizeof(v6));
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return false;
}

/* The one door to the network: a name may lead anywhere, so it is the address
 * that is judged. */
static curl_socket_t open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct ori_hub *hub = self;
    (void)purpose;
    if (hub->offline || (hub->loopback_only && !is_loopback(address)))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t header_line(char *data, size_t size, size_t n, void *self)
{
    struct ori_transfer *t = self;
    t->heard_ns = ori_now_ns();
    ori_reply_line(&t->reply, data, size * n);
    return size * n;
}

/* True when the transfer may go on. */
static bool tell_reply(struct ori_transfer *t)
{
    if (t->replied)
        return true;
    t->replied = true;
    if (t->on_reply)
        t->status = t->on_reply(t, &t->error);
    t->refused = t->status != ORION_OK;
    return !t->refused;
}

static size_t body(char *data, size_t size, size_t n, void *self)
{
    struct ori_transfer *t = self;
    t->heard_ns = ori_now_ns();
    if (!tell_reply(t))
        return 0;
    if (t->may_take && !t->may_take(t)) {
        t->held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (t->on_body)
        t->status = t->on_body(t, data, size * n, &t->error);
    t->refused = t->status != ORION_OK;
    return t->refused ? 0 : size * n;
}

/* ---- one transfer ---- */

static bool add_header(struct ori_transfer *t, const char *name, const char *value)
{
    struct ori_buf line;
    ori_buf_init(&line, 4096);
    (void)ori_buf_addf(&line, "%s: %s", name, value);
    struct curl_slist *longer =
        line.status == ORION_OK ? curl_slist_append(t->headers, ori_buf_text(&line)) : NULL;
    ori_buf_release(&line);
    if (longer)
        t->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct ori_transfer *t)
{
    const struct ori_hub *hub = t->hub;
    char bearer[2100];

    /* A compressed answer would not be the bytes that the hash is of. */
    if (!add_header(t, "Accept-Encoding", "identity"))
        return false;
    if (t->if_range && !add_header(t, "If-Range", t->if_range))
        return false;
    if (t->accept && !add_header(t, "Accept", t->accept))
        return false;
    /* An empty Expect keeps a long body from waiting to be asked for. */
    if (t->json &&
        !(add_header(t, "Content-Type", "application/json") && add_header(t, "Expect", "")))
        return false;
    bool may = false;
    if (hub->token && ori_url_may_have_token(hub->endpoint, t->url, &may) != ORION_OK)
        return false;
    if (!may)
        return true;
    const int n = snprintf(bearer, sizeof(bearer), "Bearer %s", hub->token);
    return n > 0 && (size_t)n < sizeof(bearer) && add_header(t, "Authorization", bearer);
}

static bool set_range(struct ori_transfer *t)
{
    char text[48];
    if (!t->ranged)
        return true;
    (void)snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, t->range_begin, t->range_end);
    return curl_easy_setopt(t->easy, CURLOPT_RANGE, text) == CURLE_OK;
}

static bool set_method(const struct ori_transfer *t)
{
    bool ok = true;
    if (t->json)
        ok = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->json_bytes) ==
                 CURLE_OK &&
             curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->json) == CURLE_OK;
    if (t->method)
        ok = ok && curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method) == CURLE_OK;
    return ok;
}

/* The system's certificates are there twice, as a file and as a folder.  With
 * the file alone they are read once for all connections. */
static bool has_trust_file(void)
{
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;
    return file && access(file, R_OK) == 0;
}

static bool set_trust(CURL *easy, const struct ori_hub *hub)
{
    bool ok = true;
    if (hub->ca_file)
        ok = curl_easy_setopt(easy, CURLOPT_CAINFO, hub->ca_file) == CURLE_OK;
    if (hub->ca_dir)
        ok = curl_easy_setopt(easy, CURLOPT_CAPATH, hub->ca_dir) == CURLE_OK && ok;
    else if (!hub->ca_file && has_trust_file())
        ok = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK && ok;
    if (hub->proxy)
        ok = curl_easy_setopt(easy, CURLOPT_PROXY, hub->proxy) == CURLE_OK && ok;
    return ok;
}

static bool set_up(struct ori_transfer *t)
{
    CURL *e = t->easy = curl_easy_init();
    bool ok = e && add_headers(t) && set_method(t) && set_range(t) && set_trust(e, t->hub);
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
    SET(CURLOPT_URL, t->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* each step is judged by us */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOBODY, t->head ? 1L : 0L);
    SET(CURLOPT_USERAGENT, t->hub->user_agent);
    SET(CURLOPT_HTTPHEADER, t->headers);
    /* One TCP connection a range: see docs/internals/hub.md. */
    if (t->ranged) {
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        SET(CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    }
    if (t->max_age_s > 0) {
        SET(CURLOPT_MAXLIFETIME_CONN, (long)t->max_age_s);
        SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    }
    SET(CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_ERRORBUFFER, t->problem);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, (void *)(uintptr_t)t->hub);
    SET(CURLOPT_HEADERFUNCTION, header_line);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_PRIVATE, t);
#undef SET
    return ok;
}

static void tear_down(struct ori_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    t->easy = NULL;
    t->headers = NULL;
}

/* Say what curl's result means for a person, and whether to try again. */
static void judge(struct ori_transfer *t, CURLcode result)
{
    char host[128];

    t->done = true;
    if (t->refused)
        return;
    if (result == CURLE_OK) {
        if (tell_reply(t) && t->reply.too_long)
            t->status =
                ori_fail(&t->error, ORION_E_NETWORK, "the server sent an absurdly long header");
        return;
    }
    ori_url_host(t->url, host, sizeof(host));
    const char *detail = t->problem[0] ? t->problem : curl_easy_strerror(result);
    t->status = ORION_E_NETWORK;
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        (void)ori_fail(&t->error, ORION_E_NETWORK,
                       "%s could not prove who it is: %s; if your network inspects encrypted "
                       "traffic, name its certificate file in SSL_CERT_FILE",
                       host, detail);
        return;
    case CURLE_OUT_OF_MEMORY:
        if (t->reply.status != 0 && !t->replied) { /* so it calls a header beyond its limit */
            (void)ori_fail(&t->error, ORION_E_NETWORK,
                           "%s sent an absurdly long header, or memory ran out while it was read",
                           host);
            return;
        }
        t->status = ori_fail_nomem(&t->error, "a transfer");
        return;
    case CURLE_UNSUPPORTED_PROTOCOL: /* ours are http and https, so this is its answer */
        (void)ori_fail(&t->error, ORION_E_NETWORK, "%s did not answer in HTTP: %s", host, detail);
        break;
    case CURLE_URL_MALFORMAT:
        (void)ori_fail(&t->error, ORION_E_NETWORK, "%s sent an address that cannot be used: %s",
                       host, detail);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        (void)ori_fail(&t->error, ORION_E_NETWORK, "cannot reach %s: %s", host, detail);
        break;
    default:
        (void)ori_fail(&t->error, ORION_E_NETWORK, "the connection to %s broke: %s", host, detail);
        break;
    }
    t->worth_retrying = true;
}

/* ---- the engine ---- */

orion_status ori_engine_new(const struct ori_hub *hub, struct ori_engine **out, orion_error *err)
{
    *out = NULL;
    struct ori_engine *engine = calloc(1, sizeof(*engine));
    CURLM *multi = engine ? curl_multi_init() : NULL;
    if (!multi) {
        free(engine);
        return ori_fail_nomem(err, "the transfer engine");
    }
    engine->hub = hub;
    engine->multi = multi;
    *out = engine;
    return ORION_OK;
}

void ori_engine_free(struct ori_engine *engine)
{
    if (!engine)
        return;
    curl_multi_cleanup(engine->multi);
    free(engine);
}

/* Before a name is looked up, which needs a socket too. */
orion_status ori_engine_check_online(const struct ori_hub *hub, orion_error *err)
{
    if (!hub->offline)
        return ORION_OK;
    return ori_fail(err, ORION_E_OFFLINE,
                    "offline: the hub at %s was not asked; drop --offline (or HF_HUB_OFFLINE) "
                    "to fetch",
                    hub->endpoint);
}

orion_status ori_engine_add(struct ori_engine *engine, struct ori_transfer *t, orion_error *err)
{
    size_t slot = 0;

    const orion_status status = ori_engine_check_online(engine->hub, err);
    if (status != ORION_OK)
        return status;
    while (slot < MAX_TRANSFERS && engine->transfers[slot])
        slot++;
    t->hub = engine->hub;
    if (slot == MAX_TRANSFERS || !set_up(t) ||
        curl_multi_add_handle(engine->multi, t->easy) != CURLM_OK) {
        tear_down(t);
        return ori_fail_nomem(err, "a transfer");
    }
    t->heard_ns = ori_now_ns();
    engine->transfers[slot] = t;
    return ORION_OK;
}

void ori_engine_remove(struct ori_engine *engine, struct ori_transfer *t)
{
    for (size_t i = 0; i < MAX_TRANSFERS; i++) {
        if (engine->transfers[i] != t)
            continue;
        engine->transfers[i] = NULL;
        (void)curl_multi_remove_handle(engine->multi, t->easy);
        tear_down(t);
    }
}

/* A connection that has gone silent is dropped; its bytes are kept. */
static void end_stalled(struct ori_engine *engine)
{
    const uint64_t now = ori_now_ns();
    char host[128];

    for (size_t i = 0; i < MAX_TRANSFERS; i++) {
        struct ori_transfer *t = engine->transfers[i];
        if (!t || t->done || t->held)
            continue;
        const uint32_t limit_ms = t->stall_ms ? t->stall_ms : engine->hub->stall_ms;
        if (now - t->heard_ns < (uint64_t)limit_ms * 1000000u)
            continue;
        (void)curl_multi_remove_handle(engine->multi, t->easy);
        ori_url_host(t->url, host, sizeof(host));
        t->status = ori_fail(&t->error, ORION_E_NETWORK, "%s has been silent for %u seconds", host,
                             (unsigned)((limit_ms + 999) / 1000));
        t->worth_retrying = true;
        t->done = true;
    }
}

void ori_engine_resume(struct ori_engine *engine, struct ori_transfer *t)
{
    if (!t->held || t->done)
        return;
    t->held = false;
    t->heard_ns = ori_now_ns();
    (void)curl_easy_pause(t->easy, CURLPAUSE_CONT); /* calls back with what was held */
    if (t->refused) {
        (void)curl_multi_remove_handle(engine->multi, t->easy);
        t->done = true;
    }
}

void ori_engine_wake(struct ori_engine *engine)
{
    (void)curl_multi_wakeup(engine->multi);
}

void ori_engine_step(struct ori_engine *engine, int wait_ms)
{
    int running, left;
    const CURLMsg *message;

    (void)curl_multi_poll(engine->multi, NULL, 0, wait_ms, NULL);
    (void)curl_multi_perform(engine->multi, &running);
    while ((message = curl_multi_info_read(engine->multi, &left))) {
        struct ori_transfer *t = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK && t)
            judge(t, message->data.result);
    }
    end_stalled(engine);
}

orion_status ori_engine_run(struct ori_engine *engine, struct ori_transfer *t,
                            const struct ori_watch *watch, orion_phase phase,
                            const uint64_t *done_bytes, orion_error *err)
{
    orion_status status = ori_engine_add(engine, t, err);
    if (status != ORION_OK)
        return status;

    uint64_t told_ns = 0;
    int running;
    (void)curl_multi_perform(engine->multi, &running);
    while (!t->done && status == ORION_OK) {
        ori_engine_step(engine, TICK_MS);
        const uint64_t now = ori_now_ns();
        if (now - told_ns >= TICK_MS * 1000000u / 2) {
            told_ns = now;
            status = ori_watch_tick(watch, phase, *done_bytes, "", err);
        }
    }
    ori_engine_remove(engine, t);
    return status;
}
