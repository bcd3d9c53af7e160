/* Where an answer goes. */
#include "answer.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <unistd.h>

void cli_answer_init(struct cli_answer *answer, const struct cli *cli, bool keeps)
{
    *answer = (struct cli_answer){
        .shows = !cli->json,
        .keeps = keeps || cli->json,
        .terminal = isatty(STDOUT_FILENO) != 0,
    };
}

void cli_answer_release(struct cli_answer *answer)
{
    cli_buffer_free(&answer->text);
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
    if (json && engine->where)
        (void)json_object_set_new(json, "answered_at", cli_json_text(engine->where));
    return json;
}

int cli_answer_finish(const struct cli *cli, struct cli_answer *answer,
                      const struct cli_engine *engine, orion_status status,
                      const orion_stats *stats, uint64_t seed, bool verbose, const orion_error *err)
{
    int code = CLI_OK;

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
