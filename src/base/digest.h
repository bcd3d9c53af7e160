/* What a publisher says that a file's bytes hash to. */
#ifndef ORI_BASE_DIGEST_H
#define ORI_BASE_DIGEST_H

#include "base/sha256.h"

enum ori_digest_kind {
    ORI_DIGEST_SHA256 = 0,
    ORI_DIGEST_GIT_SHA1 = 1, /* of "blob <size>\0" and the bytes: small files kept in git */
};

struct ori_digest {
    enum ori_digest_kind kind;
    char hex[ORI_SHA256_HEX + 1]; /* lower case */
};

#endif
