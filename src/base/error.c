/* Status texts and the filling of orion_error. */
#define ORI_BASE_ERROR_C
#include "base/base.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *orion_status_text(orion_status status)
{
    switch (status) {
    case ORION_OK:
        return "ok";
    case ORION_E_ARGUMENT:
        return "invalid argument";
    case ORION_E_NOMEM:
        return "out of memory";
    case ORION_E_IO:
        return "input/output error";
    case ORION_E_FORMAT:
        return "malformed input";
    case ORION_E_UNSUPPORTED:
        return "not supported";
    case ORION_E_NOT_FOUND:
        return "not found";
    case ORION_E_TOO_LONG:
        return "does not fit the context";
    case ORION_E_NO_SPACE:
        return "no space left";
    case ORION_E_INTEGRITY:
        return "integrity check failed";
    case ORION_E_NETWORK:
        return "network error";
    case ORION_E_DENIED:
        return "permission denied";
    case ORION_E_OFFLINE:
        return "offline";
    case ORION_E_CANCELLED:
        return "cancelled";
    case ORION_E_BUSY:
        return "busy";
    case ORION_E_NAME:
        return "not a name";
    }
    return "unknown status";
}

bool ori_str_eq(struct ori_str a, const char *b)
{
    return strlen(b) == a.len && (a.len == 0 || memcmp(a.data, b, a.len) == 0);
}

/* Copy a text that may quote a file or a server: whole UTF-8 characters only,
 * and '?' for control characters, which could steer a terminal. */
static void copy_printable(char *out, size_t size, const char *text)
{
    const size_t len = strlen(text);
    size_t used = 0;

    for (size_t i = 0; i < len;) {
        const size_t n = ori_utf8_char(text + i, len - i);
        if (used + (n ? n : 1) >= size)
            break;
        if (n == 0 || (uint8_t)text[i] < 0x20 || text[i] == 0x7F) {
            out[used++] = '?';
            i++;
            continue;
        }
        memcpy(out + used, text + i, n);
        used += n;
        i += n;
    }
    out[used] = '\0';
}

ORI_PRINTF(5, 0)
static void fill(orion_error *err, orion_status status, uint64_t offset, const char *name,
                 const char *fmt, va_list args)
{
    /* By way of copies: a caller may quote the error that it adds to.  Longer
     * by a character, so that none is cut in two before copy_printable(). */
    char message[sizeof(err->message) + 4];
    char item[sizeof(err->name) + 4];

    (void)vsnprintf(message, sizeof(message), fmt, args);
    (void)snprintf(item, sizeof(item), "%s", name ? name : "");
    err->status = status;
    err->offset = offset;
    copy_printable(err->name, sizeof(err->name), item);
    copy_printable(err->message, sizeof(err->message), message);
}

orion_status ori_fail(orion_error *err, orion_status status, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        fill(err, status, ORION_NO_OFFSET, NULL, fmt, args);
        va_end(args);
    }
    return status;
}

orion_status ori_fail_at(orion_error *err, orion_status status, uint64_t offset, const char *name,
                         const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        fill(err, status, offset, name, fmt, args);
        va_end(args);
    }
    return status;
}

orion_status ori_status_of_errno(int error)
{
    switch (error) {
    case ENOMEM:
        return ORION_E_NOMEM;
    case ENOENT:
    case ENOTDIR:
        return ORION_E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ORION_E_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ORION_E_NO_SPACE;
    default:
        return ORION_E_IO;
    }
}

orion_status ori_fail_errno(orion_error *err, const char *fmt, ...)
{
    const int saved = errno;
    const orion_status status = ori_status_of_errno(saved);

    if (err) {
        va_list args;
        va_start(args, fmt);
        fill(err, status, ORION_NO_OFFSET, NULL, fmt, args);
        va_end(args);
        const size_t used = strlen(err->message);
        char reason[128];
        /* XSI strerror_r: _POSIX_C_SOURCE is set, _GNU_SOURCE is not. */
        if (strerror_r(saved, reason, sizeof(reason)) != 0)
            (void)snprintf(reason, sizeof(reason), "error %d", saved);
        (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s", reason);
    }
    errno = saved;
    return status;
}

orion_status ori_fail_nomem(orion_error *err, const char *what)
{
    return ori_fail(err, ORION_E_NOMEM, "not enough memory for %s", what);
}
