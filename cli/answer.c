/* Where an answer goes. */
#include "answer.h"
#include "json.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <unistd.h>

void cli_answer_init(struct cli_answer *answer, const struct cli *cli, bool keeps)
{
    *answer = (struct cli_answer){
        .shows = !cli->json,
        .keeps = keeps || cli->json,
        .terminal = isatty(STDOUT_FILENO) != 0,
        .dims = !cli->json && !cli->quiet && isatty(STDERR_FILENO) != 0,
    };
}

void cli_answer_release(struct cli_answer *answer)
{
    cli_buffer_free(&answer->text);
    cli_buffer_free(&answer->thinking);
    cli_buffer_free(&answer->calls);
}

int cli_answer_take(const char *text, size_t text_bytes, void *user)
{
    struct cli_answer *answer = user;

    if (text_bytes == 0)
        return 0;
    answer->began = true;
    if (answer->keeps && !cli_buffer_add(&answer->text, text, text_bytes))
        answer->failed = true;
    if (answer->shows) {
        if (answer->terminal)
            cli_text_put(stdout, text, text_bytes);
        else
            (void)fwrite(text, 1, text_bytes, stdout);
        answer->last = text[text_bytes - 1];
        if (fflush(stdout) != 0) /* why is said by cli_finish_output() */
            answer->failed = true;
    }
    return answer->failed;
}

#define DIM "\033[2m"
#define UNDIM "\033[0m"

static void show_thinking(const orion_answer_piece *piece)
{
    const bool colour = cli_term_can_colour(STDERR_FILENO);

    (void)fputs(colour ? DIM : "", stderr);
    cli_text_put(stderr, piece->text, piece->text_bytes);
    (void)fputs(colour ? UNDIM : "", stderr);
    (void)fflush(stderr);
}

static int take_thinking(struct cli_answer *answer, const orion_answer_piece *piece)
{
    if (piece->text_bytes == 0)
        return 0;
    answer->began = true;
    if (answer->keeps && !cli_buffer_add(&answer->thinking, piece->text, piece->text_bytes))
        answer->failed = true;
    if (answer->dims) {
        show_thinking(piece);
        answer->thinks = true;
    }
    return answer->failed;
}

static int take_call(struct cli_answer *answer, const orion_answer_piece *piece)
{
    if (answer->keeps && ((answer->calls.len > 0 && !cli_buffer_add(&answer->calls, ",", 1)) ||
                          !cli_buffer_add(&answer->calls, piece->text, piece->text_bytes)))
        answer->failed = true;
    if (answer->shows && answer->last && answer->last != '\n')
        (void)fputc('\n', stdout);
    answer->last = '\n';
    answer->began = true;
    if (answer->shows) {
        cli_text_put(stdout, piece->text, piece->text_bytes);
        (void)fputc('\n', stdout);
        answer->failed |= fflush(stdout) != 0;
    }
    return answer->failed;
}

int cli_answer_piece(const orion_answer_piece *piece, void *user)
{
    struct cli_answer *answer = user;

    if (piece->kind == ORION_PIECE_THINKING)
        return take_thinking(answer, piece);
    if (answer->thinks && piece->text_bytes > 0) {
        (void)fputs("\n\n", stderr);
        answer->thinks = false;
    }
    if (piece->kind == ORION_PIECE_TOOL_CALL)
        return take_call(answer, piece);
    return cli_answer_take(piece->text, piece->text_bytes, answer);
}

/* What is only there with models that think, and with tools. */
static void add_sections(json_t *json, const struct cli_answer *answer)
{
    json_t *calls = json_array();
    const char *at = answer->calls.data ? answer->calls.data : "";

    if (answer->thinking.len > 0)
        (void)json_object_set_new(json, "thinking",
                                  cli_json_text_n(answer->thinking.data, answer->thinking.len));
    while (*at) {
        json_error_t error;
        json_t *call = json_loads(at, JSON_DISABLE_EOF_CHECK, &error);
        if (!call)
            break;
        (void)json_array_append_new(calls, call);
        at += error.position;
        at += *at == ',';
    }
    if (json_array_size(calls) > 0)
        (void)json_object_set(json, "tool_calls", calls);
    json_decref(calls);
}

static json_t *document(const struct cli_answer *answer, const struct cli_engine *engine,
                        const orion_stats *stats, uint64_t seed)
{
    json_t *json = json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "text",
        cli_json_text_n(answer->text.data ? answer->text.data : "", answer->text.len), "finish",
        cli_finish_name(stats->finish), "prompt_tokens", cli_json_count(stats->prompt_tokens),
        "cached_tokens", cli_json_count(stats->cached_tokens), "output_tokens",
        cli_json_count(stats->output_tokens), "parts", cli_json_count(stats->parts), "prompt_ms",
        cli_json_number(stats->prompt_ms), "output_ms", cli_json_number(stats->output_ms),
        "first_token_ms", cli_json_number(stats->first_token_ms), "drafted_tokens",
        cli_json_count(stats->drafted_tokens), "accepted_tokens",
        cli_json_count(stats->accepted_tokens), "seed", cli_json_count(seed));
    if (json)
        add_sections(json, answer);
    if (json && engine->where)
        (void)json_object_set_new(json, "answered_at", cli_json_text(engine->where));
    return json;
}

int cli_answer_finish(const struct cli *cli, struct cli_answer *answer,
                      const struct cli_engine *engine, orion_status status,
                      const orion_stats *stats, uint64_t seed, bool verbose, const orion_error *err)
{
    int code = CLI_OK;

    if (answer->thinks) /* and nothing else came */
        (void)fputc('\n', stderr);
    if (answer->shows && answer->last && answer->last != '\n')
        (void)fputc('\n', stdout);
    if (answer->failed) {
        code = cli_finish_output(cli);
        if (code == CLI_OK) {
            cli_error(cli, "not enough memory for the answer.");
            code = CLI_NO_FIT;
        }
        return code;
    }
    if (status == ORION_E_CANCELLED) {
        cli_error(cli, "stopped.");
        code = CLI_CANCELLED;
    } else if (status != ORION_OK) {
        return cli_fail(cli, status, err);
    } else if (cli->json) {
        code = cli_json_print(cli, document(answer, engine, stats, seed));
    }
    if (verbose) {
        (void)fflush(stdout);
        cli_print_stats(engine, stats, seed);
    }
    return code;
}
