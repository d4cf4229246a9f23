/* Normal numbers from streams, as in efficiency/training/counter_random.py: SplitMix64, and Box and Muller. */

#define GOLDEN 0x9e3779b97f4a7c15u

INLINE uint64_t mixed(uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  return bits ^ (bits >> 31);
}

/* The key of a stream of its own. */
INLINE uint64_t split(uint64_t key, int64_t part) {
  return mixed(mixed(key) + (uint64_t)(part + 1) * GOLDEN);
}

/* sin(x) and cos(x) for |x| <= pi/4: Cephes sinf and cosf. */
INLINE vec sin_of(vec x) {
  vec z = x * x;
  vec p = all(-1.9515295891e-4f);
  p = p * z + 8.3321608736e-3f;
  p = p * z - 1.6666654611e-1f;
  return p * z * x + x;
}
INLINE vec cos_of(vec x) {
  vec z = x * x;
  vec p = all(2.443315711809948e-5f);
  p = p * z - 1.388731625493765e-3f;
  p = p * z + 4.166664568298827e-2f;
  return p * z * z - 0.5f * z + 1.0f;
}

/* `to` = from + scale * normal numbers of the stream of this key. */
static void add_normals(size_t n, const float *from, float scale, uint64_t key, float *to) {
  const float unit = 1.1920928955078125e-7f; /* 2^-23 */
  for (size_t begin = 0; begin < n; begin += 2 * LANES) {
    float u[LANES], turns[LANES], drawn[2 * LANES];
    for (int i = 0; i < LANES; i++) {
      uint64_t bits = mixed(key + (begin / 2 + (size_t)i + 1) * GOLDEN);
      u[i] = (float)(int32_t)(bits >> 41);
      turns[i] = (float)(int32_t)(bits >> 9 & 0x7fffff);
    }
    vec uniform = (load(u) + 0.5f) * unit;
    /* -log u = log(1 + (1 - u) / u); 1 - u is exact. */
    vec minus_log = log1p_of((1.0f - uniform) / uniform);
    float radius[LANES];
    vec squared = 2.0f * minus_log;
    for (int i = 0; i < LANES; i++) radius[i] = sqrtf(squared[i]);
    /* A full turn is four quarters, k of them and a rest of at most half a quarter. */
    vec quarters = (load(turns) + 0.5f) * (4 * unit);
    ivec k = __builtin_convertvector(quarters + 0.5f, ivec);
    vec rest = (quarters - __builtin_convertvector(k, vec)) * 1.57079632679489662f;
    vec sine = sin_of(rest), cosine = cos_of(rest);
    ivec odd = (k & 1) != 0;
    vec c = where(odd, sine, cosine), s = where(odd, cosine, sine);
    c = where(((k & 3) == 1) | ((k & 3) == 2), -c, c);
    s = where((k & 3) >= 2, -s, s);
    c *= load(radius), s *= load(radius);
    store(drawn, PICK(c, s, LOW));
    store(drawn + LANES, PICK(c, s, HIGH));
    const size_t count = n - begin < 2 * LANES ? n - begin : 2 * LANES;
    for (size_t i = 0; i < count; i++) to[begin + i] = from[begin + i] + scale * drawn[i];
  }
}
