/* A conversation on a terminal: read a message, stream the answer, keep both,
 * so that the next message is understood in their light. */
#include "chat.h"
#include "answer.h"
#include "interrupt.h"
#include "prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGES 4096

struct chat {
    const struct cli *cli;
    struct cli_speaker *speaker;
    const orion_generate_params *params;
    const struct cli_chat_options *options;
    struct cli_prompt *prompt;
    orion_message *messages; /* [n_messages]; contents are ours, roles constant */
    size_t n_messages;
};

/* ---- messages ---- */

static bool add_message(struct chat *chat, const char *role, const char *content)
{
    char *copy;

    if (chat->n_messages == MAX_MESSAGES || !(copy = strdup(content)))
        return false;
    chat->messages[chat->n_messages++] = (orion_message){.role = role, .content = copy};
    return true;
}

static void drop_messages(struct chat *chat, size_t kept)
{
    while (chat->n_messages > kept) {
        const orion_message *last = &chat->messages[--chat->n_messages];
        union {
            const char *read;
            char *owned;
        } content = {.read = last->content}; /* made by strdup() above */
        free(content.owned);
    }
}

static size_t n_system(const struct chat *chat)
{
    return chat->options->system ? 1 : 0;
}

/* ---- one turn ---- */

static void say_finish(const struct chat *chat, const orion_stats *stats)
{
    if (stats->finish == ORION_FINISH_LENGTH)
        cli_note(chat->cli, "the answer was cut by --max-tokens.");
    else if (stats->finish == ORION_FINISH_CONTEXT)
        cli_note(chat->cli, "the context is full; /clear starts a new conversation.");
}

static void answer(struct chat *chat, const char *text)
{
    const size_t before = chat->n_messages;
    struct cli_answer answer;
    orion_request request;
    orion_stats stats = {0};
    orion_error err = CLI_NO_ERROR;

    if (!add_message(chat, "user", text)) {
        cli_error(chat->cli, "no memory for another message; /clear starts anew.");
        return;
    }
    cli_answer_init(&answer, chat->cli, true);
    answer.shows = true;
    cli_interrupt_clear();
    orion_request_init(&request);
    request.messages = chat->messages;
    request.n_messages = chat->n_messages;
    request.params = chat->params;
    request.chat = chat->options->template;
    const orion_status status = cli_speak(chat->speaker, &request, &answer, &stats, &err);

    if (answer.last && answer.last != '\n')
        (void)fputc('\n', stdout);
    (void)fflush(stdout);
    /* What was said before an interruption stays said. */
    const bool said = answer.text.len > 0 && (status == ORION_OK || status == ORION_E_CANCELLED);
    if (!said || !add_message(chat, "assistant", answer.text.data))
        drop_messages(chat, before);
    if (status == ORION_OK)
        say_finish(chat, &stats);
    else if (status == ORION_E_CANCELLED)
        cli_note(chat->cli, "stopped.");
    else
        (void)cli_fail(chat->cli, status, &err);
    if (status == ORION_E_TOO_LONG && before > n_system(chat))
        cli_note(chat->cli, "that message was left out; /clear starts a new conversation.");
    if (chat->options->verbose && (status == ORION_OK || status == ORION_E_CANCELLED))
        cli_print_stats(&chat->speaker->engine, &stats, chat->params->seed);
    cli_interrupt_clear();
    cli_answer_release(&answer);
}

/* ---- commands ---- */

static void clear(struct chat *chat)
{
    drop_messages(chat, n_system(chat));
    cli_speaker_forget(chat->speaker);
    cli_note(chat->cli, "a new conversation.");
}

static void print_commands(void)
{
    (void)fputs("/clear   start a new conversation\n"
                "/bye     leave (so does ^D)\n"
                "/help    this list\n"
                "\"\"\"      begin, and later end, a message of several lines\n"
                "^C stops an answer, or clears the line\n",
                stderr);
}

static bool is_command(const char *line)
{
    return line[0] == '/' && line[1] &&
           strspn(line + 1, "abcdefghijklmnopqrstuvwxyz") == strlen(line + 1);
}

/* False to leave. */
static bool command(struct chat *chat, const char *line)
{
    if (strcmp(line, "/bye") == 0)
        return false;
    if (strcmp(line, "/clear") == 0)
        clear(chat);
    else if (strcmp(line, "/help") == 0)
        print_commands();
    else
        cli_error(chat->cli, "unknown command '%s'; /help lists them.", line);
    return true;
}

/* ---- the conversation ---- */

#define BLOCK "\"\"\""

static bool ends_block(struct cli_buffer *line)
{
    const size_t n = strlen(BLOCK);

    if (line->len < n || strcmp(line->data + line->len - n, BLOCK) != 0)
        return false;
    line->len -= n;
    line->data[line->len] = '\0';
    return true;
}

/* A message is a line, or the lines between two """.  `first` holds the line
 * that opened the block. */
static enum cli_prompt_end read_block(struct chat *chat, const struct cli_buffer *first,
                                      struct cli_buffer *message)
{
    struct cli_buffer line = {0};
    enum cli_prompt_end end = CLI_PROMPT_EOF;
    const char *rest = first->data + strlen(BLOCK);
    bool closed = false;

    bool stored = cli_buffer_add(&line, rest, strlen(rest));
    closed = stored && ends_block(&line);
    while (stored) {
        stored = cli_buffer_add(message, line.data, line.len);
        end = CLI_PROMPT_LINE;
        if (!stored || closed)
            break;
        end = cli_prompt_read(chat->prompt, "... ", &line);
        if (end != CLI_PROMPT_LINE)
            break;
        closed = ends_block(&line);
        stored = message->len == 0 || cli_buffer_add(message, "\n", 1);
    }
    cli_buffer_free(&line);
    if (message->len > 0 && message->data[message->len - 1] == '\n')
        message->data[--message->len] = '\0'; /* the closing """ had a line for itself */
    return stored ? end : CLI_PROMPT_EOF;
}

static enum cli_prompt_end read_message(struct chat *chat, struct cli_buffer *message)
{
    struct cli_buffer line = {0};
    enum cli_prompt_end end = cli_prompt_read(chat->prompt, "> ", &line);

    message->len = 0;
    if (end == CLI_PROMPT_LINE && strncmp(line.data, BLOCK, strlen(BLOCK)) == 0)
        end = read_block(chat, &line, message);
    else if (end == CLI_PROMPT_LINE && !cli_buffer_add(message, line.data, line.len))
        end = CLI_PROMPT_EOF;
    cli_buffer_free(&line);
    return end;
}

static bool is_blank(const struct cli_buffer *message)
{
    return !message->data || strspn(message->data, " \t\n") == message->len;
}

static void talk(struct chat *chat)
{
    struct cli_buffer message = {0};

    for (;;) {
        const enum cli_prompt_end end = read_message(chat, &message);
        if (end == CLI_PROMPT_EOF)
            break;
        if (end == CLI_PROMPT_INTERRUPTED || is_blank(&message))
            continue;
        if (!is_command(message.data))
            answer(chat, message.data);
        else if (!command(chat, message.data))
            break;
        if (ferror(stdout) || cli_terminated())
            break;
    }
    cli_buffer_free(&message);
}

int cli_chat(const struct cli *cli, struct cli_speaker *speaker,
             const orion_generate_params *params, const struct cli_chat_options *options)
{
    struct chat chat = {.cli = cli, .speaker = speaker, .params = params, .options = options};
    int code = CLI_NO_FIT;

    chat.prompt = cli_prompt_new(options->history);
    chat.messages = calloc(MAX_MESSAGES, sizeof(*chat.messages));
    if (!chat.prompt || !chat.messages ||
        (options->system && !add_message(&chat, "system", options->system))) {
        cli_error(cli, "not enough memory for a conversation.");
    } else {
        cli_note(cli, "/help lists the commands, /bye or ^D leaves.");
        talk(&chat);
        code = cli_terminated() ? CLI_CANCELLED : CLI_OK;
    }
    drop_messages(&chat, 0);
    free(chat.messages);
    cli_prompt_free(chat.prompt);
    return code;
}
