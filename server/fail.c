#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(orion_error *err, orion_status status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fill(orion_error *err, orion_status status, const char *format, va_list args)
{
    if (!err)
        return;
    *err = (orion_error){.status = status, .offset = ORION_NO_OFFSET};
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
}

orion_status server_fail(orion_error *err, orion_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, status, format, args);
    va_end(args);
    return status;
}

static orion_status status_of(int number)
{
    switch (number) {
    case ENOENT:
        return ORION_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ORION_E_DENIED;
    case ENOMEM:
        return ORION_E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return ORION_E_NO_SPACE;
    default:
        return ORION_E_IO;
    }
}

orion_status server_fail_errno(orion_error *err, const char *format, ...)
{
    const int number = errno;
    const orion_status status = status_of(number);
    va_list args;

    va_start(args, format);
    fill(err, status, format, args);
    va_end(args);
    if (err) {
        const size_t n = strlen(err->message);
        (void)snprintf(err->message + n, sizeof(err->message) - n, ": %s", strerror(number));
    }
    return status;
}

/* Bytes of the character that begins there, 0 when none does. */
static size_t character_bytes(const unsigned char *at)
{
    const size_t n = *at < 0x80                  ? 1
                     : *at >= 0xC2 && *at < 0xE0 ? 2
                     : *at >= 0xE0 && *at < 0xF0 ? 3
                     : *at >= 0xF0 && *at < 0xF5 ? 4
                                                 : 0;

    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xC0) != 0x80) /* the final NUL, too */
            return 0;
    return n;
}

void server_mend_text(char *text)
{
    while (*text) {
        const size_t n = character_bytes((const unsigned char *)text);
        if (n == 0)
            *text = '?';
        text += n ? n : 1;
    }
}
