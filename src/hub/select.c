/* Which file of a repository a quantization means.
 *
 * A tag is met by a path that holds it followed by '-' or '.', whatever the
 * case: "Q4_K_M" by "dir/Name-q4_k_m.gguf".  Projectors, importance matrices
 * and draft models ride along in many repositories and are never meant. */
#include "hub/hub.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_companion(const char *path)
{
    static const char *const beginnings[] = {"mtp-", "eagle3-", "dflash-", "dspark-"};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ORI_COUNT(beginnings); i++)
        if (strncasecmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    for (; *name; name++)
        if (strncasecmp(name, "mmproj", 6) == 0 || strncasecmp(name, "imatrix", 7) == 0)
            return true;
    return false;
}

static bool has_tag(const char *path, const char *tag)
{
    const size_t len = strlen(tag);
    for (const char *at = path; *at; at++) {
        if (strncasecmp(at, tag, len) != 0 || (at[len] != '-' && at[len] != '.'))
            continue;
        if (at == path || !isalnum((unsigned char)at[-1])) /* not the Q4_NL of IQ4_NL */
            return true;
    }
    return false;
}

/* The first that meets the tag ("" meets all), whole files before pieces. */
static ptrdiff_t find(const char *const *names, size_t n, const char *tag)
{
    ptrdiff_t piece = -1;
    for (size_t i = 0; i < n; i++) {
        if (!ori_name_is_gguf(names[i]) || is_companion(names[i]) ||
            (*tag && !has_tag(names[i], tag)))
            continue;
        if (!ori_ref_is_shard(names[i]))
            return (ptrdiff_t)i;
        if (piece < 0)
            piece = (ptrdiff_t)i;
    }
    return piece;
}

ptrdiff_t ori_hub_select(const char *const *names, size_t n, const char *quant, bool *exact)
{
    static const char *const defaults[] = {"Q4_K_M", "Q8_0", ""};

    if (*quant) {
        const ptrdiff_t found = find(names, n, quant);
        *exact = found >= 0;
        return found;
    }
    for (size_t i = 0; i < ORI_COUNT(defaults); i++) {
        const ptrdiff_t found = find(names, n, defaults[i]);
        *exact = found >= 0 && i == 0;
        if (found >= 0)
            return found;
    }
    return -1;
}
