/* "%s and %d" and "{} and {name}" with their values, and dates. */
#include "chat/jinja/interp.h"

#include <math.h>
#include <string.h>

/* ---- % ---- */

struct conversion { /* of "%-05.2f" */
    bool left, zeros;
    int width, precision; /* precision -1: none given */
    char kind;
};

static int take_number(struct text text, size_t *at)
{
    int n = 0;
    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++)
        n = n < 1000 ? n * 10 + (text.data[*at] - '0') : n;
    return n;
}

/* Behind the `%`; false when the text ends in it. */
static bool take_conversion(struct text text, size_t *at, struct conversion *out)
{
    *out = (struct conversion){.precision = -1};
    for (; *at < text.len && strchr("-0", text.data[*at]) && text.data[*at]; (*at)++) {
        out->left |= text.data[*at] == '-';
        out->zeros |= text.data[*at] == '0';
    }
    out->width = take_number(text, at);
    if (*at < text.len && text.data[*at] == '.') {
        (*at)++;
        out->precision = take_number(text, at);
    }
    if (*at >= text.len)
        return false;
    out->kind = text.data[(*at)++];
    return true;
}

/* Digits behind the point, without asking the locale for the point. */
static void put_fixed(struct interp *ip, struct builder *out, double real, int precision)
{
    const double scale = pow(10, precision < 0 ? 6 : precision);
    const double scaled = nearbyint(fabs(real) * scale);

    if (!(scaled < 9e15) || precision > 15) {
        ori_jbuild_float(ip, out, real);
        return;
    }
    const unsigned long long whole = (unsigned long long)(scaled / scale);
    const unsigned long long rest = (unsigned long long)(scaled - (double)whole * scale);
    ori_jbuild_format(ip, out, true, "%s%llu", signbit(real) ? "-" : "", whole);
    if (precision != 0)
        ori_jbuild_format(ip, out, true, ".%0*llu", precision < 0 ? 6 : precision, rest);
}

/* %d and %i cut a float off at the point; %x takes none. */
static void put_integer(struct interp *ip, struct builder *out, char kind, struct value value)
{
    int64_t integer;
    double real;

    if (!ori_jinteger(value, &integer)) {
        if (kind == 'x' || !ori_jnumber(value, &real) || !(fabs(real) < 9e18)) {
            ori_jinja_fail(ip, "%%%c wants a whole number, not a %s", kind, ori_jkind_name(value));
            return;
        }
        integer = (int64_t)real;
    }
    if (kind == 'x') /* as Python: a sign, then the digits of what is behind it */
        ori_jbuild_format(ip, out, true, "%s%llx", integer < 0 ? "-" : "",
                          integer < 0 ? -(unsigned long long)integer : (unsigned long long)integer);
    else
        ori_jbuild_format(ip, out, true, "%lld", (long long)integer);
}

static struct text converted(struct interp *ip, const struct conversion *how, struct value value)
{
    struct builder out = {0};
    double real;

    switch (how->kind) {
    case 's':
        return ori_jprint(ip, value);
    case 'r':
        ori_jrepr(ip, &out, value);
        break;
    case 'd':
    case 'i':
    case 'x':
        put_integer(ip, &out, how->kind, value);
        break;
    case 'f':
        if (!ori_jnumber(value, &real))
            ori_jinja_fail(ip, "%%f wants a number, not a %s", ori_jkind_name(value));
        else
            put_fixed(ip, &out, real, how->precision);
        break;
    default:
        ori_jinja_fail(ip, "there is no conversion %%%c", how->kind);
    }
    return ori_jbuilt(&out);
}

static void put_padded(struct interp *ip, struct builder *out, struct text text,
                       const struct conversion *how)
{
    const int len = (int)ori_jtext_chars(ip, text);
    const bool zeros = how->zeros && !how->left && how->kind != 's' && how->kind != 'r';

    if (zeros && text.len > 0 && text.data[0] == '-') { /* they follow the sign */
        ori_jbuild(ip, out, ori_jtext_part(text, 0, 1));
        text = ori_jtext_part(text, 1, text.len);
    }
    if (how->left)
        ori_jbuild(ip, out, text);
    for (int i = len; i < how->width; i++)
        ori_jbuild_trusted(ip, out, zeros ? "0" : " ");
    if (!how->left)
        ori_jbuild(ip, out, text);
}

struct value ori_jformat(struct interp *ip, struct text format, const struct value *values,
                         size_t n)
{
    struct builder out = {0};
    struct conversion how;
    size_t used = 0;

    for (size_t at = 0; at < format.len && ori_jinja_spend(ip, 1);) {
        const char *sign = memchr(format.data + at, '%', format.len - at);
        const size_t end = sign ? (size_t)(sign - format.data) : format.len;
        ori_jbuild(ip, &out, ori_jtext_part(format, at, end));
        at = end + 1;
        if (!sign)
            break;
        if (!take_conversion(format, &at, &how))
            return ori_jinja_fail(ip, "the format ends in a %%");
        if (how.kind == '%')
            ori_jbuild_trusted(ip, &out, "%");
        else if (used == n)
            return ori_jinja_fail(ip, "the format has more places than values");
        else
            put_padded(ip, &out, converted(ip, &how, values[used++]), &how);
    }
    if (used < n)
        return ori_jinja_fail(ip, "the format has fewer places than values");
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* ---- {} ---- */

/* The value for what stands between braces: nothing, a number or a name. */
static const struct value *named(struct interp *ip, const struct args *args, struct text name,
                                 size_t *next)
{
    size_t at = 0;

    ori_jinja_spend(ip, args->n_keywords / 8);
    if (name.len == 0)
        return *next < args->n ? &args->at[(*next)++] : NULL;
    const int index = take_number(name, &at);
    if (at == name.len)
        return (size_t)index < args->n ? &args->at[index] : NULL;
    for (size_t i = 0; i < args->n_keywords; i++)
        if (ori_jname_same(args->keywords[i].name, (struct ori_str){name.data, name.len}))
            return &args->keywords[i].value;
    return NULL;
}

struct value ori_jformat_braces(struct interp *ip, struct text format, const struct args *args)
{
    struct builder out = {0};
    size_t next = 0;

    for (size_t at = 0; at < format.len && ori_jinja_spend(ip, 1); at++) {
        const char c = format.data[at];
        const bool twice = at + 1 < format.len && format.data[at + 1] == c;
        if ((c != '{' && c != '}') || twice) {
            ori_jbuild(ip, &out, ori_jtext_part(format, at, at + 1));
            at += c == '{' || c == '}';
            continue;
        }
        const char *end = memchr(format.data + at, '}', format.len - at);
        if (c == '}' || !end)
            return ori_jinja_fail(ip, "a single '%c' in a format", c);
        const size_t close = (size_t)(end - format.data);
        const struct value *value = named(ip, args, ori_jtext_part(format, at + 1, close), &next);
        if (!value)
            return ori_jinja_fail(ip, "the format names a value that is not there");
        ori_jbuild(ip, &out, ori_jprint(ip, *value));
        at = close;
    }
    return ori_jtext(ip, ori_jbuilt(&out));
}

/* ---- dates: strftime() of the C locale, by a clock that is given ---- */

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

static void put_field(struct interp *ip, struct builder *out, const struct tm *d, char field,
                      bool bare)
{
    const int hour12 = d->tm_hour % 12 == 0 ? 12 : d->tm_hour % 12;
    const struct {
        char field;
        int digits;
        int value;
    } numbers[] = {
        {'d', 2, d->tm_mday},     {'m', 2, d->tm_mon + 1},
        {'H', 2, d->tm_hour},     {'I', 2, hour12},
        {'M', 2, d->tm_min},      {'S', 2, d->tm_sec},
        {'j', 3, d->tm_yday + 1}, {'y', 2, d->tm_year % 100},
        {'w', 1, d->tm_wday},     {'Y', 4, d->tm_year + 1900},
    };
    for (size_t i = 0; i < ORI_COUNT(numbers); i++) {
        if (numbers[i].field == field) {
            ori_jbuild_format(ip, out, true, "%0*d", bare ? 1 : numbers[i].digits,
                              numbers[i].value);
            return;
        }
    }
    switch (field) {
    case 'B':
        ori_jbuild_trusted(ip, out, months[d->tm_mon]);
        break;
    case 'b':
        ori_jbuild_format(ip, out, true, "%.3s", months[d->tm_mon]);
        break;
    case 'A':
        ori_jbuild_trusted(ip, out, weekdays[d->tm_wday]);
        break;
    case 'a':
        ori_jbuild_format(ip, out, true, "%.3s", weekdays[d->tm_wday]);
        break;
    case 'p':
        ori_jbuild_trusted(ip, out, d->tm_hour < 12 ? "AM" : "PM");
        break;
    case '%':
        ori_jbuild_trusted(ip, out, "%");
        break;
    default:
        ori_jinja_fail(ip, "strftime_now has no %%%c", field);
    }
}

/* What stands for several fields. */
static struct text longer(char field)
{
    const char *fields = field == 'F' ? "%Y-%m-%d" : field == 'T' ? "%H:%M:%S" : NULL;
    return (struct text){fields, fields ? strlen(fields) : 0, NULL, true};
}

struct text ori_jstrftime(struct interp *ip, struct text format)
{
    struct builder out = {0};

    for (size_t at = 0; at < format.len && ori_jinja_spend(ip, 1); at++) {
        if (format.data[at] != '%') {
            ori_jbuild(ip, &out, ori_jtext_part(format, at, at + 1));
            continue;
        }
        at++;
        const bool bare = at < format.len && format.data[at] == '-';
        at += bare;
        const char field = at < format.len ? format.data[at] : '%';
        const struct text fields = longer(field);
        if (fields.data)
            ori_jbuild(ip, &out, ori_jstrftime(ip, fields));
        else
            put_field(ip, &out, &ip->now, field, bare);
    }
    return ori_jbuilt(&out);
}
