/* URLs: built from checked parts, compared by where they lead. */
#ifndef ORI_HUB_URL_H
#define ORI_HUB_URL_H

#include "base/base.h"

#define ORI_URL_MAX 8192 /* signed URLs are long */

/* "https://host[:port][/path]" as an endpoint: host in lower case, hf.co
 * spelled out, no slash at the end.  NULL with err filled when it is no such
 * URL or holds a user, a query or a fragment.  Free with free(). */
char *ori_url_endpoint(const char *text, orion_error *err);

/* `text` with every byte but [A-Za-z0-9._~-] percent-encoded; '/' too unless
 * keep_slash.  NULL when memory is short.  Free with free(). */
char *ori_url_encode(const char *text, bool keep_slash);

/* Where a Location leads that was given at `base`.  NULL when it is no http(s)
 * URL or too long.  Free with free(). */
char *ori_url_join(const char *base, const char *location);

/* Does it name its own scheme and host? */
bool ori_url_is_absolute(const char *location);

/* Same scheme, host and port? */
bool ori_url_same_origin(const char *a, const char *b);

/* Would going from one to the other give up encryption? */
bool ori_url_is_downgrade(const char *from, const char *to);

/* May a token for `endpoint` go to `url`?  Only to the endpoint's own origin,
 * or to the official hub; and only encrypted, or to this machine. */
bool ori_url_may_have_token(const char *endpoint, const char *url);

/* Host, for messages: never the query, which may hold a signature.  Cut to
 * `bytes`. */
void ori_url_host(const char *url, char *host, size_t bytes);

#endif
