/* What this machine could do at most, on one core: the yardsticks of --bench. */
#include "checker.h"

#include <string.h>
#include <time.h>

#define ROUNDS 7 /* the best counts: other programs only ever slow one down */
#define LOOPS 400000

double processor_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Each loop body is 12 independent instructions, enough to hide their latency.
 * Inline assembly, so that no compiler finds out that it computes nothing. */
#define TWELVE(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define REGISTERS                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm14", "xmm15"
#define CLEAR(i) "vpxor %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n"
#define DPBUSD(i) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #i "\n"
#define MADDUBS(i) "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #i "\n"
#define FMA512(i) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #i "\n"
#define FMA256(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"

#define DEFINE_LOOP(name, instruction)                                                             \
    static void name(void)                                                                         \
    {                                                                                              \
        __asm__ volatile(TWELVE(CLEAR) CLEAR(14) CLEAR(15)::: REGISTERS);                          \
        for (int i = 0; i < LOOPS; i++)                                                            \
            __asm__ volatile(TWELVE(instruction)::: REGISTERS);                                    \
        __asm__ volatile("vzeroupper");                                                            \
    }

DEFINE_LOOP(loop_dpbusd, DPBUSD)
DEFINE_LOOP(loop_maddubs, MADDUBS)
DEFINE_LOOP(loop_fma512, FMA512)
DEFINE_LOOP(loop_fma256, FMA256)

/* Billions of operations a second, of a loop whose instructions do so many. */
static double rate(void (*loop)(void), double ops)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        const double start = processor_seconds();
        loop();
        const double gops = LOOPS * 12 * ops / (processor_seconds() - start) * 1e-9;
        best = gops > best ? gops : best;
    }
    return best;
}

static void measure_compute(const char *tier, struct peaks *peaks)
{
    if (strcmp(tier, "avx512") == 0) {
        peaks->int8_gops = rate(loop_dpbusd, 64 * 2);
        peaks->float_gops = rate(loop_fma512, 16 * 2);
    } else if (strcmp(tier, "avx2") == 0) {
        peaks->int8_gops = rate(loop_maddubs, 32 * 2);
        peaks->float_gops = rate(loop_fma256, 8 * 2);
    }
}
#else
static void measure_compute(const char *tier, struct peaks *peaks)
{
    (void)tier;
    (void)peaks;
}
#endif

/* Reads one word of each line, on eight streams: as fast as lines come. */
static uint64_t read_lines(const uint8_t *memory, size_t bytes)
{
    enum { streams = 8, line = 64 };
    const size_t part = bytes / streams;
    uint64_t sum[streams] = {0}, word, all = 0;

    for (size_t i = 0; i + line <= part; i += line)
        for (size_t s = 0; s < streams; s++) {
            memcpy(&word, memory + s * part + i, sizeof(word));
            sum[s] += word;
        }
    for (size_t s = 0; s < streams; s++)
        all ^= sum[s];
    return all;
}

void measure_peaks(const char *tier, const uint8_t *memory, size_t bytes, struct peaks *peaks)
{
    volatile uint64_t keep = 0;

    *peaks = (struct peaks){0};
    measure_compute(tier, peaks);
    for (int i = 0; i < ROUNDS; i++) {
        const double start = processor_seconds();
        keep ^= read_lines(memory, bytes);
        const double gb = (double)bytes / (processor_seconds() - start) * 1e-9;
        peaks->read_gb = gb > peaks->read_gb ? gb : peaks->read_gb;
    }
    (void)keep;
}
