#include "duration.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define LONGEST_S (100.0 * 365 * 24 * 3600)

/* The longer of two names that begin alike comes first. */
static const struct {
    const char *name;
    double seconds;
} units[] = {
    {"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "1.5", "2", ".5"; not strtod(), which knows more than that, and locales. */
static bool read_amount(const char **at, double *out)
{
    const char *c = *at;
    double amount = 0, place = 1;
    bool digits = false;

    for (; is_digit(*c); c++, digits = true)
        amount = amount * 10 + (*c - '0');
    if (*c == '.')
        for (c++; is_digit(*c); c++, digits = true)
            amount += (*c - '0') * (place /= 10);
    *at = c;
    *out = amount;
    return digits;
}

static bool read_unit(const char **at, double *seconds)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t len = strlen(units[i].name);
        if (strncmp(*at, units[i].name, len) != 0)
            continue;
        *at += len;
        *seconds = units[i].seconds;
        return true;
    }
    return false;
}

static bool read_text(const char *text, double *out)
{
    const bool negative = *text == '-';
    double total = 0, amount, seconds;

    text += *text == '-' || *text == '+';
    if (strcmp(text, "0") == 0) { /* the only amount that needs no unit */
        *out = 0;
        return true;
    }
    do {
        if (!read_amount(&text, &amount) || !read_unit(&text, &seconds))
            return false;
        total += amount * seconds;
    } while (*text);
    *out = negative ? -total : total;
    return true;
}

bool duration_read(const json_t *value, int64_t *seconds)
{
    double s = json_number_value(value);

    if (json_is_string(value) ? !read_text(json_string_value(value), &s) : !json_is_number(value))
        return false;
    if (s < 0)
        *seconds = DURATION_FOR_EVER;
    else
        *seconds = (int64_t)(s < LONGEST_S ? ceil(s) : LONGEST_S);
    return true;
}
