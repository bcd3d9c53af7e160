#include "base/sha256.h"

#include <string.h>

void ori_sha256_init(struct ori_sha256 *hash)
{
    SHA256_Init(&hash->ctx);
}

void ori_sha256_update(struct ori_sha256 *hash, const void *data, size_t len)
{
    SHA256_Update(&hash->ctx, data, len);
}

void ori_sha256_state(const struct ori_sha256 *hash, uint32_t state[8])
{
    for (size_t i = 0; i < 8; i++)
        state[i] = (uint32_t)hash->ctx.h[i];
}

void ori_sha256_resume(struct ori_sha256 *hash, const uint32_t state[8], uint64_t bytes)
{
    SHA256_Init(&hash->ctx);
    for (size_t i = 0; i < 8; i++)
        hash->ctx.h[i] = state[i];
    const uint64_t bits = bytes * 8;
    hash->ctx.Nl = (SHA_LONG)(bits & 0xffffffffu);
    hash->ctx.Nh = (SHA_LONG)(bits >> 32);
}

void ori_sha256_final(struct ori_sha256 *hash, uint8_t out[ORI_SHA256_BYTES])
{
    SHA256_Final(out, &hash->ctx);
}

void ori_sha256_to_hex(const uint8_t raw[ORI_SHA256_BYTES], char hex[ORI_SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < ORI_SHA256_BYTES; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    hex[ORI_SHA256_HEX] = '\0';
}

void ori_sha256_hex(struct ori_sha256 *hash, char hex[ORI_SHA256_HEX + 1])
{
    uint8_t raw[ORI_SHA256_BYTES];

    ori_sha256_final(hash, raw);
    ori_sha256_to_hex(raw, hex);
}

bool ori_sha256_is_hex(const char *text)
{
    return strlen(text) == ORI_SHA256_HEX && strspn(text, "0123456789abcdef") == ORI_SHA256_HEX;
}
