/* params.h - the fields of a request, read by a table.
 *
 * A row says what a field is called, what it may be, and where it goes.  A field
 * that no row names, that is of another kind or out of range, is an error that
 * names it; null is as good as absent.  The tables are all there is to know of
 * what a request may say.
 */
#ifndef SERVER_PARAMS_H
#define SERVER_PARAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <orion.h>

struct http_request;

enum param_kind {
    PARAM_END = 0,
    PARAM_NUMBER,  /* float, within min and max */
    PARAM_COUNT,   /* uint32_t, the same */
    PARAM_INTEGER, /* int64_t, the same */
    PARAM_FLAG,    /* bool */
    PARAM_TEXT,    /* const char *, borrowed from the JSON */
    PARAM_TEXTS,   /* struct param_texts: a text or a list of them */
    PARAM_JSON,    /* json_t *, borrowed: read by whoever has the table */
    PARAM_OBJECT,  /* an object, whose fields `inside` reads into the struct at offset */
    PARAM_TABLE,   /* not a field: the rows of `inside` belong here too, with that offset */
    PARAM_NOTHING, /* clients send it and it changes nothing here: any value */
    PARAM_REFUSED, /* known, but not supported: only what asks for nothing (false, 0, "", [], {}) */
    PARAM_OTHERS,  /* no field either: what no row names is as PARAM_NOTHING, not an error */
};

/* Write rows as {"top_p", PARAM_NUMBER, FIELD(top_p), .max = 1}, and those that
 * need less as {"user", .kind = PARAM_NOTHING}. */
struct param {
    const char *name;
    enum param_kind kind;
    size_t offset;             /* in the struct that the table fills */
    double min, max;           /* both included, unless: */
    bool above_min, below_max; /* not the bound itself */
    bool required;
    const struct param *inside;
};

/* Stop texts are what these are: OpenAI takes 4, role-playing programs send one for each
 * name that they know.  Every token of an answer is compared with all of them, so that
 * their length is limited, too. */
#define PARAM_TEXTS_MAX 256
#define PARAM_TEXTS_BYTES (16u << 10) /* of all together */
struct param_texts {
    const char *items[PARAM_TEXTS_MAX]; /* borrowed from the JSON; never empty texts */
    size_t n;
};

/* Read an object's fields into `out`, which holds the defaults.  A row further
 * down wins over one above that goes to the same place.  `around` is where the
 * object stands ("messages[1]"), NULL for a whole request.
 * ORION_E_ARGUMENT, and ORION_E_UNSUPPORTED for what is refused; err->name is the
 * field, with those around it ("stream_options.include_usage"). */
orion_status params_read(const json_t *object, const struct param *table, const char *around,
                         void *out, orion_error *err);

/* Say in the same way what a table can't: "'FIELD' FORMAT".  Returns the status. */
orion_status params_fail(orion_error *err, orion_status status, const char *field,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* End a request by 400 with the sentence and the field that reading it told. */
void params_reply(struct http_request *request, const orion_error *err);

/* ---- what all families say in the same words ---- */

struct sampling {
    orion_generate_params generate;
    struct param_texts stop;
    int64_t seed; /* SAMPLING_ANY_SEED: another one each time */
};
#define SAMPLING_ANY_SEED INT64_MIN

/* Rows for a struct sampling: top_k, top_p, min_p, repeat_penalty,
 * frequency_penalty, presence_penalty, seed, stop.  Temperature has another range
 * in each family, and limits have other names. */
extern const struct param sampling_params[];

void sampling_init(struct sampling *sampling); /* the library's defaults, any seed */
/* What was read, as the scheduler takes it; borrowed from `sampling`. */
const orion_generate_params *sampling_finish(struct sampling *sampling);

#endif
