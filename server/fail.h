/* fail.h - errors of the server's own, as the library's are. */
#ifndef SERVER_FAIL_H
#define SERVER_FAIL_H

#include <orion.h>

/* Fill *err (may be NULL) and return `status`. */
orion_status server_fail(orion_error *err, orion_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with what errno says behind it; status by errno. */
orion_status server_fail_errno(orion_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put '?' for each byte of a text that is not part of a UTF-8 character: what was cut
 * to a length may end, or be cut, inside of one. */
void server_mend_text(char *text);

#endif
