/* How kernels are specialised. */
#ifndef ORI_KERNELS_INLINE_H
#define ORI_KERNELS_INLINE_H

/* Kernels are written once for a family and specialised by inlining with
 * constant arguments.  ORI_UNROLL stands before a short loop over an array that
 * is to live in registers.  Clang is told `full`: a plain `unroll` it obeys while
 * the count is still a parameter of an ORI_INLINE function, and then leaves such
 * a loop as it is for ever.  A sanitizer keeps all in memory and checks each
 * access: inlined and unrolled, that takes minutes to compile. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ORI_INLINE static inline
#define ORI_UNROLL
#elif defined(__clang__)
#define ORI_INLINE static inline __attribute__((always_inline))
#define ORI_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ORI_INLINE static inline __attribute__((always_inline))
#define ORI_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
