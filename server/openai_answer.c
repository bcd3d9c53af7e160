/* An answer in OpenAI's shapes: chunks of a stream, or a whole reply. */
#include "openai.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "logprobs.h"

struct openai_answer {
    bool chat, include_usage, begun;
    int32_t top_logprobs;
    char id[48];
    char *model;      /* its id */
    char *echo;       /* a prompt to say before the answer, or NULL */
    int64_t created;  /* Unix time */
    json_t *logprobs; /* of the whole reply so far; NULL: none wanted, or a stream */
    size_t n_logprobs;
    size_t n_chars; /* of the tokens told of so far */
    size_t n_calls; /* of tools, told of so far */
};

static void answer_free(void *state)
{
    struct openai_answer *a = state;
    json_decref(a->logprobs);
    free(a->model);
    free(a->echo);
    free(a);
}

/* "chatcmpl-" and 24 random digits. */
static void make_id(struct openai_answer *a)
{
    uint64_t n[2] = {0};
    (void)!getrandom(n, sizeof(n), 0); /* an id need not be a secret */
    (void)snprintf(a->id, sizeof(a->id), "%s-%012llx%012llx", a->chat ? "chatcmpl" : "cmpl",
                   (unsigned long long)(n[0] >> 16), (unsigned long long)(n[1] >> 16));
}

struct openai_answer *openai_answer_new(const struct openai_fields *fields, const char *model_id)
{
    struct openai_answer *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->chat = fields->messages != NULL;
    a->include_usage = fields->include_usage;
    a->top_logprobs = fields->top_logprobs;
    a->created = (int64_t)time(NULL);
    make_id(a);
    a->model = strdup(model_id);
    if (fields->echo)
        a->echo = strdup(fields->prompt);
    const bool keeps = fields->top_logprobs != ORION_NO_LOGPROBS && !fields->stream;
    if (keeps)
        a->logprobs = openai_logprobs_new(a->chat);
    if (a->model && (a->echo || !fields->echo) && (a->logprobs || !keeps))
        return a;
    answer_free(a);
    return NULL;
}

/* ---- parts of a reply; NULL where memory is short, which json_pack() passes on ---- */

static const char *finish_reason(orion_finish finish, size_t n_calls)
{
    if (finish == ORION_FINISH_END && n_calls > 0)
        return "tool_calls";
    return finish == ORION_FINISH_END || finish == ORION_FINISH_STOP ? "stop" : "length";
}

static json_t *usage_of(const orion_stats *s)
{
    return json_pack("{s:I, s:I, s:I, s:{s:I}}", "prompt_tokens", (json_int_t)s->prompt_tokens,
                     "completion_tokens", (json_int_t)s->output_tokens, "total_tokens",
                     (json_int_t)s->prompt_tokens + s->output_tokens, "prompt_tokens_details",
                     "cached_tokens", (json_int_t)s->cached_tokens);
}

static double per_second(uint32_t n, double ms)
{
    return ms > 0 ? n * 1000.0 / ms : 0;
}

/* Under the names that llama-server gives them. */
static json_t *timings_of(const orion_stats *s)
{
    const uint32_t computed = s->prompt_tokens - s->cached_tokens;

    return json_pack("{s:I, s:I, s:f, s:f, s:I, s:f, s:f}", "cache_n", (json_int_t)s->cached_tokens,
                     "prompt_n", (json_int_t)computed, "prompt_ms", s->prompt_ms,
                     "prompt_per_second", per_second(computed, s->prompt_ms), "predicted_n",
                     (json_int_t)s->output_tokens, "predicted_ms", s->output_ms,
                     "predicted_per_second", per_second(s->output_tokens, s->output_ms));
}

/* What all replies have; `choice` is taken over, NULL: none. */
static json_t *envelope(const struct openai_answer *a, const char *object, json_t *choices)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s+, s:o}", "id", a->id, "object", object, "created",
                     (json_int_t)a->created, "model", a->model, "system_fingerprint", "orion-",
                     orion_version(), "choices", choices);
}

/* One choice, which says `said` ("delta", "message" or "text"); all are taken over.
 * logprobs and finish may be NULL. */
static json_t *choice(const char *said, json_t *value, json_t *logprobs, const char *finish)
{
    return json_pack("[{s:i, s:o, s:o?, s:s?}]", "index", 0, said, value, "logprobs", logprobs,
                     "finish_reason", finish);
}

/* ---- a stream ---- */

static const char *chunk_object(const struct openai_answer *a)
{
    return a->chat ? "chat.completion.chunk" : "text_completion";
}

static bool send(const struct openai_answer *a, struct http_stream *stream, json_t *chunk)
{
    if (a->include_usage && !json_object_get(chunk, "usage"))
        (void)json_object_set_new(chunk, "usage", json_null());
    return chunk && http_stream_sse(stream, NULL, chunk);
}

/* Values are taken over. */
static bool send_value(struct openai_answer *a, struct http_stream *stream, json_t *value,
                       json_t *logprobs)
{
    return send(
        a, stream,
        envelope(a, chunk_object(a), choice(a->chat ? "delta" : "text", value, logprobs, NULL)));
}

/* A call as OpenAI has it: its arguments are the text of an object.  NULL: memory is short. */
static json_t *written_call(json_t *call)
{
    json_t *function = json_object_get(call, "function");
    char *arguments = json_dumps(json_object_get(function, "arguments"), JSON_COMPACT);

    (void)json_object_set_new(function, "arguments", json_string(arguments ? arguments : "{}"));
    free(arguments);
    return call;
}

/* A piece of a chat, under the name of its kind. */
static json_t *delta_of(struct openai_answer *a, const orion_answer_piece *piece)
{
    if (piece->kind == ORION_PIECE_TOOL_CALL) {
        json_t *call = written_call(answer_call(piece));
        (void)json_object_set_new(call, "index", json_integer((json_int_t)a->n_calls++));
        return json_pack("{s:[o]}", "tool_calls", call);
    }
    return json_pack("{s:s%}",
                     piece->kind == ORION_PIECE_THINKING ? "reasoning_content" : "content",
                     piece->text, piece->text_bytes);
}

/* What comes before the first token: who speaks, or the prompt again. */
static bool begin(struct openai_answer *a, struct http_stream *stream)
{
    if (a->begun)
        return true;
    a->begun = true;
    if (a->chat) {
        json_t *delta = json_pack("{s:s, s:s, s:n}", "role", "assistant", "content", "", "refusal");
        return send(a, stream, envelope(a, chunk_object(a), choice("delta", delta, NULL, NULL)));
    }
    return !a->echo || send_value(a, stream, json_string(a->echo), NULL);
}

static bool stream_piece(struct openai_answer *a, struct http_stream *stream,
                         const orion_answer_piece *piece)
{
    json_t *logprobs = NULL;

    if (!begin(a, stream))
        return false;
    if (piece->text_bytes == 0 && piece->n_choices == 0)
        return true;
    if (a->top_logprobs != ORION_NO_LOGPROBS) {
        logprobs = openai_logprobs_new(a->chat);
        if (!openai_logprobs_add(logprobs, a->chat, piece, &a->n_chars)) {
            json_decref(logprobs);
            return false;
        }
    }
    return send_value(a, stream,
                      a->chat ? delta_of(a, piece) : json_stringn(piece->text, piece->text_bytes),
                      logprobs);
}

static bool keep_logprobs(struct openai_answer *a, const orion_answer_piece *piece)
{
    a->n_logprobs += piece->n_choices * (1 + (size_t)a->top_logprobs);
    return a->n_logprobs <= LOGPROBS_MAX &&
           openai_logprobs_add(a->logprobs, a->chat, piece, &a->n_chars);
}

static bool piece(void *state, struct http_stream *stream, const orion_answer_piece *piece)
{
    struct openai_answer *a = state;

    if (stream)
        return stream_piece(a, stream, piece);
    return !a->logprobs || keep_logprobs(a, piece);
}

static void end(void *state, struct http_stream *stream, const orion_stats *stats)
{
    static const char done[] = "data: [DONE]\n\n";
    struct openai_answer *a = state;
    const char *said = a->chat ? "delta" : "text";
    json_t *nothing = a->chat ? json_object() : json_string("");
    json_t *last = envelope(a, chunk_object(a),
                            choice(said, nothing, NULL, finish_reason(stats->finish, a->n_calls)));

    (void)json_object_set_new(last, "timings", timings_of(stats));
    bool ok = begin(a, stream) && send(a, stream, last);
    if (ok && a->include_usage) {
        json_t *usage = envelope(a, chunk_object(a), json_array());
        (void)json_object_set_new(usage, "usage", usage_of(stats));
        ok = send(a, stream, usage);
    }
    if (ok)
        (void)http_stream_write(stream, done, sizeof(done) - 1);
}

static void fail(void *state, struct http_stream *stream, const orion_error *err)
{
    (void)state;
    (void)http_stream_sse(stream, NULL,
                          openai_error(http_code(err->status), err->status, err->message, NULL));
}

/* ---- a whole reply ---- */

static json_t *whole_text(const struct openai_answer *a, const struct answer_whole *whole)
{
    return a->echo ? json_pack("s+%", a->echo, whole->text, whole->text_bytes)
                   : json_stringn(whole->text, whole->text_bytes);
}

static json_t *whole_message(json_t *text, const struct answer_whole *whole)
{
    const bool only_calls = whole->calls && whole->text_bytes == 0;
    json_t *message = json_pack("{s:s, s:o, s:n}", "role", "assistant", "content", text, "refusal");
    size_t i;
    json_t *call;

    if (only_calls)
        (void)json_object_set_new(message, "content", json_null());
    if (whole->thinking_bytes > 0)
        (void)json_object_set_new(message, "reasoning_content",
                                  json_stringn(whole->thinking, whole->thinking_bytes));
    json_array_foreach(whole->calls, i, call)(void) written_call(call);
    if (whole->calls)
        (void)json_object_set(message, "tool_calls", whole->calls);
    return message;
}

static json_t *whole(void *state, const struct answer_whole *whole, const orion_stats *stats)
{
    struct openai_answer *a = state;
    json_t *value = whole_text(a, whole);

    if (a->chat)
        value = whole_message(value, whole);
    json_t *reply = envelope(a, a->chat ? "chat.completion" : "text_completion",
                             choice(a->chat ? "message" : "text", value,
                                    a->logprobs ? json_incref(a->logprobs) : NULL,
                                    finish_reason(stats->finish, json_array_size(whole->calls))));
    (void)json_object_set_new(reply, "usage", usage_of(stats));
    (void)json_object_set_new(reply, "timings", timings_of(stats));
    return reply;
}

const struct answer_shape openai_answer_shape = {
    .stream_type = "text/event-stream",
    .piece = piece,
    .end = end,
    .fail = fail,
    .whole = whole,
    .free = answer_free,
    .think_field = "reasoning_effort",
};
