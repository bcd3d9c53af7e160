/* json.h - JSON on standard output: one document a line, keys sorted. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

#include "cli.h"

/* Text as a JSON string; NULL gives null, and broken UTF-8 becomes U+FFFD. */
json_t *cli_json_text(const char *text);
json_t *cli_json_text_n(const char *text, size_t n);

json_t *cli_json_count(uint64_t count);

/* Not-a-number and infinities become null. */
json_t *cli_json_number(double number);

/* Append `item`, which is taken over, to *array.  When memory is short, *array is released
 * and NULL, as it is when it was. */
void cli_json_add(json_t **array, json_t *item);

json_t *cli_json_facts(const orion_model_facts *facts);

/* Print and release `document` (NULL: memory ran out).  Returns an exit code. */
int cli_json_print(const struct cli *cli, json_t *document);

#endif
