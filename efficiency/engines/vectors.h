/* Vectors of floats as wide as the processor's registers, and functions of them.

   GCC's and clang's vector types: the same source for every processor, and its order of additions is
   decided by their width alone. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(LANES) /* given: as if the processor had other registers than it has */
#elif defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#if defined(REGISTERS)
#elif defined(__AVX512F__) || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define HALF (LANES / 2)
#define QUARTER (LANES / 4)

/* Rounded up to whole vectors. */
static int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float half __attribute__((vector_size(4 * HALF), aligned(4), may_alias));
typedef float quarter __attribute__((vector_size(4 * QUARTER), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vec load(const float *from) { return *(const vec *)from; }
INLINE void store(float *to, vec value) { *(vec *)to = value; }
INLINE vec all(float value) { return value - (vec){}; }
INLINE vec where(ivec condition, vec yes, vec no) {
  return (vec)((condition & (ivec)yes) | (~condition & (ivec)no));
}
INLINE vec larger(vec left, vec right) { return where(left > right, left, right); }
INLINE vec relu(vec value) { return where(value < 0.0f, all(0.0f), value); } /* NaN stays NaN */

/* Across the lanes by halves: one lane after another would wait for each. */
typedef union {
  vec whole;
  half halves[2];
  quarter quarters[4];
} lanes;

INLINE float sum_of(vec value) {
  lanes l = {value};
  l.halves[0] += l.halves[1];
  l.quarters[0] += l.quarters[1];
  float sum = l.quarters[0][0];
  for (int i = 1; i < QUARTER; i++) sum += l.quarters[0][i];
  return sum;
}

#if LANES == 16
#define IOTA 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define IOTA 0, 1, 2, 3, 4, 5, 6, 7
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define IOTA 0, 1, 2, 3
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif
#if defined(__clang__)
#define PICK(left, right, ...) __builtin_shufflevector(left, right, __VA_ARGS__)
#else
#define PICK(left, right, ...) __builtin_shuffle(left, right, (ivec){__VA_ARGS__})
#endif

INLINE float largest_of(vec value) {
#pragma GCC unroll 4
  for (int left = LANES / 2; left > 0; left /= 2)
    value = larger(PICK(value, value, EVEN), PICK(value, value, ODD));
  return value[0];
}

/* The sums over the lanes of LANES vectors, in their order: neighbours are added until one is left. */
INLINE vec sums_of(const vec *values) {
  vec held[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) held[i] = values[i];
#pragma GCC unroll 4
  for (int left = LANES / 2; left > 0; left /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < left; i++) {
      vec a = held[2 * i], b = held[2 * i + 1];
      held[i] = PICK(a, b, EVEN) + PICK(a, b, ODD);
    }
  }
  return held[0];
}

/* e^x for x <= 0 to two units in the last place; 0 below the smallest normal number, NaN for NaN.
   Cephes expf: x = n log 2 + r, a polynomial in r. */
INLINE vec exp_of(vec x) {
  const vec magic = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  vec shifted = x * 1.44269504f + magic;
  vec n = shifted - magic;
  vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  ivec power = ((ivec)shifted - (ivec)magic + 127) << 23;
  return where(x < -87.33f, all(0.0f), p * (vec)power);
}

/* log(1 + x) for x >= 0 to a few units in the last place; NaN for NaN. Cephes logf of u = 1 + x,
   times x / (u - 1) for what adding 1 has rounded away. */
INLINE vec log1p_of(vec x) {
  vec u = 1.0f + x;
  ivec bits = (ivec)u;
  ivec exponent = (bits >> 23) - 126;
  vec m = (vec)((bits & 0x007fffff) | 0x3f000000); /* in [1/2, 1) */
  ivec small = m < 0.707106781f;
  exponent += small; /* true is -1 */
  m = where(small, m + m, m) - 1.0f;
  vec z = m * m, e = __builtin_convertvector(exponent, vec);
  vec p = all(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  vec log = m * z * p - 2.12194440e-4f * e - 0.5f * z + m + 0.693359375f * e;
  vec rounded = u - 1.0f;
  return where(rounded == 0.0f, x, log * (x / where(rounded == 0.0f, all(1.0f), rounded)));
}

INLINE void add_scaled(int n, float *to, float scale, const float *from) {
  for (int i = 0; i < n; i++) to[i] += scale * from[i];
}

/* A dot product in a fixed order of additions: eight interleaved sums, then these. */
INLINE float dot(int n, const float *left, const float *right) {
  float sums[8] = {};
  int i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; j++) sums[j] += left[i + j] * right[i + j];
  for (int j = 0; i + j < n; j++) sums[j] += left[i + j] * right[i + j];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}
