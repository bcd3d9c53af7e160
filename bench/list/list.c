/* What listing costs: heap held by a manager and by a list of its models, and the time of
 * a list, of many.
 *
 *     list MODELS-DIR TIMES
 *
 * One line of JSON on standard output. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "orion.h"

static size_t heap(void)
{
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    enum { MOST = 1000 };
    static double times[MOST];
    const int count = argc == 3 ? atoi(argv[2]) : 0;
    orion_manager_options options;
    orion_manager *manager;
    orion_model_list *list;
    orion_error err;

    if (count < 1 || count > MOST)
        return fprintf(stderr, "usage: list MODELS-DIR TIMES, which is 1 to 1000\n"), 2;
    const size_t before = heap();
    orion_manager_options_init(&options);
    options.models_dir = argv[1];
    options.offline = true;
    if (orion_manager_open(&options, &manager, &err) != ORION_OK ||
        orion_manager_downloaded(manager, &list, &err) != ORION_OK)
        return fprintf(stderr, "list: %s\n", err.message), 1;
    const size_t models = list->count, with_list = heap() - before;
    orion_model_list_free(list);
    const size_t at_rest = heap() - before;
    for (int i = 0; i < count; i++) {
        const double from = now_ms();
        if (orion_manager_downloaded(manager, &list, &err) != ORION_OK)
            return fprintf(stderr, "list: %s\n", err.message), 1;
        times[i] = now_ms() - from;
        orion_model_list_free(list);
    }
    orion_manager_close(manager);
    qsort(times, (size_t)count, sizeof(times[0]), ascending);
    printf("{\"models\": %zu, \"with_list\": %zu, \"at_rest\": %zu, \"median_ms\": %.3f, "
           "\"worst_ms\": %.3f}\n",
           models, with_list, at_rest, times[count / 2], times[count - 1]);
    return 0;
}
