/* show.h - the facts of one model's file, gathered, and how they are printed. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli.h"

#define SHOW_TYPES_MAX 48

struct show_type {
    const char *name; /* "Q4_K" */
    uint64_t count, bytes;
};

struct show {
    const struct cli *cli;
    const char *path;
    const orion_model *model;
    const orion_model_facts *facts; /* NULL for a file outside the models directory */
    orion_model_info info;
    struct show_type types[SHOW_TYPES_MAX]; /* tensors by type, in file order */
    size_t n_types;
    orion_kv_type kv_type;
    uint64_t kv_bytes_per_token; /* 0: the model can't have such a cache */
    uint32_t context;            /* tokens that the next two are for */
    uint64_t kv_bytes, memory_bytes;
};

void show_facts(const struct show *show);
void show_tensors(const struct show *show);
int show_metadata(const struct show *show);
int show_template(const struct show *show);
int show_json(const struct show *show, bool metadata, bool tensors, bool template);

/* The file's own chat template; free with free().  NULL when it has none. */
char *show_template_text(const struct show *show);

/* The value of metadata key `index` in full; free with free().  NULL past the
 * last key (*key NULL), or when memory is short. */
char *show_value(const orion_model *model, size_t index, const char **key);

#endif
