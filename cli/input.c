/* Whole files and standard input. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_buffer_add(struct cli_buffer *buffer, const char *data, size_t n)
{
    if (n > CLI_INPUT_MAX - buffer->len)
        return false;
    if (!buffer->data || n >= buffer->room - buffer->len) {
        const size_t room = 2 * (buffer->len + n) + 64;
        char *grown = realloc(buffer->data, room);
        if (!grown)
            return false;
        buffer->data = grown;
        buffer->room = room;
    }
    memcpy(buffer->data + buffer->len, data, n);
    buffer->len += n;
    buffer->data[buffer->len] = '\0';
    return true;
}

void cli_buffer_free(struct cli_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct cli_buffer){0};
}

static int read_all(const struct cli *cli, int fd, const char *name, struct cli_buffer *out)
{
    char chunk[65536];

    if (!cli_buffer_add(out, "", 0)) {
        cli_error(cli, "not enough memory to read %s.", name);
        return CLI_NO_FIT;
    }
    for (;;) {
        const ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0)
            return CLI_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            cli_error(cli, "cannot read %s: %s.", name, strerror(errno));
            return CLI_FAILED;
        }
        if (!cli_buffer_add(out, chunk, (size_t)n)) {
            cli_error(cli, "%s is larger than %zu MB, or than the memory that is left.", name,
                      CLI_INPUT_MAX >> 20);
            return CLI_NO_FIT;
        }
    }
}

int cli_read(const struct cli *cli, const char *file, struct cli_buffer *out)
{
    if (strcmp(file, "-") == 0)
        return read_all(cli, STDIN_FILENO, "standard input", out);

    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const int code = errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_FAILED;
        cli_error(cli, "cannot open '%s': %s.", file, strerror(errno));
        return code;
    }
    const int code = read_all(cli, fd, file, out);
    (void)close(fd);
    return code;
}

int cli_read_text(const struct cli *cli, const char *file, const char *what, struct cli_buffer *out)
{
    const int code = cli_read(cli, file, out);

    if (code != CLI_OK)
        return code;
    if (out->len == 0)
        return cli_usage(cli, "%s is empty.", what);
    const char *zero = memchr(out->data, '\0', out->len);
    if (zero)
        return cli_usage(cli, "%s has a zero byte at byte %zu; it must be text.", what,
                         (size_t)(zero - out->data));
    return CLI_OK;
}
