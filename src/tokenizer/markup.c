/* What a chat's markup makes of tokens. */
#include "tokenizer/internal.h"

#include "base/match.h"

#include <string.h>

static struct token *token_by_text(struct ori_vocab *vocab, const char *text)
{
    const int32_t id = ori_vocab_find(vocab, text, strlen(text));
    return id == ORI_NO_TOKEN ? NULL : &vocab->tokens[id];
}

void ori_vocab_settle_ends(struct ori_vocab *vocab)
{
    static const char *const ends[] = {"<|call|>", "<|return|>"};
    struct token *message_end = token_by_text(vocab, "<|end|>");

    if (!message_end || !token_by_text(vocab, "<|channel|>") ||
        !token_by_text(vocab, "<|message|>"))
        return;
    message_end->flags &= (uint8_t)~TOKEN_END;
    for (size_t i = 0; i < ORI_COUNT(ends); i++) {
        struct token *token = token_by_text(vocab, ends[i]);
        if (token && token->type == TOKEN_CONTROL)
            token->flags |= TOKEN_END;
    }
}

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
