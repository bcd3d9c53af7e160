/* SHA-256 by libcrypto.  The state is plain data: it may be copied, so a hash
 * can be checkpointed and taken up again. */
#ifndef ORI_BASE_SHA256_H
#define ORI_BASE_SHA256_H

#define OPENSSL_SUPPRESS_DEPRECATED /* the one-shot EVP interface hides its state */
#include <openssl/sha.h>

#include "base/base.h"

#define ORI_SHA256_BYTES 32
#define ORI_SHA256_HEX 64

struct ori_sha256 {
    SHA256_CTX ctx;
};

void ori_sha256_init(struct ori_sha256 *hash);
void ori_sha256_update(struct ori_sha256 *hash, const void *data, size_t len);

/* The state between two blocks of 64 bytes, for a hash that is to be taken up
 * again: after `bytes` bytes, a multiple of 64, which are not part of it. */
void ori_sha256_state(const struct ori_sha256 *hash, uint32_t state[8]);
void ori_sha256_resume(struct ori_sha256 *hash, const uint32_t state[8], uint64_t bytes);

void ori_sha256_final(struct ori_sha256 *hash, uint8_t out[ORI_SHA256_BYTES]);
/* Writes 64 lower-case hex digits and a NUL. */
void ori_sha256_to_hex(const uint8_t raw[ORI_SHA256_BYTES], char hex[ORI_SHA256_HEX + 1]);
void ori_sha256_hex(struct ori_sha256 *hash, char hex[ORI_SHA256_HEX + 1]);

/* True for exactly 64 lower-case hex digits. */
bool ori_sha256_is_hex(const char *text);

#endif
