#include "runtime/parts.h"

#include <stdlib.h>
#include <string.h>

void ori_parts_release(struct ori_parts *units)
{
    free(units->list);
    *units = (struct ori_parts){0};
}

static bool push(struct ori_parts *units, struct ori_part unit)
{
    if (units->count == units->cap) {
        const size_t cap = units->cap ? units->cap * 2 : 16;
        size_t bytes;
        if (!ori_mul(cap, sizeof(*units->list), &bytes))
            return false;
        struct ori_part *list = realloc(units->list, bytes);
        if (!list)
            return false;
        units->list = list;
        units->cap = cap;
    }
    units->list[units->count++] = unit;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct ori_part trimmed(struct ori_part unit)
{
    while (unit.len > 0 && is_space(unit.text[0])) {
        unit.text++;
        unit.len--;
    }
    while (unit.len > 0 && is_space(unit.text[unit.len - 1]))
        unit.len--;
    return unit;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

/* Where to cut a text in two, inside it: the end of a paragraph, a line, a
 * sentence or a word that is nearest to the middle, within the middle half;
 * else between characters.  An end is never the text's last, which is visible. */
static size_t cut_position(struct ori_part unit)
{
    static const char *const ends[] = {"\n\n", "\n", ". ", " "};
    const size_t middle = unit.len / 2;

    for (size_t e = 0; e < ORI_COUNT(ends); e++) {
        const size_t n = strlen(ends[e]);
        for (size_t distance = 0; distance < unit.len / 4; distance++) {
            if (middle + distance + n < unit.len &&
                memcmp(unit.text + middle + distance, ends[e], n) == 0)
                return middle + distance + n;
            if (memcmp(unit.text + middle - distance, ends[e], n) == 0)
                return middle - distance + n;
        }
    }
    size_t at = middle;
    while (at > 0 && !begins_character(unit.text[at]))
        at--;
    if (at == 0) /* one long character makes up the first half */
        for (at = middle; at < unit.len && !begins_character(unit.text[at]);)
            at++;
    return at < unit.len ? at : middle;
}

orion_status ori_parts_add(struct ori_parts *units, const char *text, size_t len, size_t max_tokens,
                           ori_measure_fn measure, void *arg, orion_error *err)
{
    struct ori_parts todo = {0}; /* a stack; its top is what comes next in the text */
    orion_status status = ORION_OK;
    bool ok = push(&todo, (struct ori_part){text, len, 0, "\n\n"});

    while (ok && todo.count > 0) {
        struct ori_part unit = trimmed(todo.list[--todo.count]);
        if (unit.len == 0)
            continue;
        status = measure(arg, unit.text, unit.len, &unit.n_tokens, err);
        if (status != ORION_OK)
            break;
        if (unit.n_tokens <= max_tokens || unit.len < 2) {
            ok = push(units, unit);
            continue;
        }
        const size_t at = cut_position(unit);
        ok = push(&todo, (struct ori_part){unit.text + at, unit.len - at, 0, "\n"}) &&
             push(&todo, (struct ori_part){unit.text, at, 0, unit.glue});
    }
    ori_parts_release(&todo);
    return ok ? status : ori_fail_nomem(err, "the records");
}
