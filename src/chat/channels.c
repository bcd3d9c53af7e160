/* Messages in channels, as gpt-oss writes them:
 *
 *   <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...
 *   <|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{...}
 */
#include "chat/sections.h"

#include "base/match.h"

#include <string.h>

#define MAX_HEADER_BYTES 512
#define RECIPIENT "to=functions."

/* What ends a message. */
static const char *const ends[] = {ORI_MARK_END, ORI_MARK_START, ORI_MARK_CHANNEL};

static bool enter(struct ori_sections *s, enum section_state state)
{
    s->state = state;
    return true;
}

/* Bytes up to white space or the next mark. */
static size_t word_len(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] != ' ' && text[n] != '<' && text[n] != '\n')
        n++;
    return n;
}

/* Behind `mark` in the header held[n]: a word; its length in *len, 0: none. */
static const char *word_behind(const struct ori_sections *s, size_t n, const char *mark,
                               size_t *len)
{
    const size_t at = ori_match_find(s->held.data, n, mark);
    const size_t begin = at < n ? at + strlen(mark) : n;

    *len = word_len(s->held.data + begin, n - begin);
    return s->held.data + begin;
}

static void read_header(struct ori_sections *s, size_t n)
{
    size_t name_len, channel_len;
    const char *name = word_behind(s, n, RECIPIENT, &name_len);
    const char *channel = word_behind(s, n, ORI_MARK_CHANNEL, &channel_len);

    s->name[0] = '\0';
    s->kind = channel_len == 8 && memcmp(channel, "analysis", 8) == 0 ? ORION_PIECE_THINKING
                                                                      : ORION_PIECE_ANSWER;
    if (!s->form.calls || name_len == 0 || name_len >= sizeof(s->name))
        return;
    memcpy(s->name, name, name_len);
    s->name[name_len] = '\0';
    s->kind = ORION_PIECE_TOOL_CALL;
}

static bool header(struct ori_sections *s, bool at_end)
{
    /* No more is looked at, so that it does not matter in which pieces it came. */
    const size_t limit = MAX_HEADER_BYTES + strlen(ORI_MARK_MESSAGE);
    const size_t there = s->held.len < limit ? s->held.len : limit;
    const size_t n = ori_match_find(s->held.data, there, ORI_MARK_MESSAGE);

    if (n < there) {
        read_header(s, n);
        ori_buf_drop(&s->held, n + strlen(ORI_MARK_MESSAGE));
        return enter(s, SECTION_MESSAGE);
    }
    if (!at_end && there < limit)
        return false;
    /* A model that does not keep to the form: its words are the answer. */
    s->kind = ORION_PIECE_ANSWER;
    s->name[0] = '\0';
    if (ori_match_find(s->held.data, there, "<|") == there)
        return enter(s, SECTION_MESSAGE);
    ori_buf_drop(&s->held, there);
    return true;
}

/* Where the first of the marks is in what is held; held.len: nowhere. */
static size_t find_end(const struct ori_sections *s, const char **mark)
{
    size_t first = s->held.len;

    for (size_t i = 0; i < ORI_COUNT(ends); i++) {
        const size_t at = ori_match_find(s->held.data, s->held.len, ends[i]);
        if (at < first) {
            first = at;
            *mark = ends[i];
        }
    }
    return first;
}

static size_t end_overlap(const struct ori_sections *s)
{
    size_t most = 0;

    for (size_t i = 0; i < ORI_COUNT(ends); i++) {
        const size_t n = ori_match_overlap(s->held.data, s->held.len, ends[i]);
        most = n > most ? n : most;
    }
    return most;
}

/* Arguments that are no object are shown. */
static void take_message(struct ori_sections *s, size_t n)
{
    json_t *calls = s->kind == ORION_PIECE_TOOL_CALL ? json_array() : NULL;

    if (calls && ori_calls_named(s->name, s->held.data, n, calls)) {
        ori_sections_tell_calls(s, calls);
        ori_buf_drop(&s->held, n);
        return;
    }
    json_decref(calls);
    ori_sections_tell(s, s->kind == ORION_PIECE_TOOL_CALL ? ORION_PIECE_ANSWER : s->kind, n);
}

/* Behind a message: another one begins at `mark`, or is waited for. */
static bool leave(struct ori_sections *s, const char *mark)
{
    if (mark != ends[2]) /* which is part of the next header */
        ori_buf_drop(&s->held, strlen(mark));
    return enter(s, mark == ends[0] ? SECTION_PAUSE : SECTION_HEADER);
}

static bool message(struct ori_sections *s, bool at_end)
{
    const char *mark = NULL;
    const size_t found = find_end(s, &mark);

    if (mark) {
        take_message(s, found);
        return leave(s, mark);
    }
    if (s->kind == ORION_PIECE_TOOL_CALL) {
        if (at_end || s->held.len > ORI_MAX_CALL_BYTES)
            take_message(s, s->held.len);
    } else {
        ori_sections_tell(s, s->kind, at_end ? s->held.len : s->held.len - end_overlap(s));
    }
    return false;
}

static bool wait_for_next(struct ori_sections *s)
{
    const char *mark = NULL;
    const size_t found = find_end(s, &mark);

    if (mark) {
        ori_buf_drop(&s->held, found);
        return leave(s, mark);
    }
    ori_buf_drop(&s->held, s->held.len - end_overlap(s));
    return false;
}

bool ori_channels_step(struct ori_sections *s, bool at_end)
{
    if (s->state == SECTION_HEADER)
        return header(s, at_end);
    return s->state == SECTION_MESSAGE ? message(s, at_end) : wait_for_next(s);
}
