#include "chat/jinja/interp.h"

#include "chat/jinja/source.h"

#include <stdio.h>

static void ORI_PRINTF(3, 0)
    stop(struct interp *ip, orion_status status, const char *fmt, va_list args)
{
    if (ip->status == ORION_OK)
        ip->status = ori_jinja_report(ip->err, status, ip->source, ip->at, fmt, args);
}

struct value ori_jinja_fail(struct interp *ip, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    stop(ip, ORION_E_FORMAT, fmt, args);
    va_end(args);
    return (struct value){0};
}

struct value ori_jinja_refuse(struct interp *ip, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    stop(ip, ORION_E_ARGUMENT, fmt, args);
    va_end(args);
    return (struct value){0};
}

void ori_jinja_limit(struct interp *ip, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    stop(ip, ORION_E_TOO_LONG, fmt, args);
    va_end(args);
}

bool ori_jinja_spend(struct interp *ip, size_t steps)
{
    if (ip->status != ORION_OK)
        return false;
    if (ip->steps < steps) {
        ori_jinja_limit(ip, "the template takes more than %u steps; it may not end by itself",
                        ORI_JINJA_MAX_STEPS);
        return false;
    }
    ip->steps -= steps;
    return true;
}

bool ori_jinja_spend_bytes(struct interp *ip, size_t bytes)
{
    return ori_jinja_spend(ip, bytes / 64);
}

bool ori_jinja_enter(struct interp *ip)
{
    if (ip->data_depth == ORI_JINJA_MAX_DATA)
        ori_jinja_limit(ip, "lists within one another more than %d deep", ORI_JINJA_MAX_DATA);
    if (ori_jinja_failed(ip))
        return false;
    ip->data_depth++;
    return true;
}

void ori_jinja_leave(struct interp *ip)
{
    ip->data_depth--;
}

void *ori_jinja_alloc(struct interp *ip, size_t count, size_t size)
{
    size_t bytes, total;

    if (ori_jinja_failed(ip))
        return NULL;
    void *memory = ori_arena_alloc(&ip->arena, count, size);
    if (memory) /* which the system has to clear */
        return ori_jinja_spend(ip, count * size / 128) ? memory : NULL;
    if (!ori_mul(count, size, &bytes) || !ori_add(ip->arena.bytes, bytes, &total) ||
        total > ip->arena.max_bytes - ip->arena.max_bytes / 64)
        ori_jinja_limit(ip, "the template takes more than %u bytes of memory",
                        ORI_JINJA_MAX_MEMORY);
    else
        ip->status = ori_fail_nomem(ip->err, "the prompt");
    return NULL;
}
