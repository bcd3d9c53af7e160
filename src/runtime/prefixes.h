/* Computed prefixes on disk: a folder of sealed blocks.
 *
 *   <dir>/key              32 random bytes; without them nothing here can be read
 *   <dir>/prefixes/<name>  one block: "ORIPFX1\n", nonce, tag, sealed data
 *
 * A name is a keyed hash and says nothing about what it names.  A block is
 * written beside its place, synced and renamed; reading checks every bit, and
 * what is not as it was written is deleted.  So whatever other processes, a
 * crash or a hand did to the folder, a block is right or not there.
 *
 * The object never changes after opening: sessions share it without locks.
 */
#ifndef ORI_RUNTIME_PREFIXES_H
#define ORI_RUNTIME_PREFIXES_H

#include "base/base.h"
#include "base/seal.h"
#include "base/sha256.h"

#define ORI_PREFIX_MAGIC_BYTES 8
/* What a file has before its data. */
#define ORI_PREFIX_HEADER_BYTES (ORI_PREFIX_MAGIC_BYTES + ORI_SEAL_NONCE_BYTES + ORI_SEAL_TAG_BYTES)

struct ori_prefixes;

struct ori_prefix_name {
    char text[ORI_SHA256_HEX + 1];
};

/* Make the folder (0700) and its key (0600) where they are missing, if `create`;
 * else that is ORION_E_NOT_FOUND.  max_bytes bounds all files together. */
orion_status ori_prefixes_open(const char *dir, uint64_t max_bytes, bool create,
                               struct ori_prefixes **out, orion_error *err);
void ori_prefixes_close(struct ori_prefixes *prefixes); /* NULL is a no-op */

uint64_t ori_prefixes_max_bytes(const struct ori_prefixes *prefixes);

/* The name of what `hash` stands for.  False when memory is short. */
bool ori_prefixes_name(const struct ori_prefixes *prefixes, const uint8_t hash[ORI_SHA256_BYTES],
                       struct ori_prefix_name *out) ORI_MUST_USE;

bool ori_prefixes_has(const struct ori_prefixes *prefixes, const struct ori_prefix_name *name);

/* Write a block: image[ORI_PREFIX_HEADER_BYTES + bytes] holds the data after
 * room for the header, and is overwritten.  The least recently used blocks give
 * way where max_bytes asks for it. */
orion_status ori_prefixes_put(const struct ori_prefixes *prefixes,
                              const struct ori_prefix_name *name, uint8_t *image, size_t bytes,
                              orion_error *err);

/* Read a block into image, of the same shape; false when it is not there, or
 * was not right and has been deleted. */
bool ori_prefixes_get(const struct ori_prefixes *prefixes, const struct ori_prefix_name *name,
                      uint8_t *image, size_t bytes);

/* A block is used just now. */
void ori_prefixes_touch(const struct ori_prefixes *prefixes, const struct ori_prefix_name *name);

/* How many files there are and their bytes; and delete them all, key included
 * if that is wanted: copies of them elsewhere are unreadable then. */
orion_status ori_prefixes_usage(const struct ori_prefixes *prefixes, uint64_t *n_files,
                                uint64_t *bytes, orion_error *err);
orion_status ori_prefixes_clear(const struct ori_prefixes *prefixes, orion_error *err);

#endif
