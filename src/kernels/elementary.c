/* exp, log, cos and sin in double: the same bits on every machine, because
 * nothing but exactly rounded operations is used (+ - * / and fma).
 *
 * All by Taylor series after a range reduction whose constants come in two
 * parts; accurate to about one unit in the last place, tested against libm. */
#include "kernels/kernels.h"

#include <math.h>

#include "kernels/bits.h"
#include "kernels/elementary.h"

/* Nearest integer for |x| < 2^51, ties to even. */
static double nearest(double x)
{
    return (x + ORI_F64_ROUND) - ORI_F64_ROUND;
}

/* 2^n for n in [-1022, 1023]. */
static double pow2(int64_t n)
{
    return ori_f64_of_bits((uint64_t)(n + 1023) << 52);
}

double ori_exp(double x)
{
    if (x != x)
        return x;
    x = ORI_F64_EXP_MAX < x ? ORI_F64_EXP_MAX : x;
    x = ORI_F64_EXP_MIN > x ? ORI_F64_EXP_MIN : x;

    const double whole = nearest(x * ORI_F64_LOG2E);
    double r = fma(-whole, ORI_F64_LN2_HIGH, x);
    r = fma(-whole, ORI_F64_LN2_LOW, r);

    double p = ori_f64_exp_terms[0];
    for (int i = 1; i < ORI_F64_EXP_TERMS; i++)
        p = fma(p, r, ori_f64_exp_terms[i]);

    const int64_t n = (int64_t)whole;
    const int64_t half = n >> 1;
    return p * pow2(half) * pow2(n - half);
}

/* x = m * 2^k with m in [sqrt(1/2), sqrt(2)); with g = m - 1 (exact) and
 * s = g / (2 + g), log(1 + g) = 2 atanh(s) = 2s + s R(s^2).  Writing 2s as
 * g - g^2/2 + s g^2/2 keeps the leading term exact. */
double ori_log(double x)
{
    int64_t k = 0;

    if (x != x || x == (double)INFINITY)
        return x;
    if (x <= 0)
        return x == 0 ? -(double)INFINITY : (double)NAN;
    if (x < 0x1p-1022) { /* subnormal */
        x *= 0x1p54;
        k = -54;
    }

    /* Adding the bits of 1 less those of sqrt(1/2) carries into the exponent
     * when the fraction is at or above sqrt(2), so the exponent becomes k. */
    const uint64_t bits = ori_f64_bits(x);
    const uint64_t shifted = bits + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
    k += (int64_t)(shifted >> 52) - 1023;
    const double m = ori_f64_of_bits(bits - ((shifted >> 52) - 1023) * 0x10000000000000u);

    const double g = m - 1;
    const double s = g / (2 + g);
    const double t = s * s;
    double series = 2.0 / 23; /* t < 0.0295: what is left out is below 1e-18 */
    for (int odd = 21; odd >= 3; odd -= 2)
        series = fma(series, t, 2.0 / odd);
    const double rest = series * t;
    const double square = 0.5 * g * g;
    const double kd = (double)k;
    const double low = fma(s, square + rest, kd * ORI_F64_LN2_LOW);
    return fma(kd, ORI_F64_LN2_HIGH, g - (square - low));
}

/* Taylor coefficients by the recurrence 1/(k (k-1)), innermost first: the
 * series is 1 - t/(1*2) (1 - t/(3*4) (...)), for |r| <= pi/4 cut off where the
 * next term is below 1e-17. */
static double cos_series(double t)
{
    double p = 1;

    for (int k = 18; k >= 2; k -= 2)
        p = fma(-t / (double)(k * (k - 1)), p, 1);
    return p;
}

static double sin_series(double r, double t)
{
    double p = 1;

    for (int k = 19; k >= 3; k -= 2)
        p = fma(-t / (double)(k * (k - 1)), p, 1);
    return r * p;
}

/* radians = n * pi/2 + r, |r| <= pi/4.  pi/2 in two parts of 53 bits: the first
 * fma is exact for |radians| < 2^30 or so, the second errs by less than 1e-16. */
void ori_rope_angle(double radians, float *cosine, float *sine)
{
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    const double half_pi_high = 0x1.921fb54442d18p0;
    const double half_pi_low = 0x1.1a62633145c07p-54;

    const double whole = nearest(radians * two_over_pi);
    double r = fma(-whole, half_pi_high, radians);
    r = fma(-whole, half_pi_low, r);
    const double c = cos_series(r * r);
    const double s = sin_series(r, r * r);

    switch ((uint64_t)(int64_t)whole & 3) {
    case 0:
        *cosine = (float)c;
        *sine = (float)s;
        break;
    case 1:
        *cosine = (float)-s;
        *sine = (float)c;
        break;
    case 2:
        *cosine = (float)-c;
        *sine = (float)-s;
        break;
    default:
        *cosine = (float)s;
        *sine = (float)-c;
        break;
    }
}

double ori_rope_frequency(double base, double exponent)
{
    return ori_exp(-exponent * ori_log(base));
}
