/* What a chat's markup makes of tokens. */
#include "tokenizer/internal.h"

#include "base/match.h"

#include <string.h>

static bool is_bracketed(struct ori_str text)
{
    return text.len > 2 && ((text.data[0] == '<' && text.data[text.len - 1] == '>') ||
                            (text.data[0] == '[' && text.data[text.len - 1] == ']'));
}

void ori_vocab_reserve(struct ori_vocab *vocab, struct ori_str chat_template)
{
    char mark[64];

    for (uint32_t i = 0; i < vocab->n_tokens; i++) {
        struct token *token = &vocab->tokens[i];
        if (token->type != TOKEN_USER_DEFINED || !is_bracketed(token->text) ||
            token->text.len >= sizeof(mark))
            continue;
        memcpy(mark, token->text.data, token->text.len);
        mark[token->text.len] = '\0';
        if (ori_match_find(chat_template.data, chat_template.len, mark) < chat_template.len)
            token->flags |= TOKEN_TRUSTED;
    }
}
