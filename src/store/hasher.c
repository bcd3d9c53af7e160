#include "store/hasher.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void ori_hasher_init(struct ori_hasher *hasher, enum ori_digest_kind kind, uint64_t size_bytes)
{
    char head[32];

    ori_sha256_init(&hasher->sha256);
    hasher->with_sha1 = kind == ORI_DIGEST_GIT_SHA1;
    if (!hasher->with_sha1)
        return;
    /* git hashes a file as "blob <size>", a NUL, and the bytes. */
    const int n = snprintf(head, sizeof(head), "blob %" PRIu64, size_bytes);
    SHA1_Init(&hasher->sha1);
    SHA1_Update(&hasher->sha1, head, (size_t)n + 1);
}

void ori_hasher_update(struct ori_hasher *hasher, const void *data, size_t len)
{
    ori_sha256_update(&hasher->sha256, data, len);
    if (hasher->with_sha1)
        SHA1_Update(&hasher->sha1, data, len);
}

static bool sha1_is(SHA_CTX *sha1, const char *wanted)
{
    unsigned char raw[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];

    SHA1_Final(raw, sha1);
    for (size_t i = 0; i < sizeof(raw); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    return strcmp(hex, wanted) == 0;
}

bool ori_hasher_finish(struct ori_hasher *hasher, const struct ori_digest *wanted,
                       char sha256[ORI_SHA256_HEX + 1])
{
    ori_sha256_hex(&hasher->sha256, sha256);
    return hasher->with_sha1 ? sha1_is(&hasher->sha1, wanted->hex)
                             : strcmp(sha256, wanted->hex) == 0;
}
