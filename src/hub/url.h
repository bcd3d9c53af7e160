/* URLs: built from checked parts, compared by where they lead. */
#ifndef ORI_HUB_URL_H
#define ORI_HUB_URL_H

#include "base/base.h"

#define ORI_URL_MAX 8192 /* signed URLs are long */

/* "https://host[:port][/path]" as an endpoint in *out: host in lower case, hf.co
 * spelled out, no slash at the end; free().  ORION_E_ARGUMENT when it is no such
 * URL or holds a user, a query or a fragment; *out is NULL then. */
orion_status ori_url_endpoint(const char *text, char **out, orion_error *err);

/* `text` with every byte but [A-Za-z0-9._~-] percent-encoded; '/' too unless
 * keep_slash.  NULL when memory is short.  Free with free(). */
char *ori_url_encode(const char *text, bool keep_slash);

/* What follows asks a library that takes memory: the status is ORION_E_NOMEM
 * when there is none, and no answer is given then. */

/* Where a Location leads that was given at `base`, in *out; free().
 * ORION_E_FORMAT when it is no http(s) URL or too long; *out is NULL then. */
orion_status ori_url_join(const char *base, const char *location, char **out);

/* Does it name its own scheme and host? */
bool ori_url_is_absolute(const char *location);

/* Same scheme, host and port?  Not if one of them is no http(s) URL. */
orion_status ori_url_same_origin(const char *a, const char *b, bool *same);

/* Does it name a loopback address, or localhost? */
orion_status ori_url_is_this_machine(const char *url, bool *local);

/* Would going from one to the other give up encryption? */
bool ori_url_is_downgrade(const char *from, const char *to);

/* May a token for `endpoint` go to `url`?  Only to the endpoint's own origin,
 * or to the official hub; and only encrypted, or to this machine. */
orion_status ori_url_may_have_token(const char *endpoint, const char *url, bool *may);

/* Host, for messages: never the query, which may hold a signature.  Cut to
 * `bytes`. */
void ori_url_host(const char *url, char *host, size_t bytes);

#endif
