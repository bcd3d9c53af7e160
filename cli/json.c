/* JSON on standard output. */
#include "json.h"
#include "links.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_json_text_n(const char *text, size_t n)
{
    json_t *string = json_stringn(text, n);
    if (string || n > SIZE_MAX / 3 - 1)
        return string;

    char *mended = malloc(3 * n + 1);
    if (!mended)
        return NULL;
    cli_text_mend(text, n, mended);
    string = json_string(mended);
    free(mended);
    return string;
}

json_t *cli_json_text(const char *text)
{
    return text ? cli_json_text_n(text, strlen(text)) : json_null();
}

json_t *cli_json_count(uint64_t count)
{
    return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

json_t *cli_json_number(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

void cli_json_add(json_t **array, json_t *item)
{
    if (json_array_append_new(*array, item) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

static const char *status_of(const orion_model_facts *facts)
{
    if (facts->downloaded)
        return "downloaded";
    return facts->partial_bytes > 0 ? "partial" : "available";
}

json_t *cli_json_facts(const orion_model_facts *facts)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:s, "
        "s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:b}",
        "id", cli_json_text(facts->id), "name", cli_json_text(facts->name), "quantization",
        cli_json_text(facts->version), "repo", cli_json_text(facts->repo), "file",
        cli_json_text(facts->file), "revision", cli_json_text(facts->revision), "sha256",
        cli_json_text(facts->sha256), "license", cli_json_text(facts->license), "summary",
        cli_json_text(facts->summary), "path", cli_json_text(facts->path), "size_bytes",
        cli_json_count(facts->size_bytes), "partial_bytes", cli_json_count(facts->partial_bytes),
        "modified_unix", json_integer(facts->modified_unix), "downloaded", facts->downloaded,
        "in_catalogue", facts->in_catalogue, "record_damaged", facts->record_damaged, "status",
        status_of(facts), "role", cli_json_text(facts->role), "n_files",
        cli_json_count(facts->n_files), "link", cli_json_text(cli_link_word(facts->link)),
        "link_target", cli_json_text(facts->link_target), "languages",
        cli_json_text(facts->languages), "supported", facts->supported, "verified_unix",
        (json_int_t)facts->verified_unix, "intact", facts->intact);
}

int cli_json_print(const struct cli *cli, json_t *document)
{
    if (!document) {
        cli_error(cli, "not enough memory for the JSON output.");
        return CLI_NO_FIT;
    }
    const int failed =
        json_dumpf(document, stdout, JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    json_decref(document);
    if (failed || fputc('\n', stdout) == EOF)
        return cli_finish_output(cli); /* says why */
    return CLI_OK;
}
