/* Runs a fuzz harness without libFuzzer, so that every build and every
 * sanitizer runs it for a moment:
 *
 *   NAME-replay ROUNDS SEED-FILE...
 *
 * Each seed is tried as it is, cut at some places, and changed in ROUNDS ways
 * that are the same in every run.  A harness fails by crashing.  TAP: a case a
 * seed, and one for noise.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX_BYTES ((size_t)16 << 20)
#define NOISE_MAX_BYTES 512
#define CUTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A copy of exactly this size, so that a sanitizer sees the first byte past it. */
static void try_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (!copy)
        exit(2);
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* Numbers that size checks fall over. */
static uint64_t awkward_number(uint64_t *state)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0xffff,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       (uint64_t)1 << 32,
                                       (uint64_t)1 << 62,
                                       INT64_MAX,
                                       UINT64_MAX - 7,
                                       UINT64_MAX};
    return numbers[next_random(state) % (sizeof(numbers) / sizeof(numbers[0]))];
}

/* Change one to four places: a bit, a byte, or a number in the file's order. */
static void spoil(uint8_t *data, size_t size, uint64_t *state)
{
    const uint64_t n_changes = 1 + next_random(state) % 4;

    for (uint64_t i = 0; i < n_changes; i++) {
        const size_t at = (size_t)(next_random(state) % size);
        switch (next_random(state) % 4) {
        case 0:
            data[at] ^= (uint8_t)(1u << (next_random(state) % 8));
            break;
        case 1:
            data[at] = (uint8_t)next_random(state);
            break;
        default: {
            const uint64_t number = awkward_number(state);
            const size_t width = next_random(state) % 2 ? 4 : 8;
            memcpy(data + at, &number, size - at < width ? size - at : width);
        }
        }
    }
}

static void try_seed(const uint8_t *seed, size_t size, unsigned rounds, uint64_t *state)
{
    try_copy(seed, size);
    for (size_t i = 0; i < CUTS && size > 0; i++)
        try_copy(seed, (size_t)(next_random(state) % size));
    for (unsigned i = 0; i < rounds && size > 0; i++) {
        uint8_t *changed = malloc(size);
        if (!changed)
            exit(2);
        memcpy(changed, seed, size);
        spoil(changed, size, state);
        try_copy(changed, size);
        free(changed);
    }
}

static void try_noise(unsigned rounds, uint64_t *state)
{
    uint8_t noise[NOISE_MAX_BYTES];

    try_copy(NULL, 0);
    for (unsigned i = 0; i < rounds; i++) {
        const size_t size = (size_t)(next_random(state) % sizeof(noise));
        for (size_t at = 0; at < size; at++)
            noise[at] = (uint8_t)next_random(state);
        try_copy(noise, size);
    }
}

/* The whole file, or NULL; the caller frees it. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = file ? malloc(SEED_MAX_BYTES) : NULL;

    *size = data ? fread(data, 1, SEED_MAX_BYTES, file) : 0;
    if (file)
        (void)fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    int failed = 0;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s ROUNDS SEED-FILE...\n", argv[0]);
        return 2;
    }
    const unsigned rounds = (unsigned)strtoul(argv[1], NULL, 10);
    printf("1..%d\n", argc - 1);
    try_noise(rounds, &state);
    printf("ok 1 - noise\n");
    for (int i = 2; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        size_t size;
        uint8_t *seed = read_file(argv[i], &size);
        if (seed)
            try_seed(seed, size, rounds, &state);
        failed += !seed;
        printf("%s %d - %s\n", seed ? "ok" : "not ok", i, slash ? slash + 1 : argv[i]);
        (void)fflush(stdout);
        free(seed);
    }
    return failed ? 1 : 0;
}
