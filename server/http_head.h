/* http_head.h - the head of a request, read strictly.
 *
 * Two parsers that disagree about one request are how requests are smuggled, so
 * this one takes only what all of them read alike: every line ends in CR LF, a
 * name is a token with the colon right behind it, nothing is folded, a body has
 * one length or one "chunked" and never both.  Whatever else is refused before
 * libmicrohttpd sees a byte of it.
 */
#ifndef SERVER_HTTP_HEAD_H
#define SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES (32u << 10) /* of request line and fields together */
#define HTTP_TARGET_BYTES (8u << 10)
#define HTTP_FIELDS 100

/* Where a string lies in `bytes`; it ends in a NUL there. */
typedef uint16_t http_text;

struct http_head {
    char *bytes; /* as they came, with a NUL behind each part; owned after http_head_keep() */
    size_t n_bytes;
    http_text method, path; /* the path as it was sent, without the query */
    http_text query;        /* without the "?"; 0: there is none */
    struct {
        http_text name, value;
    } fields[HTTP_FIELDS];
    size_t n_fields;
    bool http_1_0;
    bool chunked;
    uint64_t length; /* of the body; 0 when chunked */
};

enum http_head_result {
    HTTP_HEAD_MORE = 0, /* what is there is well formed, and not all of it */
    HTTP_HEAD_WHOLE = 1,
    HTTP_HEAD_BAD = 2,
};

/* What is wrong with a head. */
struct http_head_fault {
    int code; /* 400, 414, 431, 505 */
    const char *message;
};

/* Read bytes[0..n), cutting it into strings in place.  `out` borrows from `bytes`;
 * it is filled as far as it could be read, also of a bad one. */
enum http_head_result http_head_parse(char *bytes, size_t n, struct http_head *out,
                                      struct http_head_fault *fault);

/* Give the head bytes of its own.  False without memory. */
bool http_head_keep(struct http_head *head);
void http_head_release(struct http_head *head);

static inline const char *http_head_text(const struct http_head *head, http_text text)
{
    return head->bytes + text;
}

/* The first field of that name, whatever its case; NULL when there is none. */
const char *http_head_field(const struct http_head *head, const char *name);

#endif
