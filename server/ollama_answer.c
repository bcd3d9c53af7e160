/* How Ollama writes answers: a line of JSON for each piece, and one with what it took. */
#include "ollama.h"

#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "logprobs.h"

struct ollama_answer {
    bool chat;
    int32_t top_logprobs;
    int64_t began_ns, load_ns;
    json_t *logprobs; /* of tokens that no line has told of yet; NULL: none wanted */
    size_t n_logprobs;
    char model[]; /* as it was asked for */
};

struct ollama_answer *ollama_answer_new(const struct ollama_answer_options *options)
{
    const size_t bytes = strlen(options->model) + 1;
    struct ollama_answer *answer = calloc(1, sizeof(*answer) + bytes);

    if (!answer)
        return NULL;
    answer->chat = options->chat;
    answer->top_logprobs = options->top_logprobs;
    answer->began_ns = options->began_ns;
    answer->load_ns = options->loaded_ns - options->began_ns;
    memcpy(answer->model, options->model, bytes);
    if (options->top_logprobs == ORION_NO_LOGPROBS)
        return answer;
    answer->logprobs = json_array();
    if (answer->logprobs)
        return answer;
    free(answer);
    return NULL;
}

void ollama_answer_free(void *state)
{
    struct ollama_answer *answer = state;
    json_decref(answer->logprobs);
    free(answer);
}

/* What a line says: in "message" of a chat, else in the line itself.  Empty: nothing. */
struct said {
    const char *text, *thinking;
    size_t text_bytes, thinking_bytes;
    json_t *calls; /* borrowed, or NULL */
};

static const struct said nothing = {.text = ""};

static void say(json_t *object, const char *key, const struct said *said)
{
    (void)json_object_set_new(object, key, json_stringn(said->text, said->text_bytes));
    if (said->thinking_bytes > 0)
        (void)json_object_set_new(object, "thinking",
                                  json_stringn(said->thinking, said->thinking_bytes));
    if (said->calls)
        (void)json_object_set(object, "tool_calls", said->calls);
}

static json_t *line(const char *model, bool chat, const struct said *said, bool done)
{
    char now[INSTANT_BYTES];

    instant_now(now);
    json_t *object = json_pack("{s:s, s:s, s:b}", "model", model, "created_at", now, "done", done);
    if (!chat) {
        say(object, "response", said);
        return object;
    }
    json_t *message = json_pack("{s:s}", "role", "assistant");
    say(message, "content", said);
    (void)json_object_set_new(object, "message", message);
    return object;
}

json_t *ollama_answer_empty(const char *model, bool chat, const char *done_reason)
{
    json_t *answer = line(model, chat, &nothing, true);
    if (answer)
        (void)json_object_set_new(answer, "done_reason", json_string(done_reason));
    return answer;
}

/* A line with the tokens that it is the first to tell of. */
static json_t *line_of(struct ollama_answer *answer, const struct said *said, bool done)
{
    json_t *object = line(answer->model, answer->chat, said, done);

    if (object && answer->logprobs) {
        (void)json_object_set_new(object, "logprobs", answer->logprobs);
        answer->logprobs = json_array();
    }
    return object;
}

/* False when a whole answer would have to keep too many. */
static bool take_logprobs(struct ollama_answer *answer, bool keeps, const orion_answer_piece *piece)
{
    if (!answer->logprobs)
        return true;
    for (size_t i = 0; i < piece->n_choices; i++)
        (void)json_array_append_new(answer->logprobs, logprobs_choice(&piece->choices[i]));
    if (keeps)
        answer->n_logprobs += piece->n_choices * (1 + (size_t)answer->top_logprobs);
    return answer->n_logprobs <= LOGPROBS_MAX;
}

static json_int_t nanoseconds(double ms)
{
    return (json_int_t)(ms * 1e6);
}

/* The text, that it is all, and what it took. */
static json_t *last_line(struct ollama_answer *answer, const struct said *said,
                         const orion_stats *stats)
{
    const bool cut = stats->finish == ORION_FINISH_LENGTH || stats->finish == ORION_FINISH_CONTEXT;
    json_t *last = line_of(answer, said, true);
    json_t *figures = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "done_reason", cut ? "length" : "stop",
        "total_duration", (json_int_t)(instant_monotonic_ns() - answer->began_ns), "load_duration",
        (json_int_t)answer->load_ns, "prompt_eval_count", (json_int_t)stats->prompt_tokens,
        "prompt_eval_duration", nanoseconds(stats->prompt_ms), "eval_count",
        (json_int_t)stats->output_tokens, "eval_duration", nanoseconds(stats->output_ms));

    if (last)
        (void)json_object_update(last, figures);
    json_decref(figures);
    return last;
}

static bool send_piece(struct ollama_answer *answer, struct http_stream *stream,
                       const orion_answer_piece *piece)
{
    struct said said = nothing;

    if (piece->kind == ORION_PIECE_ANSWER) {
        said.text = piece->text;
        said.text_bytes = piece->text_bytes;
    } else if (piece->kind == ORION_PIECE_THINKING) {
        said.thinking = piece->text;
        said.thinking_bytes = piece->text_bytes;
    } else if (!(said.calls = json_pack("[o]", answer_call(piece)))) {
        return false;
    }
    json_t *object = line_of(answer, &said, false);
    json_decref(said.calls);
    return http_stream_ndjson(stream, object);
}

static bool piece(void *state, struct http_stream *stream, const orion_answer_piece *piece)
{
    struct ollama_answer *answer = state;

    if (!take_logprobs(answer, stream == NULL, piece))
        return false;
    return !stream || piece->text_bytes == 0 || send_piece(answer, stream, piece);
}

static void end(void *state, struct http_stream *stream, const orion_stats *stats)
{
    (void)http_stream_ndjson(stream, last_line(state, &nothing, stats));
}

static void fail(void *state, struct http_stream *stream, const orion_error *err)
{
    (void)state;
    (void)http_stream_ndjson(stream, json_pack("{s:s}", "error", err->message));
}

static json_t *whole(void *state, const struct answer_whole *whole, const orion_stats *stats)
{
    const struct said said = {
        .text = whole->text,
        .text_bytes = whole->text_bytes,
        .thinking = whole->thinking,
        .thinking_bytes = whole->thinking_bytes,
        .calls = whole->calls,
    };
    return last_line(state, &said, stats);
}

const struct answer_shape ollama_answer_shape = {
    .stream_type = "application/x-ndjson",
    .piece = piece,
    .end = end,
    .fail = fail,
    .whole = whole,
    .free = ollama_answer_free,
    .think_field = "think",
};
