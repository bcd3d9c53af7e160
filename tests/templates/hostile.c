/* What hostile templates cost until they are stopped: a line for each, with the
 * milliseconds of this process's own time, the best of five.
 *
 *   hostile [WORDS]    only those with WORDS in their label, once (for callgrind)
 *
 * Fails when one takes more than 50 ms: 100 are promised on a slower machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/hostile_templates.h"
#include "chat/jinja/jinja.h"

#define LIMIT_MS 50.0

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double run(struct ori_str source, orion_status *status)
{
    const struct ori_jinja_input input = {0};
    struct ori_chat_prompt prompt = {0};
    struct ori_jinja *jinja = NULL;

    const double start = now_ms();
    *status = ori_jinja_parse(source, &jinja, NULL);
    if (*status == ORION_OK)
        *status = ori_jinja_render(jinja, &input, &prompt, NULL);
    ori_chat_prompt_release(&prompt);
    ori_jinja_free(jinja);
    return now_ms() - start;
}

/* The best of so many runs; negative: memory is short. */
static double measure(const struct hostile *hostile, int times)
{
    char *text = hostile_source(hostile);
    double best = -1;

    for (int i = 0; text && i < times; i++) {
        orion_status status;
        const double ms = run((struct ori_str){text, strlen(text)}, &status);
        if (best < 0 || ms < best)
            best = ms;
    }
    free(text);
    return best;
}

int main(int argc, char **argv)
{
    double worst = 0;

    for (size_t i = 0; i < ORI_COUNT(hostile_templates); i++) {
        const struct hostile *hostile = &hostile_templates[i];
        if (argc > 1 && !strstr(hostile->label, argv[1]))
            continue;
        const double ms = measure(hostile, argc > 1 ? 1 : 5);
        (void)printf("%7.2f ms  %s\n", ms, hostile->label);
        if (ms > worst)
            worst = ms;
    }
    (void)printf("hostile templates: %.1f ms at most\n", worst);
    return worst > LIMIT_MS;
}
