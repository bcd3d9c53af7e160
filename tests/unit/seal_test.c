/* Hashing, sealing and random bytes, against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/seal.h"
#include "base/sha256.h"

/* ---- SHA-256: vectors of FIPS 180-2 and RFC 6234 ---- */

static const struct {
    const char *text;
    size_t repeat;
    const char *hex;
} sha256_rows[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    {"0123456701234567012345670123456701234567012345670123456701234567", 10,
     "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5"},
};

static void sha256_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(sha256_rows); i++) {
        struct ori_sha256 hash;
        char hex[ORI_SHA256_HEX + 1];
        ori_sha256_init(&hash);
        for (size_t n = 0; n < sha256_rows[i].repeat; n++)
            ori_sha256_update(&hash, sha256_rows[i].text, strlen(sha256_rows[i].text));
        ori_sha256_hex(&hash, hex);
        assert_string_equal(hex, sha256_rows[i].hex);
    }
}

static void sha256_is_taken_up_again(void **state)
{
    (void)state;
    struct ori_sha256 hash;
    char hex[ORI_SHA256_HEX + 1];
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, "a", 1);
    struct ori_sha256 later = hash; /* a checkpoint */
    ori_sha256_update(&hash, "zzz", 3);
    ori_sha256_hex(&hash, hex);
    ori_sha256_update(&later, "bc", 2);
    ori_sha256_hex(&later, hex);
    assert_string_equal(hex, sha256_rows[1].hex);
}

static void sha256_as_text(void **state)
{
    (void)state;
    char hex[80];
    assert_true(ori_sha256_is_hex(sha256_rows[0].hex));
    assert_false(ori_sha256_is_hex(""));
    (void)snprintf(hex, sizeof(hex), "%s0", sha256_rows[0].hex);
    assert_false(ori_sha256_is_hex(hex));
    hex[63] = '\0';
    assert_false(ori_sha256_is_hex(hex));
    (void)snprintf(hex, sizeof(hex), "%s", sha256_rows[0].hex);
    hex[5] = 'A';
    assert_false(ori_sha256_is_hex(hex));
    hex[5] = 'g';
    assert_false(ori_sha256_is_hex(hex));
}

/* ---- seal ---- */

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * n, "%2x", &byte), 1);
        out[n] = (uint8_t)byte;
    }
    return n;
}

/* RFC 4231, case 1; a short key counts as one with zeros after it. */
static void hmac_vector(void **state)
{
    uint8_t key[ORI_KEY_BYTES] = {0}, expected[ORI_HMAC_BYTES], got[ORI_HMAC_BYTES];

    (void)state;
    memset(key, 0x0b, 20);
    assert_int_equal(
        from_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", expected), 32);
    assert_true(ori_hmac(key, "Hi There", 8, got));
    assert_memory_equal(got, expected, sizeof(got));
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", cases 14 and 16;
 * each opened again, and refused with any one bit changed. */
static void seal_vectors(void **state)
{
    static const struct {
        const char *key, *nonce, *bound, *clear, *sealed, *tag;
    } rows[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "00000000000000000000000000000000",
         "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        /* key, nonce, bound, tag, data: so that each bit can be changed in turn */
        enum { NONCE = 32, BOUND = 44, TAG = 64, DATA = 80 };
        uint8_t all[160] = {0}, changed[160], clear[80], expected[80], tag[16];
        const size_t n = from_hex(rows[i].clear, clear);
        const size_t n_bound = from_hex(rows[i].bound, all + BOUND);
        struct ori_sealing s = {.key = all,
                                .nonce = all + NONCE,
                                .bound = all + BOUND,
                                .bound_bytes = n_bound,
                                .data = all + DATA,
                                .bytes = n};
        (void)from_hex(rows[i].key, all);
        (void)from_hex(rows[i].nonce, all + NONCE);
        (void)from_hex(rows[i].sealed, expected);
        (void)from_hex(rows[i].tag, tag);
        memcpy(all + DATA, clear, n);
        assert_true(ori_seal(&s, all + TAG));
        assert_memory_equal(all + DATA, expected, n);
        assert_memory_equal(all + TAG, tag, sizeof(tag));
        s = (struct ori_sealing){.key = changed,
                                 .nonce = changed + NONCE,
                                 .bound = changed + BOUND,
                                 .bound_bytes = n_bound,
                                 .data = changed + DATA,
                                 .bytes = n};
        for (size_t bit = 0; bit <= (DATA + n) * 8; bit++) {
            const size_t byte = bit / 8;
            if (byte >= BOUND + n_bound && byte < TAG)
                continue;
            memcpy(changed, all, sizeof(changed));
            if (byte < DATA + n)
                changed[byte] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(ori_unseal(&s, changed + TAG), byte == DATA + n);
        }
        assert_memory_equal(changed + DATA, clear, n);
    }
}

static void random_bytes(void **state)
{
    uint8_t a[300] = {0}, b[300] = {0};

    (void)state;
    assert_int_equal(ori_random(a, sizeof(a), NULL), ORION_OK);
    assert_int_equal(ori_random(b, sizeof(b), NULL), ORION_OK);
    assert_memory_not_equal(a, b, 150);
    assert_memory_not_equal(a + 150, b + 150, 150);
    ori_forget(a, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors), cmocka_unit_test(sha256_is_taken_up_again),
        cmocka_unit_test(sha256_as_text), cmocka_unit_test(hmac_vector),
        cmocka_unit_test(seal_vectors),   cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests_name("hashes and seals", tests, NULL, NULL);
}
