/* The door: one thread that accepts connections and lets whole, well-formed and
 * permitted heads in.
 *
 * A head is looked at with MSG_PEEK and stays in the socket, so that libmicrohttpd
 * reads the very bytes that were checked, and a client that takes its time costs
 * the socket's own buffer and nothing else.  Whoever is let in stays watched: the
 * door tells when a client goes away, which libmicrohttpd does not while a
 * connection is suspended.
 */
#define _GNU_SOURCE /* accept4 */
#include "exchange.h"

#include "fail.h"
#include "thread.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFUSED_MAX 64 /* connections that are being told so, besides those that count */
#define LINGER_MS 2000 /* for a refused client to read why */
#define LINGER_BYTES (16u << 20)
#define SEEN_BYTES (8u << 20) /* of one head, each look counted: one that comes byte by byte */
#define RETRY_MS 100          /* when the process is out of file descriptors */
#define EVENTS 64

struct http_door {
    struct http *http;
    int listen_fd, epoll, wake; /* wake: an eventfd */
    pthread_t thread;
    bool started;

    /* The thread's own. */
    bool listening;   /* listen_fd is in epoll */
    int64_t retry_ms; /* not before, after file descriptors had run out */
    int64_t next_ms;  /* no deadline is earlier */
    char head[HTTP_HEAD_BYTES];

    _Atomic bool closing, ending;
    _Atomic uint32_t n_in, n_refused; /* at the door or inside; being refused */
    pthread_mutex_t lock;
    struct http_request **by_fd; /* [n_fds]; NULL where no connection is */
    size_t n_fds;
};

/* ---- the table ---- */

static bool table_fits(struct http_door *door, size_t fd)
{
    if (fd < door->n_fds)
        return true;
    const size_t n = (fd + 1) * 2;
    struct http_request **table = realloc(door->by_fd, n * sizeof(struct http_request *));
    if (!table)
        return false;
    for (size_t i = door->n_fds; i < n; i++)
        table[i] = NULL;
    door->by_fd = table;
    door->n_fds = n;
    return true;
}

static bool table_add(struct http_door *door, struct http_request *request)
{
    (void)pthread_mutex_lock(&door->lock);
    const bool fits = table_fits(door, (size_t)request->fd);
    if (fits) {
        door->by_fd[request->fd] = request;
        door->n_in++;
    }
    (void)pthread_mutex_unlock(&door->lock);
    return fits;
}

/* A reference, so that it stays while it is looked at; NULL when it has left. */
static struct http_request *table_hold(struct http_door *door, size_t fd)
{
    struct http_request *request = NULL;

    (void)pthread_mutex_lock(&door->lock);
    if (fd < door->n_fds && door->by_fd[fd])
        request = http_request_hold(door->by_fd[fd]);
    (void)pthread_mutex_unlock(&door->lock);
    return request;
}

struct http_request *http_door_find(struct http_door *door, int fd)
{
    (void)pthread_mutex_lock(&door->lock);
    struct http_request *request = (size_t)fd < door->n_fds ? door->by_fd[fd] : NULL;
    (void)pthread_mutex_unlock(&door->lock);
    return request;
}

uint32_t http_door_count(const struct http_door *door)
{
    return door->n_in;
}

static bool is_full(const struct http_door *door)
{
    return door->n_in + door->n_refused >= HTTP_CONNECTIONS + REFUSED_MAX;
}

static void wake_up(struct http_door *door)
{
    const uint64_t one = 1;
    (void)!write(door->wake, &one, sizeof(one));
}

void http_door_leave(struct http_door *door, struct http_request *request)
{
    (void)pthread_mutex_lock(&door->lock);
    (void)epoll_ctl(door->epoll, EPOLL_CTL_DEL, request->fd, NULL);
    door->by_fd[request->fd] = NULL;
    if (request->place == HTTP_REFUSED)
        door->n_refused--;
    else
        door->n_in--;
    (void)pthread_mutex_unlock(&door->lock);
    wake_up(door); /* there may be room for others again */
}

/* Of one that is not inside. */
static void hang_up(struct http_door *door, struct http_request *request)
{
    http_door_leave(door, request);
    (void)close(request->fd);
    http_request_release(request);
}

static void set_deadline(struct http_door *door, struct http_request *request, int64_t in_ms)
{
    request->deadline_ms = http_now_ms() + in_ms;
    if (request->deadline_ms < door->next_ms)
        door->next_ms = request->deadline_ms;
}

/* ---- refusing ---- */

/* Closing a socket with unread bytes in it resets the connection, and the client
 * may never see the reply: so take what it still sends, for a while. */
static void linger(struct http_door *door, struct http_request *request)
{
    for (;;) {
        const ssize_t n = recv(request->fd, door->head, sizeof(door->head), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || (request->seen_bytes += (size_t)n) > LINGER_BYTES)
            break;
    }
    hang_up(door, request);
}

static void refuse(struct http_door *door, struct http_request *request,
                   const struct guard_refusal *why)
{
    http_refuse(request, why);
    request->head = (struct http_head){0}; /* it was the door's */
    (void)pthread_mutex_lock(&door->lock);
    request->place = HTTP_REFUSED;
    door->n_in--;
    door->n_refused++;
    (void)pthread_mutex_unlock(&door->lock);
    request->seen_bytes = 0;
    set_deadline(door, request, LINGER_MS);
    linger(door, request); /* no event tells of what has come already */
}

/* ---- letting in ---- */

static void let_in(struct http_door *door, struct http_request *request)
{
    struct epoll_event watch = {.events = EPOLLRDHUP | EPOLLET, .data.fd = request->fd};
    const struct sockaddr anyone = {.sa_family = AF_INET}; /* nobody asks */
    const int fd = request->fd;

    (void)pthread_mutex_lock(&door->lock);
    request->place = HTTP_INSIDE;
    (void)pthread_mutex_unlock(&door->lock);
    (void)epoll_ctl(door->epoll, EPOLL_CTL_MOD, fd, &watch);
    /* From here on the request may end on another thread. */
    if (MHD_add_connection(door->http->daemon, fd, &anyone, sizeof(anyone)) == MHD_YES)
        return;
    http_door_leave(door, request); /* libmicrohttpd has closed the socket */
    http_request_release(request);
}

static bool may_come_in(struct http_request *request, struct guard_refusal *why_not)
{
    const struct http *http = request->http;
    const struct http_head *head = &request->head;
    const bool open = http_route_is_open(http, http_head_text(head, head->method),
                                         http_head_text(head, head->path));

    return guard_lets_in(http->options.guard, head, open, why_not) &&
           http_route_find(request, why_not);
}

static void judge(struct http_door *door, struct http_request *request)
{
    struct guard_refusal why;

    request->shape =
        http_route_shape(request->http, http_head_text(&request->head, request->head.path));
    if (!may_come_in(request, &why)) {
        refuse(door, request, &why);
        return;
    }
    if (!http_head_keep(&request->head)) {
        hang_up(door, request);
        return;
    }
    let_in(door, request);
}

static void refuse_head(struct http_door *door, struct http_request *request,
                        const struct http_head_fault *fault)
{
    const struct guard_refusal why = {fault->code, ORION_E_FORMAT, fault->message};

    if (request->head.path)
        request->shape =
            http_route_shape(request->http, http_head_text(&request->head, request->head.path));
    refuse(door, request, &why);
}

static void wait_for_more(struct http_door *door, struct http_request *request, bool at_end)
{
    static const struct guard_refusal half = {400, ORION_E_FORMAT,
                                              "the request ends before its head does"};
    static const struct guard_refusal crumbs = {400, ORION_E_FORMAT,
                                                "the request's head came in too many pieces"};

    request->head = (struct http_head){0};
    if (at_end)
        refuse(door, request, &half);
    else if (request->seen_bytes > SEEN_BYTES)
        refuse(door, request, &crumbs);
}

static void look_at_head(struct http_door *door, struct http_request *request, bool at_end)
{
    struct http_head_fault fault;
    const ssize_t n = recv(request->fd, door->head, sizeof(door->head), MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(door, request);
        return;
    }
    request->seen_bytes += (size_t)n;
    switch (http_head_parse(door->head, (size_t)n, &request->head, &fault)) {
    case HTTP_HEAD_WHOLE:
        judge(door, request);
        break;
    case HTTP_HEAD_BAD:
        refuse_head(door, request, &fault);
        break;
    case HTTP_HEAD_MORE:
        wait_for_more(door, request, at_end);
        break;
    }
}

/* ---- connections that come ---- */

static struct http_request *welcome(struct http_door *door, int fd)
{
    struct epoll_event watch = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    struct http_request *request = http_request_new(door->http, fd);
    const int yes = 1;

    if (!request)
        return NULL;
    /* Urgent bytes would be skipped by one reader and not by another. */
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof(yes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    set_deadline(door, request, HTTP_HEAD_MS);
    if (!table_add(door, request) || epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &watch) < 0) {
        http_request_release(request);
        return NULL;
    }
    return request;
}

static void set_listening(struct http_door *door, bool listening)
{
    struct epoll_event watch = {.events = EPOLLIN, .data.fd = door->listen_fd};

    if (door->listening == listening)
        return;
    if (epoll_ctl(door->epoll, listening ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, door->listen_fd,
                  &watch) == 0)
        door->listening = listening;
}

static void take_connections(struct http_door *door)
{
    static const struct guard_refusal full = {503, ORION_E_BUSY,
                                              "too many connections are open: try again soon"};

    while (!is_full(door)) {
        const int fd = accept4(door->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                door->retry_ms = http_now_ms() + RETRY_MS;
                set_listening(door, false);
            }
            return;
        }
        struct http_request *request = welcome(door, fd);
        if (!request)
            (void)close(fd);
        else if (door->n_in > HTTP_CONNECTIONS)
            refuse(door, request, &full);
    }
    set_listening(door, false);
}

/* ---- the thread ---- */

static void on_event(struct http_door *door, int fd, uint32_t events)
{
    struct http_request *request = table_hold(door, (size_t)fd);

    if (!request)
        return;
    if (request->place == HTTP_AT_DOOR)
        look_at_head(door, request, events & EPOLLRDHUP);
    else if (request->place == HTTP_REFUSED)
        linger(door, request);
    else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        http_request_lost(request);
    http_request_release(request);
}

static void on_deadline(struct http_door *door, struct http_request *request)
{
    static const struct guard_refusal late = {408, ORION_E_FORMAT,
                                              "the request's head took more than 5 seconds"};

    if (request->place == HTTP_AT_DOOR && request->seen_bytes > 0 && !door->closing)
        refuse(door, request, &late);
    else
        hang_up(door, request);
}

/* End what is over time. */
static void keep_time(struct http_door *door)
{
    const int64_t now = http_now_ms();

    if (now < door->next_ms && !door->closing)
        return;
    door->next_ms = INT64_MAX;
    for (size_t fd = 0; fd < door->n_fds; fd++) {
        struct http_request *request = table_hold(door, fd);
        if (!request)
            continue;
        if (request->place != HTTP_INSIDE && (request->deadline_ms <= now || door->closing))
            on_deadline(door, request);
        else if (request->place != HTTP_INSIDE && request->deadline_ms < door->next_ms)
            door->next_ms = request->deadline_ms;
        http_request_release(request);
    }
}

static void keep_listening(struct http_door *door)
{
    if (door->closing)
        set_listening(door, false);
    else if (http_now_ms() >= door->retry_ms && !is_full(door))
        set_listening(door, true);
}

static int wait_ms(const struct http_door *door)
{
    const int64_t now = http_now_ms();
    int64_t next = door->next_ms;

    if (!door->listening && now < door->retry_ms && door->retry_ms < next)
        next = door->retry_ms;
    if (next == INT64_MAX)
        return -1; /* whoever leaves wakes us */
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

/* New connections come last: one may get the number of one that another event of
 * the same batch is about. */
static void on_events(struct http_door *door, const struct epoll_event *events, int n)
{
    bool come = false;
    uint64_t ticks;

    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == door->listen_fd)
            come = true;
        else if (events[i].data.fd == door->wake)
            (void)!read(door->wake, &ticks, sizeof(ticks));
        else
            on_event(door, events[i].data.fd, events[i].events);
    }
    if (come && !door->closing)
        take_connections(door);
}

static void *run(void *arg)
{
    struct http_door *door = arg;
    struct epoll_event events[EVENTS];

    while (!door->ending) {
        keep_time(door);
        keep_listening(door);
        const int n = epoll_wait(door->epoll, events, EVENTS, wait_ms(door));
        on_events(door, events, n);
    }
    return NULL;
}

/* ---- from outside ---- */

static orion_status start(struct http_door *door, orion_error *err)
{
    struct epoll_event watch = {.events = EPOLLIN};

    door->epoll = epoll_create1(EPOLL_CLOEXEC);
    door->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch.data.fd = door->wake;
    if (door->epoll < 0 || door->wake < 0 ||
        epoll_ctl(door->epoll, EPOLL_CTL_ADD, door->wake, &watch) < 0)
        return server_fail_errno(err, "wait for connections");
    if (thread_start(&door->thread, run, door) != 0)
        return server_fail(err, ORION_E_NOMEM, "a thread for connections could not be started");
    door->started = true;
    return ORION_OK;
}

orion_status http_door_open(struct http *http, struct http_door **out, orion_error *err)
{
    struct http_door *door = calloc(1, sizeof(*door));

    *out = NULL;
    if (!door)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    door->http = http;
    door->listen_fd = http->options.listen_fd;
    door->epoll = door->wake = -1;
    door->next_ms = INT64_MAX;
    (void)pthread_mutex_init(&door->lock, NULL);
    *out = door;
    const orion_status status = start(door, err);
    if (status != ORION_OK) {
        *out = NULL;
        http_door_free(door);
    }
    return status;
}

void http_door_close(struct http_door *door)
{
    door->closing = true;
    wake_up(door);
}

void http_door_clear(struct http_door *door)
{
    for (size_t fd = 0;; fd++) {
        (void)pthread_mutex_lock(&door->lock);
        const bool more = fd < door->n_fds;
        if (more && door->by_fd[fd])
            (void)shutdown((int)fd, SHUT_RDWR); /* it is not closed before it has left */
        (void)pthread_mutex_unlock(&door->lock);
        if (!more)
            return;
    }
}

void http_door_free(struct http_door *door)
{
    if (!door)
        return;
    if (door->started) {
        door->ending = true;
        wake_up(door);
        (void)pthread_join(door->thread, NULL);
    }
    if (door->epoll >= 0)
        (void)close(door->epoll);
    if (door->wake >= 0)
        (void)close(door->wake);
    (void)pthread_mutex_destroy(&door->lock);
    free(door->by_fd);
    free(door);
}
