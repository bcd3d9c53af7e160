/* The chat templates that we know, and telling which one a file carries.
 *
 * A file's template is a program (Jinja), which is run where it can be.  The control
 * tokens and phrases in it tell its family: what it is called, and what lays chats out
 * where it can't be run.  The rows are tried in order, the telling ones first.  What no
 * row knows is NULL, never a guess.
 */
#include "base/match.h"
#include "chat/template.h"

#include <string.h>

static const struct ori_chat_template templates[] = {
    {
        .name = "chatml", /* Qwen, Hermes, SmolLM, ... */
        .marks = {"<|im_start|>", "<|im_end|>"},
        .foreign = {"<|im_sep|>"},
        .system = {"<|im_start|>system\n", "<|im_end|>\n"},
        .user = {"<|im_start|>user\n", "<|im_end|>\n"},
        .assistant = {"<|im_start|>assistant\n", "<|im_end|>\n"},
        .open = "<|im_start|>assistant\n",
    },
    {
        .name = "llama3",
        .marks = {"<|start_header_id|>", "<|eot_id|>"},
        .system = {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
        .user = {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
        .assistant = {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
        .open = "<|start_header_id|>assistant<|end_header_id|>\n\n",
        .trims = true,
    },
    {
        .name = "gemma",
        .marks = {"<start_of_turn>", "<end_of_turn>"},
        .user = {"<start_of_turn>user\n", "<end_of_turn>\n"},
        .assistant = {"<start_of_turn>model\n", "<end_of_turn>\n"},
        .open = "<start_of_turn>model\n",
        .inlined = {"", "\n\n"},
        .trims = true,
    },
    {
        .name = "phi4-mini", /* as phi3, but without line breaks */
        .marks = {"'<|' + message['role'] + '|>' + message['content']", "<|end|>"},
        .system = {"<|system|>", "<|end|>"},
        .user = {"<|user|>", "<|end|>"},
        .assistant = {"<|assistant|>", "<|end|>"},
        .open = "<|assistant|>",
    },
    {
        .name = "phi3",
        .marks = {"<|system|>", "<|assistant|>", "<|end|>"},
        .system = {"<|system|>\n", "<|end|>\n"},
        .user = {"<|user|>\n", "<|end|>\n"},
        .assistant = {"<|assistant|>\n", "<|end|>\n"},
        .open = "<|assistant|>\n",
    },
    {
        .name = "phi3", /* the same, its roles put in by name */
        .marks = {"'<|' + message['role'] + '|>'", "<|assistant|>", "<|end|>"},
        .system = {"<|system|>\n", "<|end|>\n"},
        .user = {"<|user|>\n", "<|end|>\n"},
        .assistant = {"<|assistant|>\n", "<|end|>\n"},
        .open = "<|assistant|>\n",
    },
    {
        .name = "phi3-no-system", /* the first release was not trained on it */
        .marks = {"<|user|>", "<|assistant|>", "<|end|>"},
        .user = {"<|user|>\n", "<|end|>\n"},
        .assistant = {"<|assistant|>\n", "<|end|>\n"},
        .open = "<|assistant|>\n",
        .inlined = {"", "\n\n"},
    },
    {
        .name = "llama2",
        .marks = {"[INST]", "<<SYS>>"},
        .user = {"[INST] ", " [/INST]"},
        .assistant = {" ", " </s>"},
        .open = "",
        .inlined = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
        .again = "<s>",
        .trims = true,
    },
    {
        .name = "mistral-v1", /* 7B Instruct v0.1 and v0.2, Mixtral */
        .marks = {"[INST]", " [/INST]"},
        .user = {"[INST] ", " [/INST]"},
        .assistant = {" ", "</s>"},
        .open = "",
        .inlined = {"", "\n\n"},
    },
    {
        .name = "mistral-v3", /* the tokenizer puts the space where there is one */
        .marks = {"[INST]", "[/INST]"},
        .foreign = {"[SYSTEM_PROMPT]"},
        .user = {"[INST]", "[/INST]"},
        .assistant = {"", "</s>"},
        .open = "",
        .inlined = {"", "\n\n"},
    },
    {
        .name = "zephyr", /* TinyLlama, StableLM Zephyr */
        .marks = {"<|user|>", "<|assistant|>", "eos_token"},
        .foreign = {"eos_token + '", "<|end|>"},
        .system = {"<|system|>\n", "</s>\n"},
        .user = {"<|user|>\n", "</s>\n"},
        .assistant = {"<|assistant|>\n", "</s>\n"},
        .open = "<|assistant|>\n",
    },
};

static bool is_written_by(struct ori_str source, const struct ori_chat_template *row)
{
    for (size_t i = 0; i < ORI_COUNT(row->marks) && row->marks[i]; i++)
        if (!ori_match_in(source, row->marks[i]))
            return false;
    for (size_t i = 0; i < ORI_COUNT(row->foreign) && row->foreign[i]; i++)
        if (ori_match_in(source, row->foreign[i]))
            return false;
    return true;
}

const struct ori_chat_template *ori_chat_recognise(struct ori_str source)
{
    for (size_t i = 0; i < ORI_COUNT(templates); i++)
        if (is_written_by(source, &templates[i]))
            return &templates[i];
    return NULL;
}

const struct ori_chat_template *ori_chat_by_name(const char *name)
{
    for (size_t i = 0; i < ORI_COUNT(templates); i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

const char *ori_chat_names(void)
{
    return "chatml, llama3, gemma, phi4-mini, phi3, phi3-no-system, llama2, mistral-v1, "
           "mistral-v3 and zephyr";
}

const char *ori_chat_name(const struct ori_chat_template *chat_template)
{
    return chat_template->name;
}
