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
        .name = "phi4", /* Phi-4, whose files are Phi-3's by architecture */
        .marks = {"<|im_start|>", "<|im_sep|>"},
        .system = {"<|im_start|>system<|im_sep|>", "<|im_end|>"},
        .user = {"<|im_start|>user<|im_sep|>", "<|im_end|>"},
        .assistant = {"<|im_start|>assistant<|im_sep|>", "<|im_end|>"},
        .open = "<|im_start|>assistant<|im_sep|>",
    },
    {
        .name = "chatml", /* Qwen, Hermes, SmolLM, ... */
        .marks = {"<|im_start|>", "<|im_end|>"},
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
        .name = "mistral-v7", /* Mistral Large 2411, Small 3; the tokenizer puts the spaces */
        .also = "mistral-v7-tekken",
        .marks = {"[INST]", "[SYSTEM_PROMPT]"},
        .system = {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
        .user = {"[INST]", "[/INST]"},
        .assistant = {"", "</s>"},
        .open = "",
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
        .name = "mistral-v3", /* 7B Instruct v0.3, Nemo; the same of spaces */
        .also = "mistral-v3-tekken",
        .marks = {"[INST]", "[/INST]"},
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
    {
        .name = "falcon3", /* by name only: its program leaves open how answers end */
        .also = "olmo2",
        .system = {"<|system|>\n", "\n"},
        .user = {"<|user|>\n", "\n"},
        .assistant = {"<|assistant|>\n", "<|endoftext|>\n"},
        .open = "<|assistant|>\n",
    },
    {
        .name = "granite", /* 3 and 4 */
        .marks = {"<|start_of_role|>", "<|end_of_role|>"},
        .system = {"<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n"},
        .user = {"<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n"},
        .assistant = {"<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>\n"},
        .open = "<|start_of_role|>assistant<|end_of_role|>",
    },
    {
        .name = "deepseek", /* Coder */
        .marks = {"### Instruction:", "<|EOT|>"},
        .system = {"", ""},
        .user = {"### Instruction:\n", "\n"},
        .assistant = {"### Response:\n", "\n<|EOT|>\n"},
        .open = "### Response:\n",
    },
    {
        .name = "deepseek2", /* LLM chat, V2 */
        .marks = {"'User: ' + message['content']", "'Assistant: ' + message['content']"},
        .system = {"", "\n\n"},
        .user = {"User: ", "\n\n"},
        .assistant = {"Assistant: ", "<｜end▁of▁sentence｜>"},
        .open = "Assistant:",
    },
    {
        .name = "deepseek3", /* V3, R1 and what was distilled from it */
        .marks = {"<｜User｜>", "<｜Assistant｜>"},
        .system = {"", ""},
        .user = {"<｜User｜>", ""},
        .assistant = {"<｜Assistant｜>", "<｜end▁of▁sentence｜>"},
        .open = "<｜Assistant｜>",
    },
    {
        .name = "openchat", /* 3.5 */
        .marks = {"GPT4 Correct ", "<|end_of_turn|>"},
        .system = {"GPT4 Correct System: ", "<|end_of_turn|>"},
        .user = {"GPT4 Correct User: ", "<|end_of_turn|>"},
        .assistant = {"GPT4 Correct Assistant: ", "<|end_of_turn|>"},
        .open = "GPT4 Correct Assistant:",
    },
    {
        .name = "vicuna", /* 1.1 to 1.5, as FastChat trained them; by name only: files have none */
        .system = {"", " "},
        .user = {"USER: ", " "},
        .assistant = {"ASSISTANT: ", "</s>"},
        .open = "ASSISTANT:",
    },
    {
        .name = "megrez",
        .marks = {"<|role_start|>", "<|role_end|>"},
        .system = {"<|role_start|>system<|role_end|>", "<|turn_end|>"},
        .user = {"<|role_start|>user<|role_end|>", "<|turn_end|>"},
        .assistant = {"<|role_start|>assistant<|role_end|>", "<|turn_end|>"},
        .open = "<|role_start|>assistant<|role_end|>",
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
    return row->marks[0] != NULL;
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
        if (strcmp(templates[i].name, name) == 0 ||
            (templates[i].also && strcmp(templates[i].also, name) == 0))
            return &templates[i];
    return NULL;
}

const struct ori_chat_template *ori_chat_at(size_t i)
{
    return i < ORI_COUNT(templates) ? &templates[i] : NULL;
}

const char *ori_chat_name(const struct ori_chat_template *chat_template)
{
    return chat_template->name;
}
