#include "hub/pace.h"

#define LOOK_NS 1000000000u
#define FRESH 0.5      /* weight of the newest second */
#define FORGETTING 0.1 /* of the difference, each second */
#define LEAST 1024.0   /* bytes a second that are usual anywhere */

void ori_pace_init(struct ori_pace *pace, uint64_t now_ns)
{
    *pace = (struct ori_pace){.looked_ns = now_ns};
}

bool ori_pace_look(struct ori_pace *pace, uint64_t now_ns, uint64_t bytes)
{
    const uint64_t ns = now_ns - pace->looked_ns;

    if (ns < LOOK_NS)
        return false;
    const double rate = (double)(bytes - pace->looked_bytes) * 1e9 / (double)ns;
    pace->rate = pace->known ? FRESH * rate + (1 - FRESH) * pace->rate : rate;
    pace->known = true;
    pace->looked_ns = now_ns;
    pace->looked_bytes = bytes;
    return true;
}

void ori_pace_skip(struct ori_pace *pace, uint64_t now_ns, uint64_t bytes)
{
    pace->looked_ns = now_ns;
    pace->looked_bytes = bytes;
    pace->slow_since_ns = 0;
}

uint64_t ori_pace_slow_ns(struct ori_pace *pace, uint64_t now_ns, double least)
{
    if (!pace->known || pace->rate >= least)
        pace->slow_since_ns = 0;
    else if (pace->slow_since_ns == 0)
        pace->slow_since_ns = now_ns;
    return pace->slow_since_ns ? now_ns - pace->slow_since_ns : 0;
}

/* ---- the usual ---- */

void ori_usual_init(struct ori_usual *usual, double assumed)
{
    *usual = (struct ori_usual){.rate = assumed};
}

void ori_usual_learn(struct ori_usual *usual, double mean)
{
    usual->mean = mean > LEAST ? mean : LEAST;
    usual->known = true;
    if (usual->mean > usual->rate)
        usual->rate = usual->mean;
    else
        usual->rate += FORGETTING * (usual->mean - usual->rate);
}

void ori_usual_lower(struct ori_usual *usual)
{
    usual->rate /= 4;
    if (usual->rate < usual->mean)
        usual->rate = usual->mean;
}

/* ---- the bucket: a quarter of a second deep, emptied in draughts of a tenth ---- */

static double depth(const struct ori_bucket *bucket)
{
    return (double)bucket->bytes_per_second / 4;
}

void ori_bucket_set(struct ori_bucket *bucket, uint64_t bytes_per_second, uint64_t now_ns)
{
    if (bucket->bytes_per_second == bytes_per_second)
        return;
    *bucket =
        (struct ori_bucket){.bytes_per_second = bytes_per_second, .filled_ns = now_ns, .level = 0};
}

bool ori_bucket_may(const struct ori_bucket *bucket)
{
    return bucket->bytes_per_second == 0 || bucket->level > 0;
}

void ori_bucket_take(struct ori_bucket *bucket, uint64_t bytes)
{
    if (bucket->bytes_per_second > 0)
        bucket->level -= (double)bytes;
}

uint64_t ori_bucket_wait_ms(struct ori_bucket *bucket, uint64_t now_ns)
{
    if (bucket->bytes_per_second == 0)
        return 0;
    const double rate = (double)bucket->bytes_per_second;
    bucket->level += (double)(now_ns - bucket->filled_ns) / 1e9 * rate;
    bucket->filled_ns = now_ns;
    if (bucket->level > depth(bucket))
        bucket->level = depth(bucket);
    const double enough = rate / 10;
    return bucket->level >= enough ? 0 : (uint64_t)((enough - bucket->level) / rate * 1e3) + 1;
}
