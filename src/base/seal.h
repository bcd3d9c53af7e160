/* Secrets of a machine: random bytes, keyed hashes, and sealed memory, that is
 * AES-256 in Galois/counter mode: unreadable without the key, and any change
 * is noticed.  By libcrypto. */
#ifndef ORI_BASE_SEAL_H
#define ORI_BASE_SEAL_H

#include "base/base.h"

#define ORI_KEY_BYTES 32
#define ORI_HMAC_BYTES 32
#define ORI_SEAL_NONCE_BYTES 12
#define ORI_SEAL_TAG_BYTES 16

orion_status ori_random(void *out, size_t len, orion_error *err);

/* HMAC-SHA-256.  False when libcrypto has no memory. */
bool ori_hmac(const uint8_t key[ORI_KEY_BYTES], const void *data, size_t len,
              uint8_t out[ORI_HMAC_BYTES]) ORI_MUST_USE;

/* What is sealed or opened, in place. */
struct ori_sealing {
    const uint8_t *key;   /* [ORI_KEY_BYTES] */
    const uint8_t *nonce; /* [ORI_SEAL_NONCE_BYTES], never the same twice for a key */
    const void *bound;    /* [bound_bytes] must be the same at opening; not hidden */
    size_t bound_bytes;
    void *data; /* [bytes] */
    size_t bytes;
};

/* False when libcrypto has no memory; the data is worthless then. */
bool ori_seal(const struct ori_sealing *what, uint8_t tag[ORI_SEAL_TAG_BYTES]) ORI_MUST_USE;
/* False when anything differs from what was sealed; the data is worthless then. */
bool ori_unseal(const struct ori_sealing *what, const uint8_t tag[ORI_SEAL_TAG_BYTES]) ORI_MUST_USE;

/* Overwrite a secret; not optimised away. */
void ori_forget(void *secret, size_t len);

#endif
