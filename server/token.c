#include "token.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

orion_status token_make(char out[TOKEN_CHARS + 1], orion_error *err)
{
    unsigned char bits[TOKEN_CHARS / 2];

    if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        return server_fail_errno(err, "the system gave no random bits");
    for (size_t i = 0; i < sizeof(bits); i++) {
        out[2 * i] = "0123456789abcdef"[bits[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bits[i] & 15];
    }
    out[TOKEN_CHARS] = '\0';
    return ORION_OK;
}

static orion_status write_new(const char *path, int fd, orion_error *err)
{
    char line[TOKEN_CHARS + 2];
    const orion_status status = token_make(line, err);

    if (status != ORION_OK)
        return status;
    line[TOKEN_CHARS] = '\n';
    if (write(fd, line, TOKEN_CHARS + 1) != TOKEN_CHARS + 1 || fsync(fd) < 0)
        return server_fail_errno(err, "cannot write a token to '%s'", path);
    return ORION_OK;
}

/* Nothing happens when there is such a file already. */
static orion_status make_file(const char *path, orion_error *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return errno == EEXIST ? ORION_OK
                               : server_fail_errno(err, "cannot make the token file '%s'", path);
    const orion_status status = write_new(path, fd, err);
    if (status != ORION_OK)
        (void)unlink(path);
    (void)close(fd);
    return status;
}

static orion_status check_file(const char *path, int fd, orion_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return server_fail_errno(err, "cannot look at the token file '%s'", path);
    if (!S_ISREG(st.st_mode))
        return server_fail(err, ORION_E_ARGUMENT, "the token file '%s' is not a file", path);
    if (st.st_mode & 077)
        return server_fail(err, ORION_E_DENIED,
                           "others can read the token file '%s': chmod 600 it, or name a new file",
                           path);
    return ORION_OK;
}

/* Visible characters, without the white space around them. */
static orion_status take_token(const char *path, char *text, char *out, orion_error *err)
{
    char *begin = text + strspn(text, " \t\r\n");
    const size_t n = strcspn(begin, " \t\r\n");

    for (size_t i = 0; i < n; i++)
        if (begin[i] <= ' ' || begin[i] >= 0x7f)
            return server_fail(err, ORION_E_FORMAT,
                               "the token in '%s' holds a character that is not plain ASCII", path);
    if (begin[n + strspn(begin + n, " \t\r\n")] != '\0')
        return server_fail(err, ORION_E_FORMAT, "the token file '%s' holds more than one word",
                           path);
    if (n < TOKEN_MIN || n > TOKEN_MAX)
        return server_fail(err, ORION_E_FORMAT,
                           "the token in '%s' must have %d to %d characters; name a file that does "
                           "not exist to have one made",
                           path, TOKEN_MIN, TOKEN_MAX);
    memcpy(out, begin, n);
    out[n] = '\0';
    return ORION_OK;
}

static orion_status read_token(const char *path, int fd, char *out, orion_error *err)
{
    char text[2 * TOKEN_MAX];
    orion_status status = check_file(path, fd, err);

    if (status != ORION_OK)
        return status;
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return server_fail_errno(err, "cannot read the token file '%s'", path);
    text[n] = '\0';
    return take_token(path, text, out, err);
}

orion_status token_from_file(const char *path, char out[TOKEN_MAX + 1], orion_error *err)
{
    orion_status status = make_file(path, err);

    if (status != ORION_OK)
        return status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return server_fail_errno(err, "cannot open the token file '%s'", path);
    status = read_token(path, fd, out, err);
    (void)close(fd);
    return status;
}

bool token_equal(const char *secret, const char *given)
{
    const size_t n = strlen(secret);
    unsigned char differs = 0;

    if (strlen(given) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)(secret[i] ^ given[i]);
    return differs == 0;
}
