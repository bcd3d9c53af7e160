/* The head of an HTTP response: the few headers that we read, each bounded. */
#ifndef ORI_HUB_REPLY_H
#define ORI_HUB_REPLY_H

#include "base/base.h"
#include "hub/url.h"

struct ori_reply {
    int status;    /* 0: nothing arrived */
    bool too_long; /* a header that we read did not fit */
    bool has_length, has_linked_size, has_range, has_total, has_retry_after;
    uint64_t length;                         /* Content-Length */
    uint64_t linked_size;                    /* X-Linked-Size */
    uint64_t range_begin, range_end, total;  /* Content-Range; range_end is the last byte */
    uint64_t retry_after_ms;                 /* Retry-After or RateLimit, at most a day */
    char commit[41];                         /* X-Repo-Commit: 40 hex digits, or "" */
    char etag[160], linked_etag[160];        /* as sent, W/ and quotes included */
    char error_code[64], error_message[200]; /* X-Error-Code, X-Error-Message */
    char content_type[64], content_encoding[32];
    char location[ORI_URL_MAX + 1];
    char next_page[ORI_URL_MAX + 1]; /* Link: <...>; rel="next" */
};

/* Take one header line (with or without its line end).  A status line starts
 * the reply anew. */
void ori_reply_line(struct ori_reply *reply, const char *line, size_t len);

/* An ETag without W/ and quotes, in lower case, when it is 64 or 40 hex
 * digits; "" otherwise.  `out` holds 65 bytes. */
void ori_reply_etag_hex(const char *etag, char out[65]);

/* Is it quoted and not weak, so that it may guard a range? */
bool ori_reply_etag_is_strong(const char *etag);

#endif
