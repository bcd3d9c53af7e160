/* The hashes that a file is checked by: its SHA-256 always, git's SHA-1 when
 * that is what the publisher gives. */
#ifndef ORI_STORE_HASHER_H
#define ORI_STORE_HASHER_H

#include "base/digest.h"

struct ori_hasher {
    struct ori_sha256 sha256;
    SHA_CTX sha1;
    bool with_sha1;
};

void ori_hasher_init(struct ori_hasher *hasher, enum ori_digest_kind kind, uint64_t size_bytes);
void ori_hasher_update(struct ori_hasher *hasher, const void *data, size_t len);

/* End it: writes the SHA-256, and tells whether the wanted digest was met. */
bool ori_hasher_finish(struct ori_hasher *hasher, const struct ori_digest *wanted,
                       char sha256[ORI_SHA256_HEX + 1]);

#endif
