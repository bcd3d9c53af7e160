#include "chat/sections.h"

#include "base/ascii.h"
#include "base/match.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HELD_BYTES (16u << 20)

void ori_sections_init(struct ori_sections *s, const struct ori_reply_form *form,
                       ori_section_fn tell, void *user)
{
    *s = (struct ori_sections){.form = *form, .tell = tell, .user = user};
    s->state = form->channels          ? SECTION_HEADER
               : form->begins_thinking ? SECTION_THINKING
                                       : SECTION_BEGINNING;
    ori_buf_init(&s->held, MAX_HELD_BYTES);
}

void ori_sections_release(struct ori_sections *s)
{
    ori_buf_release(&s->held);
}

/* ---- telling ---- */

static void tell(struct ori_sections *s, orion_piece_kind kind, const char *text, size_t n)
{
    if (n > 0 && s->status == ORION_OK && s->tell(kind, text, n, s->user) != 0)
        s->status = ORION_E_CANCELLED;
}

void ori_sections_tell(struct ori_sections *s, orion_piece_kind kind, size_t n)
{
    if (n == 0)
        return;
    const char after = s->held.data[n];
    s->held.data[n] = '\0';
    tell(s, kind, s->held.data, n);
    s->held.data[n] = after;
    ori_buf_drop(&s->held, n);
    s->thought |= kind == ORION_PIECE_THINKING;
}

void ori_sections_tell_calls(struct ori_sections *s, json_t *calls)
{
    size_t i;
    json_t *call;

    json_array_foreach(calls, i, call)
    {
        char *text = json_dumps(call, JSON_COMPACT);
        if (text)
            tell(s, ORION_PIECE_TOOL_CALL, text, strlen(text));
        else if (s->status == ORION_OK)
            s->status = ORION_E_NOMEM;
        free(text);
    }
    json_decref(calls);
    s->called = true;
}

/* ---- white space ---- */

static size_t space_before(const struct ori_sections *s, size_t end)
{
    size_t n = 0;
    while (n < end && ori_is_space(s->held.data[end - n - 1]))
        n++;
    return n;
}

static size_t space_at_front(const struct ori_sections *s)
{
    size_t n = 0;
    while (n < s->held.len && ori_is_space(s->held.data[n]))
        n++;
    return n;
}

static bool drop_space(struct ori_sections *s)
{
    ori_buf_drop(&s->held, space_at_front(s));
    return s->held.len > 0;
}

/* ---- states ---- */

static bool enter(struct ori_sections *s, enum section_state state)
{
    s->state = state;
    return true;
}

/* Is the mark at held[at]?  *partly: what is there may become it. */
static bool is_mark_at(const struct ori_sections *s, size_t at, const char *mark, bool *partly)
{
    const size_t len = strlen(mark), there = s->held.len - at;

    *partly = there < len && memcmp(s->held.data + at, mark, there) == 0;
    return there >= len && memcmp(s->held.data + at, mark, len) == 0;
}

/* Without thinking or a call, white space in front is the answer's. */
static bool begin(struct ori_sections *s, bool at_end)
{
    const size_t at = space_at_front(s);
    bool partly = false;

    if (at == s->held.len && !at_end)
        return false;
    if (s->form.think_begin && at < s->held.len &&
        is_mark_at(s, at, s->form.think_begin, &partly)) {
        ori_buf_drop(&s->held, at + strlen(s->form.think_begin));
        return enter(s, SECTION_THINKING);
    }
    if (partly && !at_end)
        return false;
    if (s->form.calls && s->form.calls->bare && at < s->held.len && s->held.data[at] == '{')
        return enter(s, SECTION_CALLING);
    return enter(s, SECTION_SAYING);
}

static bool think(struct ori_sections *s, bool at_end)
{
    if (!s->thought && !drop_space(s))
        return false;
    const size_t found = ori_match_find(s->held.data, s->held.len, s->form.think_end);
    if (found < s->held.len) {
        const size_t space = space_before(s, found);
        ori_sections_tell(s, ORION_PIECE_THINKING, found - space);
        ori_buf_drop(&s->held, space + strlen(s->form.think_end));
        return enter(s, SECTION_BETWEEN);
    }
    size_t n = s->held.len;
    if (!at_end)
        n -= ori_match_overlap(s->held.data, n, s->form.think_end);
    ori_sections_tell(s, ORION_PIECE_THINKING, n - space_before(s, n));
    return false;
}

static bool between(struct ori_sections *s)
{
    if (!drop_space(s))
        return false;
    return enter(s, s->called ? SECTION_SAYING : SECTION_BEGINNING);
}

static bool say(struct ori_sections *s, bool at_end)
{
    const struct ori_call_form *calls = s->form.calls;
    size_t n = s->held.len;

    if (calls && calls->begin) {
        const size_t found = ori_match_find(s->held.data, s->held.len, calls->begin);
        if (found < s->held.len) {
            const size_t space = space_before(s, found);
            ori_sections_tell(s, ORION_PIECE_ANSWER, found - space);
            ori_buf_drop(&s->held, space + strlen(calls->begin));
            s->searched = 0;
            return enter(s, SECTION_CALLING);
        }
        if (!at_end) /* white space in front of a call is not told of */
            n -= ori_match_overlap(s->held.data, n, calls->begin);
        if (!at_end)
            n -= space_before(s, n);
    }
    ori_sections_tell(s, ORION_PIECE_ANSWER, n);
    return false;
}

/* What has the form, but can't be read, is text; its marks come back. */
static void give_up(struct ori_sections *s, size_t n, size_t end_len)
{
    const struct ori_call_form *calls = s->form.calls;

    if (!calls->bare || s->held.data[space_at_front(s)] != '{')
        tell(s, ORION_PIECE_ANSWER, calls->begin, strlen(calls->begin));
    ori_sections_tell(s, ORION_PIECE_ANSWER, n + end_len);
}

/* A zero byte is in no call: who reads names and arguments would stop at it. */
static void take_call(struct ori_sections *s, size_t n, size_t end_len)
{
    json_t *calls = json_array();

    if (!calls) {
        s->status = ORION_E_NOMEM;
    } else if (!memchr(s->held.data, '\0', n) && s->form.calls->read(s->held.data, n, calls)) {
        ori_sections_tell_calls(s, calls);
        ori_buf_drop(&s->held, n + end_len);
    } else {
        json_decref(calls);
        give_up(s, n, end_len);
    }
}

static bool call(struct ori_sections *s, bool at_end)
{
    const char *end = s->form.calls->end;
    const size_t end_len = end ? strlen(end) : 0;

    if (end) {
        const size_t found =
            ori_match_find(s->held.data + s->searched, s->held.len - s->searched, end);
        if (s->searched + found < s->held.len) {
            take_call(s, s->searched + found, end_len);
            return enter(s, SECTION_BETWEEN);
        }
        s->searched = s->held.len < end_len ? 0 : s->held.len - end_len;
    }
    if (s->held.len > ORI_MAX_CALL_BYTES) {
        give_up(s, s->held.len, 0);
        return enter(s, SECTION_SAYING);
    }
    if (at_end && s->held.len > 0)
        take_call(s, s->held.len, 0);
    return false;
}

static bool step(struct ori_sections *s, bool at_end)
{
    switch (s->state) {
    case SECTION_BEGINNING:
        return begin(s, at_end);
    case SECTION_THINKING:
        return think(s, at_end);
    case SECTION_BETWEEN:
        return between(s);
    case SECTION_SAYING:
        return say(s, at_end);
    case SECTION_CALLING:
        return call(s, at_end);
    default:
        return ori_channels_step(s, at_end);
    }
}

orion_status ori_sections_add(struct ori_sections *s, const char *text, size_t len)
{
    const orion_status status = ori_buf_add(&s->held, text, len);

    if (status != ORION_OK)
        return status;
    while (s->held.len > 0 && s->status == ORION_OK && step(s, false))
        continue;
    return s->status;
}

orion_status ori_sections_finish(struct ori_sections *s)
{
    while (s->held.len > 0 && s->status == ORION_OK && step(s, true))
        continue;
    return s->status;
}
