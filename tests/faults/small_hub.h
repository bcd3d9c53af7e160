/* A hub with one repository, acme/tiny, that holds one model: enough for a
 * pull.  It is a process of its own, so that memory failing here is none of its. */
#ifndef TEST_SMALL_HUB_H
#define TEST_SMALL_HUB_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUB_COMMIT "0123456789abcdef0123456789abcdef01234567"

struct small_hub {
    pid_t pid;
    char url[64];
};

struct served {
    const uint8_t *data;
    size_t size;
    const char *sha256;
};

static inline void send_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    ssize_t n;
    while (len > 0 && (n = send(fd, at, len, MSG_NOSIGNAL)) > 0) {
        at += n;
        len -= (size_t)n;
    }
}

static inline void send_json(int fd, const char *text)
{
    char head[200];
    const int n = snprintf(head, sizeof(head),
                           "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                           strlen(text));
    send_all(fd, head, (size_t)n);
    send_all(fd, text, strlen(text));
}

/* The file, or the range of it that the request asks for. */
static inline void send_file(int fd, const char *request, const struct served *file)
{
    char head[500];
    const char *range = strstr(request, "Range: bytes=");
    unsigned long long begin = 0, end = file->size - 1;

    if (range && sscanf(range, "Range: bytes=%llu-%llu", &begin, &end) < 1)
        return;
    if (end >= file->size)
        end = file->size - 1;
    const size_t len = (size_t)(end - begin + 1);
    const int n = snprintf(head, sizeof(head),
                           "HTTP/1.1 %s\r\nX-Repo-Commit: " HUB_COMMIT "\r\nETag: \"%s\"\r\n"
                           "Content-Range: bytes %llu-%llu/%zu\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n",
                           range ? "206 Partial Content" : "200 OK", file->sha256, begin, end,
                           file->size, len);
    send_all(fd, head, (size_t)n);
    if (strncmp(request, "HEAD ", 5) != 0)
        send_all(fd, file->data + begin, len);
}

static inline void answer(int fd, const struct served *file)
{
    char request[4096] = "";
    size_t len = 0;
    ssize_t n;

    while (len + 1 < sizeof(request) && !strstr(request, "\r\n\r\n") &&
           (n = recv(fd, request + len, sizeof(request) - 1 - len, 0)) > 0) {
        len += (size_t)n;
        request[len] = '\0';
    }
    if (strstr(request, "/revision/"))
        send_json(fd, "{\"sha\": \"" HUB_COMMIT "\"}");
    else if (strstr(request, "/tree/"))
        send_json(fd, "[{\"type\": \"file\", \"path\": \"t-Q4_K_M.gguf\"}]");
    else if (strstr(request, "/resolve/"))
        send_file(fd, request, file);
    else if (strstr(request, "/api/models?search="))
        send_json(fd, "[{\"id\": \"acme/tiny\", \"downloads\": 1, \"gguf\": {\"total\": 5}}]");
}

static inline bool start_hub(struct small_hub *hub, const struct served *file)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t address_bytes = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &address_bytes) != 0)
        return false;
    (void)snprintf(hub->url, sizeof(hub->url), "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    hub->pid = fork();
    while (hub->pid == 0) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0 || getppid() == 1)
            _exit(0);
        answer(fd, file);
        (void)close(fd);
    }
    (void)close(listener);
    return hub->pid > 0;
}

static inline void stop_hub(struct small_hub *hub)
{
    (void)kill(hub->pid, SIGKILL);
    (void)waitpid(hub->pid, NULL, 0);
}

#endif
