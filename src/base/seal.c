#include "base/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#define PIECE ((size_t)1 << 30) /* libcrypto counts in int */

orion_status ori_random(void *out, size_t len, orion_error *err)
{
    uint8_t *to = out;

    while (len > 0) {
        const ssize_t n = getrandom(to, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ori_fail_errno(err, "the system gives no random bytes");
        to += n;
        len -= (size_t)n;
    }
    return ORION_OK;
}

bool ori_hmac(const uint8_t key[ORI_KEY_BYTES], const void *data, size_t len,
              uint8_t out[ORI_HMAC_BYTES])
{
    return HMAC(EVP_sha256(), key, ORI_KEY_BYTES, data, len, out, NULL) != NULL;
}

/* Through the cipher, in place; the direction is the context's. */
static bool pass(EVP_CIPHER_CTX *ctx, const struct ori_sealing *s)
{
    uint8_t *data = s->data;
    int n;

    if (EVP_CipherUpdate(ctx, NULL, &n, s->bound, (int)s->bound_bytes) != 1)
        return false;
    for (size_t at = 0; at < s->bytes;) {
        const size_t piece = s->bytes - at < PIECE ? s->bytes - at : PIECE;
        if (EVP_CipherUpdate(ctx, data + at, &n, data + at, (int)piece) != 1 || (size_t)n != piece)
            return false;
        at += piece;
    }
    return true;
}

bool ori_seal(const struct ori_sealing *s, uint8_t tag[ORI_SEAL_TAG_BYTES])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t none[ORI_SEAL_TAG_BYTES];
    int n;
    const bool ok = ctx &&
                    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, s->nonce) == 1 &&
                    pass(ctx, s) && EVP_EncryptFinal_ex(ctx, none, &n) == 1 &&
                    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, ORI_SEAL_TAG_BYTES, tag) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool ori_unseal(const struct ori_sealing *s, const uint8_t tag[ORI_SEAL_TAG_BYTES])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t expected[ORI_SEAL_TAG_BYTES]; /* libcrypto's parameter is not const */
    int n;

    for (size_t i = 0; i < sizeof(expected); i++)
        expected[i] = tag[i];
    const bool ok =
        ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, s->nonce) == 1 &&
        pass(ctx, s) &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, ORI_SEAL_TAG_BYTES, expected) == 1 &&
        EVP_DecryptFinal_ex(ctx, expected, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

void ori_forget(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}
