#include "chat/jinja/source.h"

#include <stdio.h>

orion_status ori_jinja_report(orion_error *err, orion_status status, struct ori_str source,
                              size_t at, const char *fmt, va_list args)
{
    size_t line = 1, column = 1;
    char reason[400];

    for (size_t i = 0; i < at && i < source.len; i++) {
        column = source.data[i] == '\n' ? 1 : column + 1;
        line += source.data[i] == '\n';
    }
    (void)vsnprintf(reason, sizeof(reason), fmt, args);
    return ori_fail_at(err, status, at, "tokenizer.chat_template",
                       "the chat template, line %zu, column %zu: %s", line, column, reason);
}
