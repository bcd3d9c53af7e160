/* Values as text: str() and repr() of Python. */
#include "chat/jinja/interp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* ---- numbers ----
 *
 * jansson reads and writes them whatever the process's locale is. */

bool ori_jread_float(const char *text, size_t len, double *out)
{
    char clean[64] = "[";
    size_t n = 1;
    json_t *json = NULL;

    if (len > sizeof(clean) - 2)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '_')
            clean[n++] = text[i];
    clean[n++] = ']';
    if (ori_json_parse(clean, n, "the number", &json, NULL) != ORION_OK)
        return false;
    const json_t *number = json_array_get(json, 0);
    const bool is = json_is_number(number);
    if (is)
        *out = json_number_value(number);
    json_decref(json);
    return is;
}

/* With so many digits, and whether it reads back as it was. */
static bool write_real(double real, size_t digits, struct ori_buf *out)
{
    json_t *json = json_real(real);
    double back = 0;

    ori_buf_clear(out);
    const bool written =
        ori_json_write(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits), out) == ORION_OK;
    json_decref(json);
    return written && ori_jread_float(out->data, out->len, &back) &&
           memcmp(&back, &real, sizeof(real)) == 0;
}

/* digits[0] . digits[1..] * 10^*exponent, of "-1.25e3" and the like. */
static size_t digits_of(const char *text, char *digits, size_t room, int *exponent)
{
    const char *e = strpbrk(text, "eE");
    const char *point = strchr(text, '.');
    size_t n = 0, before = 0; /* the point, leading zeros dropped */
    int zeros = 0;            /* behind the point and before the first digit */
    bool e_negative = e && e[1] == '-';
    int power = 0;

    for (const char *c = text; *c && c != e; c++) {
        if (*c < '0' || *c > '9')
            continue;
        const bool whole = !point || c < point;
        if (n == 0 && *c == '0') {
            zeros += !whole;
            continue;
        }
        before += whole;
        if (n < room)
            digits[n++] = *c;
    }
    for (const char *c = e ? e + 1 : ""; *c; c++)
        if (*c >= '0' && *c <= '9')
            power = power * 10 + (*c - '0');
    while (n > 1 && digits[n - 1] == '0')
        n--;
    *exponent = (e_negative ? -power : power) + (before > 0 ? (int)before - 1 : -zeros - 1);
    return n;
}

/* Python's layout: 1e+16 and up, and below 1e-4, with an exponent. */
static void lay_out(struct interp *ip, struct builder *out, const char *digits, size_t n,
                    int exponent)
{
    const int len = (int)n;

    if (exponent >= 16 || exponent < -4) {
        ori_jbuild_format(ip, out, true, "%c%s%.*se%c%02d", digits[0], len > 1 ? "." : "", len - 1,
                          digits + 1, exponent < 0 ? '-' : '+',
                          exponent < 0 ? -exponent : exponent);
    } else if (exponent < 0) {
        ori_jbuild_format(ip, out, true, "0.%.*s%.*s", -exponent - 1, "000", len, digits);
    } else if (len > exponent + 1) {
        ori_jbuild_format(ip, out, true, "%.*s.%.*s", exponent + 1, digits, len - exponent - 1,
                          digits + exponent + 1);
    } else {
        ori_jbuild_format(ip, out, true, "%.*s%.*s.0", len, digits, exponent + 1 - len,
                          "0000000000000000");
    }
}

void ori_jbuild_float(struct interp *ip, struct builder *out, double real)
{
    char digits[32];
    struct ori_buf written;
    int exponent;

    if (isnan(real) || isinf(real) || real == 0) {
        ori_jbuild_trusted(ip, out,
                           isnan(real) ? "nan"
                           : real == 0 ? signbit(real) ? "-0.0" : "0.0"
                           : real < 0  ? "-inf"
                                       : "inf");
        return;
    }
    if (!ori_jinja_spend(ip, 32)) /* trying out how many digits it takes is slow */
        return;
    ori_buf_init(&written, 64);
    size_t precision = 1;
    while (precision < 17 && !write_real(real, precision, &written) && written.status == ORION_OK)
        precision++;
    if (precision == 17)
        (void)write_real(real, precision, &written);
    if (written.status != ORION_OK)
        ip->status = ip->status == ORION_OK ? ori_fail_nomem(ip->err, "a number") : ip->status;
    if (real < 0)
        ori_jbuild_trusted(ip, out, "-");
    const size_t n = digits_of(ori_buf_text(&written), digits, sizeof(digits), &exponent);
    if (n > 0)
        lay_out(ip, out, digits, n, exponent);
    ori_buf_release(&written);
}

/* ---- text with its quotes ---- */

static bool is_printable(uint32_t code)
{
    return code >= 0x20 && code != 0x7f && (code < 0x80 || code > 0xA0) && code != 0xAD;
}

static void repr_char(struct interp *ip, struct builder *out, struct text c, char quote)
{
    static const char named[] = "\n\r\t\\", names[] = "nrt\\";
    const bool trusted = c.marks ? c.marks[0] : c.trusted;
    const uint32_t code = ori_jtext_code(c, 0);
    const char *name = code < 0x80 && code > 0 ? strchr(named, (int)code) : NULL;

    if (name)
        ori_jbuild_format(ip, out, trusted, "\\%c", names[name - named]);
    else if (code == (uint32_t)quote)
        ori_jbuild_format(ip, out, trusted, "\\%c", quote);
    else if (!is_printable(code))
        ori_jbuild_format(ip, out, trusted, "\\x%02x", code);
    else
        ori_jbuild(ip, out, c);
}

static void repr_text(struct interp *ip, struct builder *out, struct text text)
{
    const bool single = text.len > 0 && memchr(text.data, '\'', text.len) != NULL;
    const bool both = single && memchr(text.data, '"', text.len) != NULL;
    const char quote = single && !both ? '"' : '\'';

    ori_jbuild_format(ip, out, true, "%c", quote);
    for (size_t at = 0; at < text.len && ori_jinja_spend(ip, 1);) {
        const size_t end = at + ori_jtext_char(text, at);
        repr_char(ip, out, ori_jtext_part(text, at, end), quote);
        at = end;
    }
    ori_jbuild_format(ip, out, true, "%c", quote);
}

/* ---- containers ---- */

static void repr_list(struct interp *ip, struct builder *out, const struct list *list)
{
    ori_jbuild_trusted(ip, out, list->tuple ? "(" : "[");
    for (size_t i = 0; i < list->n && !ori_jinja_failed(ip); i++) {
        ori_jbuild_trusted(ip, out, i > 0 ? ", " : "");
        ori_jrepr(ip, out, list->at[i]);
    }
    ori_jbuild_trusted(ip, out, !list->tuple ? "]" : list->n == 1 ? ",)" : ")");
}

static void repr_dict(struct interp *ip, struct builder *out, const struct dict *dict)
{
    ori_jbuild_trusted(ip, out, "{");
    for (size_t i = 0; i < dict->n && !ori_jinja_failed(ip); i++) {
        ori_jbuild_trusted(ip, out, i > 0 ? ", " : "");
        ori_jrepr(ip, out, dict->at[i].key);
        ori_jbuild_trusted(ip, out, ": ");
        ori_jrepr(ip, out, dict->at[i].value);
    }
    ori_jbuild_trusted(ip, out, "}");
}

/* Everything but text, which str() and repr() write differently. */
static void build_plain(struct interp *ip, struct builder *out, struct value value)
{
    switch (value.kind) {
    case VALUE_NONE:
        ori_jbuild_trusted(ip, out, "None");
        return;
    case VALUE_BOOL:
        ori_jbuild_trusted(ip, out, value.as.truth ? "True" : "False");
        return;
    case VALUE_INT:
        ori_jbuild_format(ip, out, true, "%lld", (long long)value.as.integer);
        return;
    case VALUE_FLOAT:
        ori_jbuild_float(ip, out, value.as.real);
        return;
    case VALUE_LIST:
    case VALUE_DICT:
        if (!ori_jinja_enter(ip))
            return;
        if (value.kind == VALUE_LIST)
            repr_list(ip, out, value.as.list);
        else
            repr_dict(ip, out, value.as.dict);
        ori_jinja_leave(ip);
        return;
    default:
        ori_jbuild_format(ip, out, true, "<%s>", ori_jkind_name(value));
    }
}

void ori_jrepr(struct interp *ip, struct builder *out, struct value value)
{
    if (value.kind == VALUE_TEXT)
        repr_text(ip, out, *value.as.text);
    else if (value.kind == VALUE_UNDEFINED)
        ori_jbuild_trusted(ip, out, "Undefined");
    else
        build_plain(ip, out, value);
}

struct text ori_jprint(struct interp *ip, struct value value)
{
    struct builder out = {0};

    if (value.kind == VALUE_TEXT)
        return *value.as.text;
    if (value.kind != VALUE_UNDEFINED)
        build_plain(ip, &out, value);
    return ori_jbuilt(&out);
}
