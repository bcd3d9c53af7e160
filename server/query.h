/* query.h - the parameters of a query, read by the tables that fields are read by. */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "http.h"
#include "params.h"

/* As params_read(), of what stands behind the "?": numbers are digits there, flags
 * "true" and "false".  Texts that were read live as long as the request.  False after
 * replying 400, which ends the request. */
bool query_read(struct http_request *request, const struct param *table, void *out);

/* The table of a route that has no parameters. */
extern const struct param query_of_nothing[];

#endif
