#include "facts.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void cli_fact(const char *label, const char *fmt, ...)
{
    char raw[5000], clean[5000]; /* longer than any path */
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    cli_text_clean(raw, clean, sizeof(clean));
    if (clean[0])
        (void)printf("%-15s %s\n", label, clean);
}

const char *cli_fact_count(uint64_t n, char *out, size_t out_bytes)
{
    if (n >= 1000000000)
        (void)snprintf(out, out_bytes, "%.2f billion", (double)n / 1e9);
    else if (n >= 1000000)
        (void)snprintf(out, out_bytes, "%.2f million", (double)n / 1e6);
    else
        (void)snprintf(out, out_bytes, "%" PRIu64, n);
    return out;
}

void cli_fact_experts(uint32_t n, uint32_t n_used, uint64_t active_bytes)
{
    char bytes[CLI_NUMBER_BYTES];

    if (n > 0)
        cli_fact("experts", "%u, of which a token uses %u, and with them %s of the weights", n,
                 n_used, cli_text_bytes(active_bytes, bytes));
}
