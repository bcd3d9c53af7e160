/* What a chat's markup makes of tokens. */
#include "tokenizer/internal.h"

#define MAX_MARK_BYTES 63u /* longer ones are no marks */

static bool is_bracketed(struct ori_str text)
{
    return text.len > 2 && ((text.data[0] == '<' && text.data[text.len - 1] == '>') ||
                            (text.data[0] == '[' && text.data[text.len - 1] == ']'));
}

/* The marks that begin at a place in the template. */
static void reserve_at(struct ori_vocab *vocab, const char *text, size_t len)
{
    uint32_t node = 0;

    for (size_t i = 0; i < len && i < MAX_MARK_BYTES; i++) {
        node = ori_trie_child(&vocab->special, node, text[i]);
        if (node == 0)
            return;
        const int32_t id = vocab->special.tokens[node];
        if (id != ORI_NO_TOKEN && vocab->tokens[id].type == TOKEN_USER_DEFINED &&
            is_bracketed(vocab->tokens[id].text))
            vocab->tokens[id].flags |= TOKEN_TRUSTED;
    }
}

/* One walk along the template, however many tokens there are: a file may have a million. */
void ori_vocab_reserve(struct ori_vocab *vocab, struct ori_str chat_template)
{
    for (size_t at = 0; at < chat_template.len; at++)
        reserve_at(vocab, chat_template.data + at, chat_template.len - at);
}
