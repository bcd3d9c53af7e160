/* Templates that would never end, or take all memory: what each of them is to run into.
 *
 * tests/unit/hostile_test.c looks that it does, tests/templates/hostile.c how long it takes. */
#ifndef HOSTILE_TEMPLATES_H
#define HOSTILE_TEMPLATES_H

#include "base/base.h"
#include "base/buf.h"

/* A beginning, so many times a middle (NULL: none), an end (NULL: none). */
struct hostile {
    const char *label, *begin, *middle, *end;
    size_t n;
    orion_status status;
    const char *says;
};

/* Two MiB of four characters, made with few steps. */
#define LONG_TEXT(four)                                                                            \
    "{% set n = namespace(s='" four "') %}{% for i in range(19) %}{% set n.s = n.s ~ n.s %}"       \
    "{% endfor %}{% set t = n.s %}"
#define AGAIN(expression) "{% for i in range(500000) %}{% set k = " expression " %}{% endfor %}"
#define END_WITH_10                                                                                \
    "{% endwith %}{% endwith %}{% endwith %}{% endwith %}{% endwith %}"                            \
    "{% endwith %}{% endwith %}{% endwith %}{% endwith %}{% endwith %}"

/* clang-format off */
static const struct hostile hostile_templates[] = {
    {"endless loops",
     "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long range",
     "{{ range(1000000000000)|length }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a macro that calls itself",
     "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"macros that call one another",
     "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"a call block in itself",
     "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"doubling text",
     "{% set n = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "bytes"},
    {"repeated text",
     "{{ 'x' * 1000000000 }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"repeated nothing",
     "{{ '' * 1000000000000 }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text repeated",
     "{{ ('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 10000) * 100000 }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "bytes"},
    {"doubling lists",
     "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a list in itself, printed",
     "{% set l = [] %}{{ l.append(l) }}{{ l }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"a list in itself, as JSON",
     "{% set l = [] %}{{ l.append(l) }}{{ l|tojson }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"lists in themselves, compared",
     "{% set l = [] %}{% set k = [] %}{{ l.append(l) }}{{ k.append(k) }}{{ l == k }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "deep"},
    {"lists that hold one another twice",
     "{% set n = namespace(l=[]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long search again and again",
     "{% set t = 'a' * 900000 %}{% for i in range(900) %}{{ (t ~ 'b') in t }}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"wide padding",
     "{{ '%999999999s' % 'x' }}{% for i in range(1000) %}{{ '%1000s' % 'x' }}{{ ('%1000s' % 'x') * 100 }}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a wide indent",
     "{{ 'a\nb'|indent(1000000000) }}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a list that grows while it is gone over",
     "{% set l = [1] %}{% for i in l %}{{ l.append(1) }}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a list that extends itself",
     "{% set l = [1] %}{% for i in range(99) %}{{ l.extend(l) }}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"many variables, looked up", "{% set v0 = 0 %}", "{% set v = 0 %}", "{% for i in range(1000000) %}{{ v0 }}{% endfor %}", 7000, ORION_E_TOO_LONG, ""},
    {"a large dict, asked again and again",
     "{% set d = dict() %}{% for i in range(3000) %}{% set _ = d.update({i: i}) %}{% endfor %}{% for i in range(1000000) %}{{ d[2999] }}{% endfor %}",
     NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long list, sorted again and again",
     "{% set l = range(20000)|reverse|list %}{% for i in range(1000) %}{% set k = l|sort %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"long texts, sorted",
     "{% set t = 'a' * 10000 %}{% set n = namespace(l=[]) %}{% for i in range(500) %}{% set n.l = n.l + [t ~ i] %}{% endfor %}{% for i in range(1000) %}{% set k = n.l|sort %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"characters of a long text, one by one",
     "{% set t = 'é' * 100000 %}{% for i in range(100000) %}{{ t[99999 - i] }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text, changed again and again",
     "{% set t = 'aB é' * 50000 %}{% for i in range(1000) %}{% set k = t|upper|lower|title %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text, replaced in",
     "{% set t = 'ab' * 100000 %}{% for i in range(1000) %}{% set k = t|replace('a', 'bb')|replace('b', '') %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text, split and joined",
     "{% set t = 'a ' * 100000 %}{% for i in range(1000) %}{% set k = t.split()|join(' ') %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text, written as JSON",
     "{% set t = 'aé' * 100000 %}{% for i in range(1000) %}{% set k = t|tojson %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long list, written as JSON",
     "{% set l = range(30000)|list %}{% for i in range(1000) %}{% set k = l|tojson %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long list of texts, made unique",
     "{% set n = namespace(l=[]) %}{% for i in range(900) %}{{ n.l.append('x' * 100 ~ i) }}{% endfor %}{% for i in range(1000) %}{% set k = n.l|unique|list %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text of white space, trimmed",
     "{% set t = ' ' * 900000 ~ 'x' %}{% for i in range(1000) %}{% set k = t|trim %}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"numbers, formatted", "{% for i in range(1000000) %}{{ '%50.20f' % 1.5 }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"the time, formatted", "{% for i in range(1000000) %}{{ strftime_now('%Y-%m-%d %H:%M:%S %B %A') }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"macros with many arguments", "{% macro m(a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8) %}{{ a }}{% endmacro %}{% for i in range(1000000) %}{{ m(h=1,g=2,f=3,e=4,d=5,c=6,b=7,a=8) }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"texts in one another, compared", "{% set t = 'a' * 1000000 %}{% for i in range(100000) %}{{ t ~ 'a' == t ~ 'b' }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a search for almost the same", "{% set t = 'a' * 300000 %}{% set p = 'a' * 1000 ~ 'b' %}{{ p in t }}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long text, is it lower case", LONG_TEXT("1111") AGAIN("t is lower"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text, is it digits", LONG_TEXT("1111") AGAIN("t.isdigit()"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text, its words counted", LONG_TEXT("aaaa") AGAIN("t|wordcount"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text, split where it can't be", LONG_TEXT("aaaa") AGAIN("t.split()"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text, which begins with itself", LONG_TEXT("aaaa") AGAIN("t.startswith(t)"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long text, with one of many ends", LONG_TEXT("aaaa") AGAIN("t.endswith((t[1:] ~ 'b', t[1:] ~ 'c'))"), NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"a long set of characters to strip", LONG_TEXT("aaaa") AGAIN("'b'.strip(t)"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"long white space, trimmed", LONG_TEXT("    ") AGAIN("t|trim"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"many zeros, read as a number", LONG_TEXT("0000") AGAIN("t|int"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"many underscores, read as a number", LONG_TEXT("____") AGAIN("t|int"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a long path of an attribute", LONG_TEXT("aaaa") AGAIN("[{}]|map(attribute=t)|list"), NULL, NULL, 0, ORION_E_TOO_LONG, "steps"},
    {"a format with many names", "{% for i in range(90) %}{% set k = ('{z}' * 3000).format(", "b=1,", "z=1) %}{% endfor %}", 20000, ORION_E_TOO_LONG, ""},
    {"many targets of a loop", "{% set l = [range(20001)|list] * 100000 %}{% for ", "a,", "a in l %}{% endfor %}", 20000, ORION_E_TOO_LONG, "steps"},
    {"variables far outside", "", "{% with a=0,b=0,c=0,d=0,e=0,f=0,g=0,h=0,i=0,j=0,k=0,l=0,m=0,n=0,o=0 %}",
     AGAIN("zz") END_WITH_10 END_WITH_10 END_WITH_10 END_WITH_10 END_WITH_10 END_WITH_10, 60, ORION_E_TOO_LONG, "steps"},
    {"many counts", "{% set t = 'a' * 100000 %}{% for i in range(1000) %}{{ t.count('a') }}{% endfor %}", NULL, NULL, 0, ORION_E_TOO_LONG, ""},
    {"parentheses", "{{ ", "(", "", 40000, ORION_E_FORMAT, ""},
    {"lists", "{{ ", "[", "", 40000, ORION_E_FORMAT, ""},
    {"signs", "{{ ", "-", "1 }}", 40000, ORION_E_FORMAT, ""},
    {"not", "{{ ", "not ", "1 }}", 30000, ORION_E_FORMAT, ""},
    {"if", "", "{% if 1 %}", "", 10000, ORION_E_FORMAT, ""},
    {"ternaries", "{{ 1", " if 1 else 1", " }}", 9000, ORION_E_FORMAT, ""},
    {"targets", "{% for ", "(", "", 40000, ORION_E_FORMAT, ""},
    {"a long sum", "{{ 1", "+1", " }}", 30000, ORION_E_TOO_LONG, ""},
    {"many filters", "{{ 1", "|abs", " }}", 20000, ORION_E_TOO_LONG, ""},
    {"many filters of a block", "{% filter e", "|e", " %}a{% endfilter %}", 40000, ORION_E_TOO_LONG, "deep"},
    {"many filters of a variable", "{% set a|e", "|e", " %}a{% endset %}", 40000, ORION_E_TOO_LONG, "deep"},
    {"many attributes", "{{ a", ".a", " }}", 30000, ORION_E_TOO_LONG, ""},
    {"many elif", "{% if 0 %}", "{% elif 0 %}", "{% endif %}", 9000, ORION_E_TOO_LONG, ""},
    {"a source too long", "", "x", "", 200000, ORION_E_TOO_LONG, ""},
    {"a sum that is not too long", "{{ 1", "+1", " }}", 400, ORION_OK, ""},
    {"many tags", "", "{{1}}", "", 20000, ORION_OK, ""},
    {"many braces", "", "{", "", 100000, ORION_E_FORMAT, ""},
    {"many comments", "", "{#", "", 60000, ORION_E_FORMAT, ""},
    {"many raw", "", "{% raw %}", "", 12000, ORION_E_FORMAT, ""},
};
/* clang-format on */

/* Its source; NULL: memory is short. */
static char *hostile_source(const struct hostile *hostile)
{
    struct ori_buf out;

    ori_buf_init(&out, 1u << 24);
    ori_buf_adds(&out, hostile->begin);
    for (size_t i = 0; i < hostile->n; i++)
        ori_buf_adds(&out, hostile->middle);
    ori_buf_adds(&out, hostile->end ? hostile->end : "");
    return ori_buf_take(&out);
}

#endif
