/* A template's text to tokens: text, the marks of tags, and what is in them.
 *
 * White space is settled here, as Hugging Face sets Jinja up: the newline
 * behind a block tag is dropped (trim_blocks), blanks between the beginning of a
 * line and a block tag too (lstrip_blocks); `-` at a tag takes all white
 * space on that side, `+` leaves it. */
#ifndef ORI_CHAT_JINJA_LEXER_H
#define ORI_CHAT_JINJA_LEXER_H

#include "base/base.h"

enum token_kind {
    TOKEN_END,
    TOKEN_TEXT,        /* outside of tags; never empty */
    TOKEN_PRINT_OPEN,  /* {{ */
    TOKEN_PRINT_CLOSE, /* }} */
    TOKEN_BLOCK_OPEN,  /* {% */
    TOKEN_BLOCK_CLOSE, /* %} */
    TOKEN_NAME,
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_STRING, /* with its quotes and escapes */
    TOKEN_OP,
    TOKEN_BAD, /* `text` says why: a static sentence */
};

struct token {
    enum token_kind kind;
    struct ori_str text; /* borrowed from the source */
    size_t at;           /* its offset there */
};

struct lexer {
    struct ori_str source; /* without '\r' and without its last newline */
    size_t at;
    enum token_kind tag; /* that is open: TOKEN_PRINT_OPEN, TOKEN_BLOCK_OPEN or TOKEN_END */
    size_t brackets;     /* open in it: `}}` closes no tag while there are any */
    bool line_begins;    /* the tag before took a newline */
};

void ori_jinja_lexer_init(struct lexer *lexer, struct ori_str source);
/* After TOKEN_END and TOKEN_BAD, the same again. */
struct token ori_jinja_next_token(struct lexer *lexer);

#endif
