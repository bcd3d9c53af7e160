#include "base/match.h"

#include <string.h>

size_t ori_match_find(const char *data, size_t len, const char *mark)
{
    const size_t mark_len = strlen(mark);
    size_t at = 0;

    while (len - at >= mark_len) {
        const char *first = memchr(data + at, mark[0], len - at - mark_len + 1);
        if (!first)
            break;
        at = (size_t)(first - data);
        if (memcmp(first, mark, mark_len) == 0)
            return at;
        at++;
    }
    return len;
}

size_t ori_match_overlap(const char *data, size_t len, const char *mark)
{
    size_t n = strlen(mark) - 1;

    if (n > len)
        n = len;
    while (n > 0 && memcmp(data + len - n, mark, n) != 0)
        n--;
    return n;
}
