/* "Did you mean": the distance between two short words. */
#include "options.h"

#include <string.h>

#define WORD_MAX 31

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many characters to insert, drop, change or swap with a neighbour. */
static size_t distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t cost[WORD_MAX + 1][WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= n; i++)
        cost[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            const size_t change = a[i - 1] != b[j - 1];
            size_t best = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < best)
                best = cost[i - 2][j - 2] + 1;
            cost[i][j] = best;
        }
    }
    return cost[n][m];
}

/* A third of the letters may be wrong; a prefix of three counts as near. */
static bool near(const char *typed, const char *candidate)
{
    const size_t n = strlen(typed);
    if (n >= 3 && strncmp(typed, candidate, n) == 0)
        return true;
    return distance(typed, candidate) <= (n + 2) / 3;
}

const char *cli_nearer(const char *typed, const char *best, const char *candidate)
{
    if (!near(typed, candidate))
        return best;
    if (best && distance(typed, best) <= distance(typed, candidate))
        return best;
    return candidate;
}
