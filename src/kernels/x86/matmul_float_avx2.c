/* F32, F16, BF16 with float activations, 16 lanes along the row.
 *
 * Few columns: tiles of four outputs in eight registers of sums.
 *
 * More columns: panels of 16 rows as floats.  Four rows by three columns, eight
 * of the 16 lanes at a time, have their sums in twelve registers. */
#include "kernels/x86/x86.h"

#include "kernels/scalar/lanes.h"
#include "kernels/x86/panel_avx2.h"
#include "kernels/x86/tiles_avx2.h"

/* How a type's weights become floats. */
struct kind {
    size_t bytes; /* of a weight */
    __m256 (*load8)(const uint8_t *p);
    float (*load1)(const uint8_t *p);
};

ORI_INLINE __m256 load8_f32(const uint8_t *p)
{
    return _mm256_loadu_ps((const float *)(const void *)p);
}

ORI_INLINE float load1_f32(const uint8_t *p)
{
    return ori_f32_of_bits(ori_load_le32(p));
}

ORI_INLINE __m256 load8_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ORI_INLINE float load1_f16(const uint8_t *p)
{
    return ori_load_f16(p);
}

ORI_INLINE __m256 load8_bf16(const uint8_t *p)
{
    const __m128i half = _mm_loadu_si128((const __m128i *)(const void *)p);

    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

ORI_INLINE float load1_bf16(const uint8_t *p)
{
    return ori_bf16_to_f32(ori_load_le16(p));
}

/* The last n % 16 elements of one product. */
ORI_INLINE struct ori_lanes dot_tail(const struct kind *kind, const uint8_t *w, const float *a,
                                     size_t count, struct ori_lanes acc)
{
    float x[ORI_LANES] = {0}, y[ORI_LANES] = {0};

    for (size_t i = 0; i < count; i++) {
        x[i] = kind->load1(w + i * kind->bytes);
        y[i] = a[i];
    }
    return ori_fma_partial(x, y, count, acc);
}

/* ---- few columns: tiles of four outputs ---- */

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, int cols, size_t ahead)
{
    const struct kind *kind = info;
    const float *const x[4] = {(const void *)a[0], (const void *)a[1], (const void *)a[2],
                               (const void *)a[3]};
    const size_t whole = n - n % ORI_LANES;
    struct ori_lanes acc[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        acc[i] = (struct ori_lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t k = 0; k < whole; k += ORI_LANES) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++) {
            const uint8_t *p = w[i] + k * kind->bytes;

            if (i % cols == 0 && cols < ORI_TILE) /* one row alone the CPU follows */
                ori_prefetch_far(p, ahead);
            acc[i].low = _mm256_fmadd_ps(kind->load8(p), _mm256_loadu_ps(x[i] + k), acc[i].low);
            acc[i].high = _mm256_fmadd_ps(kind->load8(p + 8 * kind->bytes),
                                          _mm256_loadu_ps(x[i] + k + 8), acc[i].high);
        }
    }
    if (whole < n) {
        ORI_UNROLL
        for (int i = 0; i < 4; i++)
            acc[i] = dot_tail(kind, w[i] + whole * kind->bytes, x[i] + whole, n - whole, acc[i]);
    }
    return ori_join4(acc);
}

/* ---- many columns: panels ---- */

struct panel {
    _Alignas(64) float w[ORI_PANEL_ROWS][ORI_PANEL_N];
};

/* A column's sums: of each row its 16 lanes. */
#define SUMS (ORI_PANEL_ROWS * ORI_LANES)

ORI_INLINE void build(const struct kind *kind, const uint8_t *const rows[ORI_PANEL_ROWS], size_t n,
                      struct panel *panel)
{
    for (size_t r = 0; r < ORI_PANEL_ROWS; r++) {
        size_t k = 0;

        for (; n - k >= 8; k += 8)
            _mm256_store_ps(panel->w[r] + k, kind->load8(rows[r] + k * kind->bytes));
        for (; k < n; k++)
            panel->w[r][k] = kind->load1(rows[r] + k * kind->bytes);
    }
}

/* Lanes `lane` to lane + 7 of four rows by n_cols columns x, over `whole`
 * elements. */
ORI_INLINE void half_times(const float (*w)[ORI_PANEL_N], size_t whole, size_t lane,
                           const float *const x[], int n_cols, float *sums)
{
    __m256 sum[4][ORI_PANEL_GROUP];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            sum[r][i] = _mm256_load_ps(sums + i * SUMS + r * ORI_LANES + lane);
    }
    for (size_t k = lane; k < whole; k += ORI_LANES) {
        __m256 a[ORI_PANEL_GROUP];

        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            a[i] = _mm256_loadu_ps(x[i] + k);
        ORI_UNROLL
        for (int r = 0; r < 4; r++) {
            const __m256 row = _mm256_load_ps(w[r] + k);
            ORI_UNROLL
            for (int i = 0; i < n_cols; i++)
                sum[r][i] = _mm256_fmadd_ps(row, a[i], sum[r][i]);
        }
    }
    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            _mm256_store_ps(sums + i * SUMS + r * ORI_LANES + lane, sum[r][i]);
    }
}

/* The last count = n % 16 elements of the rows with one column. */
ORI_INLINE void tail_times(const struct panel *panel, size_t whole, size_t count, const float *x,
                           float *sums)
{
    float y[ORI_LANES] = {0};

    memcpy(y, x + whole, count * sizeof(y[0]));
    for (size_t r = 0; r < ORI_PANEL_ROWS; r++, sums += ORI_LANES) {
        struct ori_lanes sum = {_mm256_load_ps(sums), _mm256_load_ps(sums + 8)};

        sum = ori_fma_partial(panel->w[r] + whole, y, count, sum);
        _mm256_store_ps(sums, sum.low);
        _mm256_store_ps(sums + 8, sum.high);
    }
}

ORI_INLINE void times(const struct kind *kind, const struct panel *panel, size_t n,
                      const uint8_t *acts, size_t act_bytes, int n_cols, float *sums)
{
    const size_t whole = n - n % ORI_LANES;
    const float *x[ORI_PANEL_GROUP];

    (void)kind; /* the panel is floats whatever it was */
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        x[i] = (const void *)(acts + (size_t)i * act_bytes);
    for (int r = 0; r < ORI_PANEL_ROWS; r += 4) {
        half_times(panel->w + r, whole, 0, x, n_cols, sums + r * ORI_LANES);
        half_times(panel->w + r, whole, 8, x, n_cols, sums + r * ORI_LANES);
    }
    if (whole < n)
        for (int i = 0; i < n_cols; i++)
            tail_times(panel, whole, n - whole, x[i], sums + i * SUMS);
}

/* Joins the lanes of a column's 16 rows. */
static void finish(float *sums)
{
    for (size_t r = 0; r < ORI_PANEL_ROWS; r += 4) {
        struct ori_lanes rows[4];

        ORI_UNROLL
        for (size_t i = 0; i < 4; i++) {
            const float *lanes = sums + (r + i) * ORI_LANES;
            rows[i] = (struct ori_lanes){_mm256_load_ps(lanes), _mm256_load_ps(lanes + 8)};
        }
        _mm_store_ps(sums + r, ori_join4(rows));
    }
}

static void times_float(const void *panel, size_t n, const uint8_t *acts, size_t act_bytes,
                        size_t n_cols, float *sums)
{
    ORI_PANEL_CASES(n_cols, times, NULL, panel, n, acts, act_bytes, sums);
}

/* ---- the types ---- */

/* Columns from which unpacking into a panel pays. */
#define PANEL_COLS 5

ORI_INLINE void matmul(const struct kind *kind, const struct ori_panel_ops *ops,
                       const struct ori_matmul *m)
{
    struct panel panel;

    if (m->n_cols < PANEL_COLS)
        ori_tiles(m, dot4, kind);
    else
        ori_panels(m, ops, &panel);
}

#define DEFINE_TYPE(type, bytes)                                                                   \
    static const struct kind kind_##type = {bytes, load8_##type, load1_##type};                    \
    static void build_##type(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n, void *panel)     \
    {                                                                                              \
        build(&kind_##type, rows, n, panel);                                                       \
    }                                                                                              \
    static const struct ori_panel_ops ops_##type = {                                               \
        bytes, 1, sizeof(float), SUMS, build_##type, times_float, finish};                         \
    ORI_DEFINE_MATMUL(ori_matmul_##type##_avx2, matmul(&kind_##type, &ops_##type, &m))

DEFINE_TYPE(f32, 4)
DEFINE_TYPE(f16, 2)
DEFINE_TYPE(bf16, 2)
