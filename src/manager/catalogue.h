/* The models that Orion suggests: models/catalogue.json, built into the library. */
#ifndef ORI_MANAGER_CATALOGUE_H
#define ORI_MANAGER_CATALOGUE_H

#include "base/base.h"
#include "base/json.h"

/* Strings live as long as the catalogue. */
struct ori_catalogue_entry {
    const char *id, *name, *repo, *file;
    const char *quantization, *license, *summary;
    const json_t *aliases, *languages; /* arrays of strings */
    uint64_t size_bytes;               /* an estimate: the hub has the last word */
    uint64_t memory_bytes;             /* of a process at 4096 tokens, or the model's own */
    bool supported;                    /* by this version, architecture and tokenizer both */
};

struct ori_catalogue {
    json_t *json;
    struct ori_catalogue_entry *entries;
    size_t n;
};

/* Read a catalogue from JSON; every entry is checked, so that its repo and file
 * may be used as names.  ORION_E_FORMAT names the entry at fault. */
orion_status ori_catalogue_parse(const void *text, size_t len, struct ori_catalogue *out,
                                 orion_error *err);
orion_status ori_catalogue_open(struct ori_catalogue *out, orion_error *err); /* the built-in one */
void ori_catalogue_close(struct ori_catalogue *catalogue);

/* By id or alias, whatever the case; NULL when there is none. */
const struct ori_catalogue_entry *ori_catalogue_find(const struct ori_catalogue *catalogue,
                                                     const char *name);
/* The entry whose file is kept at "<repo>/<file>"; NULL when there is none. */
const struct ori_catalogue_entry *ori_catalogue_find_path(const struct ori_catalogue *catalogue,
                                                          const char *path);

#endif
