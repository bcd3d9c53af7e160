/* An answer of any bytes, cut into what is thought, said and called.
 *
 * The input is a byte that chooses how the model writes, a byte that chooses where the
 * answer comes in pieces, and the answer.  In pieces it is the same as whole; text is
 * terminated; a call is JSON with a name.  Seeds: an answer in each form. */
#include "chat/sections.h"
#include "fuzz.h"

#define MAX_ANSWER_BYTES ((size_t)64 << 10) /* a call that is longer is text */

/* Marks that tell a form, as a template has them. */
static const char *const sources[] = {
    "",
    "<think></think><tool_call>",
    "[THINK][/THINK][TOOL_CALLS]",
    "<think></think><｜tool▁calls▁begin｜>",
    "<|tool_call|>",
    "{\"name\": function name, \"parameters\"",
    "<|channel|><|message|>",
};

struct heard {
    struct ori_buf text; /* a letter for each change of kind, and what was told */
    int last;
};

static void check_call(const char *text, size_t len)
{
    json_t *call = json_loadb(text, len, 0, NULL);
    const json_t *function = json_object_get(call, "function");

    require(json_string_length(json_object_get(function, "name")) > 0);
    require(json_is_object(json_object_get(function, "arguments")));
    json_decref(call);
}

static int hear(orion_piece_kind kind, const char *text, size_t len, void *user)
{
    struct heard *heard = user;

    require(len > 0 && text[len] == '\0');
    if (kind == ORION_PIECE_TOOL_CALL)
        check_call(text, len);
    if (heard->last != (int)kind || kind == ORION_PIECE_TOOL_CALL)
        (void)ori_buf_addf(&heard->text, "\n%d:", (int)kind);
    heard->last = (int)kind;
    require(ori_buf_add(&heard->text, text, len) == ORION_OK);
    return 0;
}

/* In pieces of 1 to `longest` bytes. */
static void listen(const struct ori_reply_form *form, const char *text, size_t len, size_t longest,
                   struct heard *heard)
{
    struct ori_sections sections;
    uint32_t seed = (uint32_t)longest;

    *heard = (struct heard){.last = -1};
    ori_buf_init(&heard->text, (size_t)1 << 24);
    ori_sections_init(&sections, form, hear, heard);
    while (len > 0) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = 1 + (seed >> 8) % longest;
        n = n < len ? n : len;
        require(ori_sections_add(&sections, text, n) == ORION_OK);
        text += n;
        len -= n;
    }
    require(ori_sections_finish(&sections) == ORION_OK);
    ori_sections_release(&sections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_reply_form form;
    struct heard whole, pieces;

    if (size < 2 || size > MAX_ANSWER_BYTES)
        return 0;
    const char *source = sources[(data[0] & 0x7f) % ORI_COUNT(sources)];
    const size_t longest = 1 + data[1] % 40;
    const char *answer = (const char *)data + 2;
    ori_reply_form_find((struct ori_str){source, strlen(source)}, &form);
    form.begins_thinking = form.think_end && (data[0] & 0x80);
    listen(&form, answer, size - 2, size, &whole);
    listen(&form, answer, size - 2, longest, &pieces);
    require(whole.text.len == pieces.text.len &&
            memcmp(ori_buf_text(&whole.text), ori_buf_text(&pieces.text), whole.text.len) == 0);
    ori_buf_release(&whole.text);
    ori_buf_release(&pieces.text);
    return 0;
}
