/* A reference to a file on a hub, as a person types it:
 *
 *   org/repo            org/repo:QUANT            org/repo/dir/file.gguf
 *
 * each with an optional @revision (a branch, tag or commit).
 */
#ifndef ORI_HUB_REF_H
#define ORI_HUB_REF_H

#include "base/base.h"
#include "base/names.h"

#define ORI_REPO_MAX 193 /* two parts of 96 and the slash: what a hub allows */
#define ORI_QUANT_MAX 32
#define ORI_REV_MAX 128

struct ori_ref {
    char repo[ORI_REPO_MAX + 1];      /* "org/name" */
    char file[ORI_NAME_PATH_MAX + 1]; /* path in the repository, or "" */
    char quant[ORI_QUANT_MAX + 1];    /* or "" */
    char rev[ORI_REV_MAX + 1];        /* or "": the default branch */
};

/* ORION_E_NAME, with a sentence that says which part is wrong, for anything
 * else.  *out is all empty then. */
orion_status ori_ref_parse(const char *text, struct ori_ref *out, orion_error *err);

/* Is the file one piece of a model that was cut ("...-00001-of-00003.gguf")? */
bool ori_ref_is_shard(const char *file);

#endif
