#include "manager/progress.h"

#include "base/clock.h"

#define TELL_EVERY_NS 100000000u

void ori_progress_init(struct ori_progress *p, const orion_pull_options *options, const char *file)
{
    *p = (struct ori_progress){
        .facts = {.file = file, .note = "", .seconds_left = -1, .sha256 = ""}};
    if (options) {
        p->fn = options->on_progress;
        p->user = options->user;
    }
}

static void forget_speed(struct ori_progress *p)
{
    p->n = p->first = 0;
    p->facts.bytes_per_second = 0;
    p->facts.seconds_left = -1;
}

static void add_sample(struct ori_progress *p, uint64_t now_ns)
{
    if (p->n == ORI_PROGRESS_SAMPLES) {
        p->first = (p->first + 1) % ORI_PROGRESS_SAMPLES;
        p->n--;
    }
    const size_t last = (p->first + p->n++) % ORI_PROGRESS_SAMPLES;
    p->samples[last].ns = now_ns;
    p->samples[last].bytes = p->facts.done_bytes;

    const uint64_t ns = now_ns - p->samples[p->first].ns;
    const uint64_t bytes = p->facts.done_bytes - p->samples[p->first].bytes;
    if (ns == 0)
        return;
    p->facts.bytes_per_second = (double)bytes * 1e9 / (double)ns;
    p->facts.seconds_left =
        bytes && p->facts.total_bytes
            ? (double)(p->facts.total_bytes - p->facts.done_bytes) / p->facts.bytes_per_second
            : -1;
}

static int tell(struct ori_progress *p, uint64_t now_ns)
{
    p->told = true;
    p->told_ns = now_ns;
    return p->fn ? p->fn(&p->facts, p->user) : 0;
}

int ori_progress_tick_at(struct ori_progress *p, orion_phase phase, uint64_t done_bytes,
                         const char *note, uint64_t now_ns)
{
    const bool changed = !p->told || phase != p->facts.phase;
    if (!changed && now_ns - p->told_ns < TELL_EVERY_NS)
        return 0;
    if (changed && phase == ORION_PHASE_DOWNLOAD && p->facts.phase != ORION_PHASE_WAIT)
        forget_speed(p); /* what was hashed before did not arrive */
    p->facts.phase = phase;
    p->facts.note = note;
    if (!p->hold && done_bytes > p->facts.done_bytes)
        p->facts.done_bytes = done_bytes;
    if (p->facts.total_bytes && p->facts.done_bytes > p->facts.total_bytes)
        p->facts.done_bytes = p->facts.total_bytes;
    p->facts.percent = p->facts.total_bytes
                           ? 100.0 * (double)p->facts.done_bytes / (double)p->facts.total_bytes
                           : 0;
    add_sample(p, now_ns);
    const int stop = tell(p, now_ns);
    p->facts.note = ""; /* the caller's, valid during the call */
    return stop;
}

static int tick(void *self, orion_phase phase, uint64_t done_bytes, const char *note)
{
    return ori_progress_tick_at(self, phase, done_bytes, note, ori_now_ns());
}

struct ori_watch ori_progress_watch(struct ori_progress *p)
{
    return (struct ori_watch){.tick = tick, .self = p};
}

void ori_progress_done(struct ori_progress *p)
{
    p->facts.phase = ORION_PHASE_DONE;
    p->facts.done_bytes = p->facts.total_bytes;
    p->facts.percent = 100;
    p->facts.seconds_left = 0;
    (void)tell(p, ori_now_ns()); /* too late to cancel */
}
