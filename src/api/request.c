/* orion_request: what is asked, whoever answers it; and orion_answer(). */
#include "api/handles.h"

#include <string.h>

void orion_chat_options_init(orion_chat_options *options)
{
    *options = (orion_chat_options){.size = sizeof(*options)};
}

void orion_request_init(orion_request *request)
{
    *request = (orion_request){.size = sizeof(*request), .top_logprobs = ORION_NO_LOGPROBS};
}

orion_status ori_api_check_messages(const orion_request *r, const char *call, orion_error *err)
{
    if (r->n_messages > 0 ? !r->messages : !r->prompt)
        return ori_api_null_argument(err, call);
    for (size_t i = 0; i < r->n_messages; i++)
        if (!r->messages[i].role || (!r->messages[i].content && !r->messages[i].tool_calls))
            return ori_api_null_argument(err, call);
    return ORION_OK;
}

orion_status ori_api_take_request(const orion_request *request, const char *call,
                                  orion_request *out, orion_error *err)
{
    orion_request_init(out);
    if (!ori_api_take_options(out, sizeof(*out), request))
        return ori_api_not_set_up(err, "orion_request_init");
    if (out->top_logprobs < ORION_NO_LOGPROBS || out->top_logprobs > ORION_MAX_LOGPROBS)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "top_logprobs is %d, expected 0 to %d, or %d for none", out->top_logprobs,
                        ORION_MAX_LOGPROBS, ORION_NO_LOGPROBS);
    return ori_api_check_messages(out, call, err);
}

static orion_status take_chat(const orion_chat_options *options, orion_chat_options *out,
                              orion_error *err)
{
    orion_chat_options_init(out);
    if (options && !ori_api_take_options(out, sizeof(*out), options))
        return ori_api_not_set_up(err, "orion_chat_options_init");
    if (out->thinking < ORION_THINKING_AS_IS || out->thinking > ORION_THINKING_OFF)
        return ori_fail(err, ORION_E_ARGUMENT, "thinking is %d, which is none of its values",
                        (int)out->thinking);
    return ORION_OK;
}

orion_status ori_api_make_prompt(const struct ori_model *model, const orion_request *r,
                                 struct ori_tokens *tokens, bool *answer_starts,
                                 struct ori_generate *how, orion_error *err)
{
    orion_chat_options options;
    const struct ori_chat_ask ask = {r->messages, r->n_messages, &options};

    *answer_starts = r->n_messages > 0;
    orion_status status = ori_api_take_params(r->params, how, err);
    if (status == ORION_OK)
        status = take_chat(r->chat, &options, err);
    if (status != ORION_OK)
        return status;
    how->on_piece = r->on_piece;
    how->user = r->user;
    if (r->n_messages > 0)
        return ori_chat_tokens(model, &ask, tokens, &how->form, err);
    return ori_text_tokens(model, r->prompt, strlen(r->prompt), r->parse_special, tokens, err);
}

static orion_status answer(struct ori_session *session, const orion_request *r, orion_stats *stats,
                           orion_error *err)
{
    const struct ori_engine *engine = &session->engine;
    struct ori_tokens tokens = {0};
    struct ori_choices choices;
    struct ori_generate how;
    orion_stats unwanted;
    bool answer_starts;

    ori_choices_init(&choices, engine, r->top_logprobs > 0 ? (uint32_t)r->top_logprobs : 0);
    orion_status status = ori_api_make_prompt(engine->model, r, &tokens, &answer_starts, &how, err);
    if (status == ORION_OK) {
        how.choices = r->top_logprobs == ORION_NO_LOGPROBS ? NULL : &choices;
        status = ori_generate_tokens(session, &tokens, answer_starts, &how,
                                     stats ? stats : &unwanted, err);
    }
    ori_choices_release(&choices);
    ori_tokens_release(&tokens);
    return status;
}

/* For `call`, which is named in what is refused. */
static orion_status answer_for(const char *call, orion_session *session,
                               const orion_request *request, orion_stats *stats, orion_error *err)
{
    orion_request r;

    if (stats)
        *stats = (orion_stats){0};
    if (!session || !request)
        return ori_api_null_argument(err, call);
    const orion_status status = ori_api_take_request(request, call, &r, err);
    return status == ORION_OK ? answer(session->session, &r, stats, err) : status;
}

orion_status orion_answer(orion_session *session, const orion_request *request, orion_stats *stats,
                          orion_error *err)
{
    return answer_for(__func__, session, request, stats, err);
}

/* ---- the answer alone ---- */

int ori_api_pass_answer(const orion_answer_piece *piece, void *user)
{
    const struct ori_api_listener *listener = user;

    if (piece->kind != ORION_PIECE_ANSWER || piece->text_bytes == 0)
        return 0;
    return listener->on_text(piece->text, piece->text_bytes, listener->user);
}

static orion_status answer_text(const char *call, orion_session *session, orion_request *request,
                                orion_text_fn on_text, void *user, orion_stats *stats,
                                orion_error *err)
{
    struct ori_api_listener listener = {on_text, user};

    request->on_piece = on_text ? ori_api_pass_answer : NULL;
    request->user = &listener;
    const orion_status status = answer_for(call, session, request, stats, err);
    request->user = NULL;
    return status;
}

orion_status orion_generate(orion_session *session, const orion_message *messages,
                            size_t n_messages, const orion_generate_params *params,
                            orion_text_fn on_text, void *user, orion_stats *stats, orion_error *err)
{
    orion_request request;

    orion_request_init(&request);
    request.messages = messages;
    request.n_messages = n_messages;
    request.params = params;
    return answer_text(__func__, session, &request, on_text, user, stats, err);
}

orion_status orion_generate_text(orion_session *session, const char *prompt, bool parse_special,
                                 const orion_generate_params *params, orion_text_fn on_text,
                                 void *user, orion_stats *stats, orion_error *err)
{
    orion_request request;

    orion_request_init(&request);
    request.prompt = prompt;
    request.parse_special = parse_special;
    request.params = params;
    return answer_text(__func__, session, &request, on_text, user, stats, err);
}
