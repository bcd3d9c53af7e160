/* A hub's answers on any bytes, all the way through choosing a file, asking
 * for its facts and searching: heads, redirects, lists, refusals.
 *
 * The input is answers, one after the other, each ended by a line "%%": a
 * head, an empty line, a body.  They come in the order of the questions; the
 * engine is put out of the way by the linker (--wrap), so no socket is opened.
 *
 * What comes out is safe as a name and complete, or there is nothing but a
 * sentence; no question goes out without encryption once it began with it,
 * and there is an end to questions.  Seeds: such answers. */
#include <stdio.h>
#include <strings.h>

#include "base/dir.h"
#include "hub/ask.h"
#include "hub/retry.h"
#include "hub/search.h"
#include "fuzz.h"

#define MAX_QUESTIONS 800 /* pages, each with redirects */
#define LIMIT 5u

static struct {
    char *rest; /* answers that were not given yet */
    unsigned questions;
} script;

orion_status __wrap_ori_engine_new(const struct ori_hub *hub, struct ori_engine **out,
                                   orion_error *err);
void __wrap_ori_engine_free(struct ori_engine *engine);
orion_status __wrap_ori_engine_run(struct ori_engine *engine, struct ori_transfer *transfer,
                                   const struct ori_watch *watch, orion_phase phase,
                                   const uint64_t *done_bytes, orion_error *err);
orion_status __wrap_ori_retry_wait(struct ori_retry *retry, const struct ori_reply *reply,
                                   const orion_error *why, const struct ori_watch *watch,
                                   uint64_t done_bytes, orion_error *err);

orion_status __wrap_ori_engine_new(const struct ori_hub *hub, struct ori_engine **out,
                                   orion_error *err)
{
    (void)hub;
    (void)err;
    *out = NULL;
    return ORION_OK;
}

void __wrap_ori_engine_free(struct ori_engine *engine)
{
    require(engine == NULL);
}

/* Up to the line "%%". */
static char *next_answer(void)
{
    char *answer = script.rest;
    char *end = answer ? strstr(answer, "\n%%\n") : NULL;
    if (end) {
        *end = '\0';
        end += strlen("\n%%\n");
    }
    script.rest = end;
    return answer;
}

orion_status __wrap_ori_engine_run(struct ori_engine *engine, struct ori_transfer *t,
                                   const struct ori_watch *watch, orion_phase phase,
                                   const uint64_t *done_bytes, orion_error *err)
{
    (void)engine;
    (void)watch;
    (void)phase;
    (void)done_bytes;
    (void)err;
    require(++script.questions <= MAX_QUESTIONS);
    require(strncasecmp(t->url, "https://", 8) == 0 && strlen(t->url) <= ORI_URL_MAX);
    t->done = true;
    char *body = next_answer();
    if (!body) { /* no one is there any more */
        t->status = ori_fail(&t->error, ORION_E_NETWORK, "the script has ended");
        return ORION_OK;
    }
    for (char *line; (line = next_part(&body, '\n')) && *line;)
        ori_reply_line(&t->reply, line, strlen(line));
    if (body && *body && !t->head)
        t->status = t->on_body(t, body, strlen(body), &t->error);
    return ORION_OK;
}

orion_status __wrap_ori_retry_wait(struct ori_retry *retry, const struct ori_reply *reply,
                                   const orion_error *why, const struct ori_watch *watch,
                                   uint64_t done_bytes, orion_error *err)
{
    (void)reply;
    (void)watch;
    (void)done_bytes;
    if (++retry->attempts < retry->max_attempts)
        return ORION_OK;
    if (err)
        *err = *why;
    return why->status;
}

static void begin(const char *answers, struct ori_hub **hub)
{
    const struct ori_hub_config config = {.endpoint = "https://hub.example"};

    script.rest = text_of(answers, strlen(answers));
    script.questions = 0;
    require(ori_hub_open(&config, hub, NULL) == ORION_OK);
}

static void require_refused(orion_status status, const orion_error *err)
{
    require(status < 0 && err->status == status && err->message[0]);
}

static void try_choice(const char *answers, const char *reference)
{
    orion_error err = {.status = ORION_OK};
    struct ori_hub_file file;
    struct ori_hub *hub;
    struct ori_ref ref;
    char place[800];

    begin(answers, &hub);
    char *all = script.rest;
    require(ori_ref_parse(reference, &ref, NULL) == ORION_OK);
    orion_status status = ori_hub_choose(hub, &ref, NULL, &err);
    if (status == ORION_OK) {
        require(ori_name_path_ok(ref.file) && ori_name_is_gguf(ref.file));
        require(strlen(ref.rev) == 40);
        (void)snprintf(place, sizeof(place), "%s/%s", ref.repo, ref.file);
        require(ori_dir_path_ok(place));
        status = ori_hub_resolve(hub, ref.repo, ref.file, ref.rev, NULL, &file, &err);
        if (status == ORION_OK) {
            require(file.size_bytes > 0 && file.size_bytes <= INT64_MAX && file.url);
            require(strncmp(file.url, "https://", 8) == 0);
            require(strcmp(file.repo, ref.repo) == 0 && strcmp(file.path, ref.file) == 0);
        } else {
            require(!file.url && file.size_bytes == 0);
        }
        ori_hub_file_release(&file);
    }
    if (status != ORION_OK)
        require_refused(status, &err);
    ori_hub_close(hub);
    free(all);
}

static void try_search(const char *answers)
{
    orion_error err = {.status = ORION_OK};
    struct ori_hub_hit *hits;
    struct ori_hub *hub;
    struct ori_ref ref;
    size_t n;

    begin(answers, &hub);
    char *all = script.rest;
    const orion_status status = ori_hub_search(hub, "tiny & small", LIMIT, NULL, &hits, &n, &err);
    if (status != ORION_OK) {
        require(!hits && n == 0);
        require_refused(status, &err);
    }
    require(n <= LIMIT);
    for (size_t i = 0; i < n; i++) {
        require(ori_ref_parse(hits[i].repo, &ref, NULL) == ORION_OK && !*ref.file && !*ref.quant);
        require(strnlen(hits[i].updated, sizeof(hits[i].updated)) < sizeof(hits[i].updated));
    }
    free(hits);
    ori_hub_close(hub);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *answers = text_of(data, size);

    try_choice(answers, "acme/tiny");
    try_choice(answers, "acme/tiny:Q8_0");
    try_search(answers);
    free(answers);
    return 0;
}
