/* kernel-checker [--digest | --bench [NAME]]
 *
 * Without options: TAP, one line a kernel and tier.  --digest: a number over
 * the scalar results, the same for every compiler.  --bench: speeds of the
 * tier that ORION_CPU chooses, of kernels whose name contains NAME. */
#include "checker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include "kernels/x86/x86.h"
#endif

static size_t n_reported, n_failed;

bool same_bytes(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n) == 0;
}

bool same_floats(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!same_bytes(a + i, b + i, sizeof(*a)) && !(a[i] != a[i] && b[i] != b[i]))
            return false;
    return true;
}

void report(bool good, const char *tier, const char *what, const char *detail)
{
    n_reported++;
    n_failed += !good;
    printf("%s %zu - %s %s\n", good ? "ok" : "not ok", n_reported, tier, what);
    if (!good && *detail)
        printf("# differs at %s\n", detail);
    fflush(stdout);
}

#if defined(__x86_64__)
/* A tier for the tests alone: the kernels of avxvnni as AVX-512 encodes their
 * instructions. */
static void take_evexvnni(struct ori_kernels *kernels)
{
    kernels->name = "evexvnni";
    ORI_EACH_QUANT(ORI_TAKE_EVEXVNNI)
}
#endif

/* Tiers above scalar, the CPU features that they need, and what they put into
 * the table themselves. */
static const struct {
    const char *name;
    uint32_t cpu;
    void (*take)(struct ori_kernels *kernels);
} tiers[] = {
    {"avx2", ORI_CPU_AVX2, NULL},
    {"avxvnni", ORI_CPU_AVX2 | ORI_CPU_AVXVNNI, NULL},
    {"avx512", ORI_CPU_AVX2 | ORI_CPU_AVX512, NULL},
    {"avx512 once", ORI_CPU_AVX2 | ORI_CPU_AVX512 | ORI_CPU_ASKS_ONCE, NULL},
#if defined(__x86_64__)
    {"evexvnni", ORI_CPU_AVX2 | ORI_CPU_AVX512, take_evexvnni},
#endif
};

static int check(void)
{
    const uint32_t cpu = ori_cpu_detect();
    struct ori_kernels scalar;

    ori_kernels_init(&scalar, 0);
    check_matmuls(&scalar, &scalar);
    for (size_t i = 0; i < ORI_COUNT(tiers); i++) {
        struct ori_kernels tier;

        const uint32_t needed = tiers[i].cpu & ~ORI_CPU_ASKS_ONCE; /* which any CPU can */

        if ((cpu & needed) != needed) {
            printf("ok %zu - %s # SKIP not on this CPU\n", ++n_reported, tiers[i].name);
            continue;
        }
        ori_kernels_init(&tier, tiers[i].cpu);
        tier.name = tiers[i].name;
        if (tiers[i].take)
            tiers[i].take(&tier);
        check_matmuls(&scalar, &tier);
        check_rows(&scalar, &tier);
        check_attention(&scalar, &tier);
    }
    printf("1..%zu\n", n_reported);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return check();

    if (argc == 2 && strcmp(argv[1], "--digest") == 0) {
        struct ori_kernels scalar;

        ori_kernels_init(&scalar, 0);
        printf("%016" PRIx64 "\n", digest(&scalar));
        return EXIT_SUCCESS;
    }
    if (argc <= 3 && strcmp(argv[1], "--bench") == 0) {
        struct ori_kernels kernels;
        orion_error err;

        if (ori_kernels_choose(&kernels, &err) != ORION_OK) {
            fprintf(stderr, "kernel-checker: %s\n", err.message);
            return EXIT_FAILURE;
        }
        bench(&kernels, argc == 3 ? argv[2] : NULL);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "usage: kernel-checker [--digest | --bench [NAME]]\n");
    return 2;
}
