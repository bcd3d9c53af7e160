/* What the CPU can do, and what the operating system lets it. */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include <cpuid.h>

#define LEAF1_ECX_FMA (1u << 12)
#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_ECX_AVX (1u << 28)
#define LEAF1_ECX_F16C (1u << 29)
#define LEAF7_EBX_AVX2 (1u << 5)
#define LEAF7_EBX_AVX512 (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F, DQ, BW, VL */
#define LEAF7_ECX_AVX512_VNNI (1u << 11)
#define LEAF7_1_EAX_AVXVNNI (1u << 4)
#define FAMILY_ZEN5 26
#define XCR0_AVX 0x06u    /* the system saves xmm and ymm registers */
#define XCR0_AVX512 0xe6u /* and mask registers, zmm, and all 32 of them */

static uint32_t saved_registers(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

/* The subleaf reads as zeros where there is none. */
static bool has_avxvnni(void)
{
    uint32_t a, b, c, d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & LEAF7_1_EAX_AVXVNNI);
}

/* Family of an AMD CPU, 0 of another. */
static uint32_t amd_family(void)
{
    uint32_t a, b, c, d;

    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx ||
        d != signature_AMD_edx || !__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    return (a >> 8 & 15) + (a >> 20 & 255);
}

uint32_t ori_cpu_detect(void)
{
    const uint32_t need = LEAF1_ECX_FMA | LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX | LEAF1_ECX_F16C;
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & need) != need)
        return 0;
    const uint32_t saved = saved_registers();
    if ((saved & XCR0_AVX) != XCR0_AVX)
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & LEAF7_EBX_AVX2))
        return 0;
    uint32_t cpu = ORI_CPU_AVX2;
    if ((saved & XCR0_AVX512) == XCR0_AVX512 && (b & LEAF7_EBX_AVX512) == LEAF7_EBX_AVX512 &&
        (c & LEAF7_ECX_AVX512_VNNI))
        cpu |= ORI_CPU_AVX512 | (amd_family() >= FAMILY_ZEN5 ? ORI_CPU_ASKS_ONCE : 0);
    return has_avxvnni() ? cpu | ORI_CPU_AVXVNNI : cpu;
}

#else

uint32_t ori_cpu_detect(void)
{
    return 0;
}

#endif
