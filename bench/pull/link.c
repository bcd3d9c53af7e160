/* A TCP relay on loopback that behaves like a long, narrow or lossy link.
 *
 *     link SERVER-PORT [rtt=MS] [rate=BYTES/S] [window=BYTES] [loss=PERCENT] [slow=BYTES/S]
 *
 * Prints "port N" and relays what connects there to SERVER-PORT, until it is
 * ended.  Only what the server sends is shaped; requests are just late.
 *
 * rtt      a connection's first request is 1.5 round trips late (handshake and way), later
 *          ones half of one; every answer is half of one late
 * rate     of the link, shared by all connections; 50 ms of bytes may queue before it
 * window   what a connection may have on its way.  It has a congestion window like Reno's: 10
 *          segments at first, doubled each round trip up to the window, or, once something
 *          was lost, a segment more each round trip
 * loss     of segments.  One that is lost comes a round trip late, with all behind it; the window
 *          halves, once a round trip.  One loss in twenty is a timeout: 200 ms of nothing, and
 *          the window starts over
 * slow     the rate of the first connection, whatever the link's
 *
 * What it leaves out: no losses from full queues, no acknowledgements lost, no reordering.  It
 * looks at each connection once a millisecond, so that is how exact it is. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64,
    SEGMENT = 1448,
    RING = 1 << 22,
    PIECES = 4096,
    PIECE = 64 * 1024,
    REQUEST = 16 * 1024
};

struct piece { /* of an answer, on its way */
    double arrives, acked;
    uint32_t bytes;
};

struct connection {
    int client, server; /* -1: free */
    uint32_t random;
    double request_due, slow_rate, slow_free, stalled_until, last_arrival, last_cut;
    double cwnd, threshold;
    size_t unacked, request_bytes;
    bool asked_all; /* the client will send no more */
    bool ended;     /* the server has closed */
    /* Pieces [first, sent) have arrived, [first, filled) are not acknowledged or not
     * handed on yet; `oldest` is the oldest that is not acknowledged. */
    uint64_t oldest, arriving, filled;
    uint32_t handed; /* bytes of piece `arriving` that the client has */
    uint64_t ring_read, ring_write;
    struct piece pieces[PIECES];
    char request[REQUEST];
    char ring[RING];
};

static struct {
    double rtt_s, rate, window, loss, slow;
} line = {.window = 2 << 20};

static struct connection *table[CONNECTIONS];
static double link_free;
static unsigned connections_seen;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double later(double a, double b)
{
    return a > b ? a : b;
}

static double chance(struct connection *c) /* xorshift: the same losses each time */
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return (double)c->random / 4294967296.0;
}

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void end(struct connection **slot)
{
    close((*slot)->client);
    close((*slot)->server);
    free(*slot);
    *slot = NULL;
}

static void begin(int client, unsigned server_port)
{
    const struct sockaddr_in address = loopback(server_port);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    struct connection **slot = table;

    while (slot < table + CONNECTIONS && *slot)
        slot++;
    struct connection *c = slot < table + CONNECTIONS ? malloc(sizeof(*c)) : NULL;
    if (!c || server < 0 || connect(server, (const struct sockaddr *)&address, sizeof(address))) {
        free(c);
        if (server >= 0)
            close(server);
        close(client);
        return;
    }
    memset(c, 0, offsetof(struct connection, pieces));
    fcntl(server, F_SETFL, O_NONBLOCK);
    fcntl(client, F_SETFL, O_NONBLOCK);
    c->client = client;
    c->server = server;
    c->random = 2463534242u + 7919u * connections_seen;
    c->cwnd = 10 * SEGMENT;
    c->threshold = line.window;
    c->request_due = now_s() + 1.5 * line.rtt_s;
    c->slow_rate = connections_seen++ == 0 ? line.slow : 0;
    *slot = c;
}

/* ---- client to server: late, and nothing else ---- */

static bool carry_request(struct connection *c, double now)
{
    if (c->asked_all)
        return true;
    if (c->request_bytes == 0) {
        const ssize_t n = recv(c->client, c->request, sizeof(c->request), 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0) { /* its answer may be on its way still */
            c->asked_all = true;
            return c->ended || shutdown(c->server, SHUT_WR) == 0;
        }
        c->request_bytes = (size_t)n;
        c->request_due = later(c->request_due, now + line.rtt_s / 2);
    }
    if (now < c->request_due)
        return true;
    const size_t bytes = c->request_bytes;
    c->request_bytes = 0;
    return send(c->server, c->request, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

/* ---- server to client ---- */

static void lose(struct connection *c, double now, struct piece *piece)
{
    for (uint32_t i = 0; i < piece->bytes; i += SEGMENT) {
        if (chance(c) >= line.loss)
            continue;
        piece->arrives += line.rtt_s;
        piece->acked += line.rtt_s;
        if (chance(c) < 0.05) {
            c->stalled_until = now + 0.2;
            c->threshold = later(c->cwnd / 2, 2 * SEGMENT);
            c->cwnd = 2 * SEGMENT;
            c->last_cut = now;
        } else if (now - c->last_cut >= line.rtt_s) {
            c->threshold = c->cwnd = later(c->cwnd / 2, 2 * SEGMENT);
            c->last_cut = now;
        }
        return; /* what is lost in one piece comes again together */
    }
}

static void acknowledge(struct connection *c, double now)
{
    while (c->oldest < c->arriving && c->pieces[c->oldest % PIECES].acked <= now) {
        const double bytes = c->pieces[c->oldest++ % PIECES].bytes;
        c->unacked -= (size_t)bytes;
        c->cwnd += c->cwnd < c->threshold ? bytes : SEGMENT * bytes / c->cwnd;
        if (c->cwnd > line.window)
            c->cwnd = line.window;
    }
}

/* How much may be sent now. */
static size_t room(const struct connection *c, double now)
{
    const size_t held = (size_t)(c->ring_write - c->ring_read), cwnd = (size_t)c->cwnd;
    const size_t at = (size_t)(c->ring_write % RING);
    size_t n = PIECE;

    if (c->ended || now < c->stalled_until || c->unacked >= cwnd || held >= RING ||
        c->filled - c->oldest >= PIECES || link_free > now + 0.05 || c->slow_free > now + 0.05)
        return 0;
    if (n > cwnd - c->unacked)
        n = cwnd - c->unacked;
    if (n > RING - held)
        n = RING - held;
    return n > RING - at ? RING - at : n;
}

/* Takes a piece from the server; false when there is none. */
static bool take(struct connection *c, double now)
{
    const size_t most = room(c, now);
    if (most == 0)
        return false;
    const ssize_t n = recv(c->server, c->ring + c->ring_write % RING, most, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        c->ended = true;
    if (n <= 0)
        return false;

    double leaves = now;
    if (c->slow_rate > 0)
        leaves = c->slow_free = later(now, c->slow_free) + (double)n / c->slow_rate;
    if (line.rate > 0) {
        link_free = later(now, link_free) + (double)n / line.rate;
        leaves = later(leaves, link_free);
    }
    struct piece *piece = &c->pieces[c->filled++ % PIECES];
    *piece = (struct piece){leaves + line.rtt_s / 2, leaves + line.rtt_s, (uint32_t)n};
    if (line.loss > 0)
        lose(c, now, piece);
    piece->arrives = c->last_arrival = later(piece->arrives, c->last_arrival);
    c->unacked += (size_t)n;
    c->ring_write += (uint64_t)n;
    return true;
}

static bool hand_on(struct connection *c, double now)
{
    while (c->arriving < c->filled && c->pieces[c->arriving % PIECES].arrives <= now) {
        const struct piece *piece = &c->pieces[c->arriving % PIECES];
        const size_t at = (size_t)(c->ring_read % RING);
        const ssize_t n = send(c->client, c->ring + at, piece->bytes - c->handed, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        c->ring_read += (uint64_t)n;
        c->handed += (uint32_t)n;
        if (c->handed < piece->bytes)
            return true;
        c->handed = 0;
        c->arriving++;
    }
    return !c->ended || c->arriving < c->filled;
}

static void look(void)
{
    const double now = now_s();
    static unsigned turn; /* who comes first when the link is full */
    bool more = true;

    for (struct connection **slot = table; slot < table + CONNECTIONS; slot++) {
        if (*slot && (!hand_on(*slot, now) || !carry_request(*slot, now)))
            end(slot);
        else if (*slot)
            acknowledge(*slot, now);
    }
    for (turn++; more;) {
        more = false;
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            struct connection *c = table[(turn + i) % CONNECTIONS];
            more |= c && take(c, now);
        }
    }
}

/* ---- the command line ---- */

static const struct {
    const char *name;
    double *value, scale, least, most;
} options[] = {
    {"rtt", &line.rtt_s, 1e-3, 0, 10000},       {"rate", &line.rate, 1, 0, 1e12},
    {"window", &line.window, 1, SEGMENT, RING}, {"loss", &line.loss, 1e-2, 0, 100},
    {"slow", &line.slow, 1, 0, 1e12},
};

/* NAME=NUMBER; 0, or 2 when it was refused. */
static int read_option(const char *text)
{
    const char *equals = strchr(text, '=');
    const size_t length = equals ? (size_t)(equals - text) : 0;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strlen(options[i].name) != length || strncmp(text, options[i].name, length) != 0)
            continue;
        char *rest;
        const double value = strtod(equals + 1, &rest);
        if (rest == equals + 1 || *rest || !(value >= options[i].least) ||
            value > options[i].most) {
            fprintf(stderr, "link: %s must be a number from %g to %g, not '%s'\n", options[i].name,
                    options[i].least, options[i].most, equals + 1);
            return 2;
        }
        *options[i].value = value * options[i].scale;
        return 0;
    }
    fprintf(stderr,
            "link: there is no option '%s'; there are rtt, rate, window, loss and slow, "
            "each followed by = and a number\n",
            text);
    return 2;
}

/* The port, or 0 when it was refused. */
static unsigned read_port(const char *text)
{
    char *rest;
    const unsigned long port = text ? strtoul(text, &rest, 10) : 0;

    if (text && port >= 1 && port <= 65535 && *rest == '\0')
        return (unsigned)port;
    fprintf(stderr, "link: the first argument is the server's port, from 1 to 65535, not '%s'\n",
            text ? text : "");
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    const unsigned server_port = read_port(argc > 1 ? argv[1] : NULL);
    if (server_port == 0)
        return 2;
    for (int i = 2; i < argc; i++)
        if (read_option(argv[i]))
            return 2;
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(listener, CONNECTIONS) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        return perror("link"), 1;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct pollfd waiting = {.fd = listener, .events = POLLIN};
        int client;
        (void)poll(&waiting, 1, 1);
        while ((client = accept(listener, NULL, NULL)) >= 0)
            begin(client, server_port);
        look();
    }
}
