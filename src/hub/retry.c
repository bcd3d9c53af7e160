#include "hub/retry.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

#define BASE_MS 500u
#define CAP_MS 30000u
#define STEP_MS 100u

void ori_retry_init(struct ori_retry *retry, unsigned max_attempts, uint64_t patience_ms)
{
    *retry = (struct ori_retry){
        .max_attempts = max_attempts, .patience_ms = patience_ms, .since_ns = ori_now_ns()};
}

void ori_retry_progress(struct ori_retry *retry)
{
    retry->attempts = 0;
    retry->since_ns = ori_now_ns();
}

uint64_t ori_retry_delay_ms(unsigned attempt, uint64_t random)
{
    uint64_t limit = BASE_MS;
    for (unsigned i = 1; i < attempt && limit < CAP_MS; i++)
        limit *= 2;
    if (limit > CAP_MS)
        limit = CAP_MS;
    return random % (limit + 1);
}

/* The clock's low digits, stirred. */
uint64_t ori_retry_random(void)
{
    uint64_t x = ori_now_ns() * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9u >> 16;
}

static void sleep_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL); /* woken early by a signal: the caller counts time itself */
}

static orion_status give_up(const orion_error *why, orion_error *err)
{
    if (err)
        *err = *why;
    return why->status;
}

orion_status ori_retry_wait(struct ori_retry *retry, const struct ori_reply *reply,
                            const orion_error *why, const struct ori_watch *watch,
                            uint64_t done_bytes, orion_error *err)
{
    char note[sizeof(why->message) + 64];

    retry->attempts++;
    const uint64_t delay_ms = reply && reply->has_retry_after
                                  ? reply->retry_after_ms
                                  : ori_retry_delay_ms(retry->attempts, ori_retry_random());
    const uint64_t begin = ori_now_ns();
    const uint64_t idle_ms = (begin - retry->since_ns) / 1000000u;
    if (retry->attempts > retry->max_attempts || idle_ms + delay_ms > retry->patience_ms)
        return give_up(why, err);

    for (;;) {
        const uint64_t waited_ms = (ori_now_ns() - begin) / 1000000u;
        const uint64_t left_ms = waited_ms < delay_ms ? delay_ms - waited_ms : 0;
        (void)snprintf(note, sizeof(note), "%s; trying again in %u s", why->message,
                       (unsigned)((left_ms + 999) / 1000));
        const orion_status status = ori_watch_tick(watch, ORION_PHASE_WAIT, done_bytes, note, err);
        if (status != ORION_OK || left_ms == 0)
            return status;
        sleep_ms(left_ms < STEP_MS ? left_ms : STEP_MS);
    }
}
