/* ascii.h - classes of bytes, whatever the process's locale is. */
#ifndef ORI_BASE_ASCII_H
#define ORI_BASE_ASCII_H

#include <stdbool.h>

/* The white space of C. */
static inline bool ori_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool ori_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static inline int ori_hex_digit(char c)
{
    if (ori_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
