/* model_file.h - which file a model's name stands for. */
#ifndef SERVER_MODEL_FILE_H
#define SERVER_MODEL_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include <orion.h>

struct model_file {
    char id[256];    /* the model's canonical id */
    char path[4096]; /* absolute */
    struct stat st;  /* when it was found */
};

/* By any of a model's names.  What is outside the models directory is as absent as
 * what is nowhere: ORION_E_NOT_FOUND, with one sentence for both. */
orion_status model_file_find(orion_manager *manager, const char *name, struct model_file *out,
                             orion_error *err);
/* Nothing has been written to it or put in its place between the two looks. */
bool model_file_same(const struct stat *a, const struct stat *b);

#endif
