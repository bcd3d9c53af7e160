/* token.h - secrets: made, kept in a file, compared. */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include <orion.h>

#define TOKEN_CHARS 64 /* of one that is made here: 256 bits in hexadecimal digits */
#define TOKEN_MIN 32   /* of one that someone else wrote into the file */
#define TOKEN_MAX 256

/* 256 random bits. */
orion_status token_make(char out[TOKEN_CHARS + 1], orion_error *err);

/* Read the token of a file that only its owner can read; make the file (0600) with
 * a new one when there is none. */
orion_status token_from_file(const char *path, char out[TOKEN_MAX + 1], orion_error *err);

/* Takes as long whatever is different, for texts of one length. */
bool token_equal(const char *secret, const char *given);

#endif
