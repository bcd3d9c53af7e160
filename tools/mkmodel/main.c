#include "mkmodel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: mkmodel random SHAPE OUT.gguf TYPE [--vocab VOCAB.gguf] [--seed N]\n"
                  "TYPE:  ");
    recipe_list(stderr);
    (void)fputs("\nSHAPE: ", stderr);
    shape_list(stderr);
    (void)fputc('\n', stderr);
    return 2;
}

static int report(orion_status status, const orion_error *err)
{
    if (status == ORION_OK)
        return 0;
    (void)fprintf(stderr, "mkmodel: %s\n", err->message);
    return 1;
}

static bool parse_seed(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static int verb_random(int argc, char **argv)
{
    orion_error err = {.message = ""};
    const char *vocab = NULL;
    struct ori_mix recipe;
    uint64_t seed = 0;

    if (argc < 5 || argc % 2 == 0)
        return usage();
    const struct shape *shape = shape_find(argv[2]);
    if (!shape || !recipe_find(argv[4], &recipe))
        return usage();
    for (int i = 5; i < argc; i += 2) {
        if (strcmp(argv[i], "--vocab") == 0)
            vocab = argv[i + 1];
        else if (strcmp(argv[i], "--seed") != 0 || !parse_seed(argv[i + 1], &seed))
            return usage();
    }
    return report(random_model(shape, argv[3], &recipe, vocab, seed, &err), &err);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "random") == 0)
        return verb_random(argc, argv);
    return usage();
}
