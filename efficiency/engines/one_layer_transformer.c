/* The one-layer transformer on a CPU: forward pass, backward pass, AdamW and measuring of one member.

   One call trains one member for many steps on one thread. Members share nothing, so that a small
   network stays in the core's own cache from step to step and a result cannot depend, not even in
   its last bit, on the other members or on the number of threads.

   The function is that of efficiency/models/one_layer_transformer.py, reassociated exactly. With one
   layer and three positions the input of the hidden layer for the pair (a, b) is a weighted sum of
   rows that depend on one symbol each:

     pre(a, b) = base + sum_h A_h0 (U_h[a] + u_h0 - u_h2) + A_h1 (U_h[b] + u_h1 - u_h2)

   with U_h = E W_V^h W_O^h W_in, u_hi the same of the embedding of position i (for the last position
   of "=" and its position), A_hi the attention weights (A_h2 = 1 - A_h0 - A_h1), and base the sum of
   what every pair shares. The direct path of attention to the logits is more columns of the same
   rows: with W = [W_in | W_U] a row has L + S columns. No residual stream is formed, and the first
   layer costs 4 H (L + S) operations for an example instead of 2 M (L + S).

   Examples are sorted by a, so that the rows of a are used again, and go through in chunks whose
   hidden layer fits into the cache. Three dense products with W_out W_U are left: logits, gradient of
   W_out W_U, gradient of the hidden layer.

   Names as in the Python code: S symbols, M = d_model, H heads of F = M / H, L = d_mlp, D examples.
   X = S + 3 rows: symbols, positions 0 and 1, "=" with position 2. Lp and Sp are L and S rounded up
   to whole vectors, W = Lp + Sp; padding is zero wherever it is summed over. d_ is a gradient. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define HALF (LANES / 2)

/* Rows and vectors of a tile of a product: as many accumulators as there are registers for. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define ROWS 8
#define VECTORS 3
#else
#define ROWS 4
#define VECTORS 2
#endif

#define CHUNK 64 /* Examples that go through together; see benchmarks/NOTES.md. */

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float half __attribute__((vector_size(4 * HALF), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vec load(const float *from) { return *(const vec *)from; }
INLINE void store(float *to, vec value) { *(vec *)to = value; }
INLINE vec all(float value) { return value - (vec){}; }
INLINE vec where(ivec condition, vec yes, vec no) {
  return (vec)((condition & (ivec)yes) | (~condition & (ivec)no));
}
INLINE vec larger(vec left, vec right) { return where(left > right, left, right); }
INLINE float sum_of(vec value) {
  float sum = 0;
  for (int i = 0; i < LANES; i++) sum += value[i];
  return sum;
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

/* ---------------------------------------------------------------- products of matrices */

enum mode {
  SET,  /* C = A B */
  ADD,  /* C = C + A B */
  GATE, /* C = A B where C > 0, else 0: the gradient of ReLU, in place of its output */
};

INLINE vec combined(enum mode mode, vec old, vec product) {
  if (mode == ADD) return old + product;
  if (mode == GATE) return where(old > 0.0f, product, all(0.0f));
  return product;
}

INLINE void put(enum mode mode, float *to, vec product, int count) {
  if (count >= LANES) {
    store(to, combined(mode, mode == SET ? product : load(to), product));
    return;
  }
  vec old = {};
  for (int i = 0; i < count; i++) old[i] = to[i];
  vec result = combined(mode, old, product);
  for (int i = 0; i < count; i++) to[i] = result[i];
}

typedef struct {
  const float *left;     /* A: element (row, i) at left[row * row_step + i * inner_step] */
  ptrdiff_t row_step, inner_step;
  const float *right;    /* B: rows of right_step; readable one vector past its end */
  ptrdiff_t right_step;
  float *result;         /* C */
  ptrdiff_t result_step;
  int inner;
  enum mode mode;
} product;

/* A tile of C: `rows` by `vectors` whole vectors, then half a vector if `halved`; of the last
   vector `count` columns are kept. The three sizes are constants wherever this is inlined. */
INLINE void tile(const product *p, int row, int column, int count, int rows, int vectors,
                 int halved) {
  const float *left = p->left + row * p->row_step;
  const float *right = p->right + column;
  const ptrdiff_t row_step = p->row_step, inner_step = p->inner_step, right_step = p->right_step;
  vec sums[ROWS][VECTORS] = {};
  half half_sums[ROWS] = {};
  for (int i = 0; i < p->inner; i++) {
    vec b[VECTORS];
    half hb = {};
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) b[v] = load(right + v * LANES);
    if (halved) hb = *(const half *)(right + vectors * LANES);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      float a = left[r * row_step];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++) sums[r][v] += a * b[v];
      if (halved) half_sums[r] += a * hb;
    }
    left += inner_step;
    right += right_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
    float *to = p->result + (row + r) * p->result_step + column;
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      put(p->mode, to + v * LANES, sums[r][v], v + 1 < vectors || halved ? LANES : count);
    if (halved) {
      vec widened = {};
      for (int i = 0; i < HALF; i++) widened[i] = half_sums[r][i];
      put(p->mode, to + vectors * LANES, widened, count);
    }
  }
}

INLINE void strip(const product *p, int num_rows, int column, int count, int vectors, int halved) {
  int row = 0;
  for (; row + ROWS <= num_rows; row += ROWS) tile(p, row, column, count, ROWS, vectors, halved);
  for (; row + 2 <= num_rows; row += 2) tile(p, row, column, count, 2, vectors, halved);
  for (; row < num_rows; row++) tile(p, row, column, count, 1, vectors, halved);
}

INLINE void strips(const product *p, int num_rows, int num_columns) {
  const int width = VECTORS * LANES;
  int column = 0;
  for (; column + width <= num_columns; column += width)
    strip(p, num_rows, column, LANES, VECTORS, 0);
  int left = num_columns - column;
  int whole = left / LANES, rest = left % LANES;
  if (rest > HALF || (rest == 0 && left > 0)) { /* the last vector is a whole one */
    if (rest > 0) whole++;
    int count = rest > 0 ? rest : LANES;
    if (whole == 3) strip(p, num_rows, column, count, VECTORS > 2 ? 3 : 2, 0);
    if (whole == 2) strip(p, num_rows, column, count, 2, 0);
    if (whole == 1) strip(p, num_rows, column, count, 1, 0);
  } else if (rest > 0) {
    if (whole == 2) strip(p, num_rows, column, rest, 2, 1);
    if (whole == 1) strip(p, num_rows, column, rest, 1, 1);
    if (whole == 0) strip(p, num_rows, column, rest, 0, 1);
  }
}

/* C (m x n) from A (m x k) and B (k x n), all row by row. */
__attribute__((noinline)) static void multiply(int m, int n, int k, const float *A, ptrdiff_t lda,
                                               const float *B, ptrdiff_t ldb, float *C,
                                               ptrdiff_t ldc, enum mode mode) {
  product p = {A, lda, 1, B, ldb, C, ldc, k, mode};
  p.inner_step = 1;
  strips(&p, m, n);
}

/* C (m x n) from the transpose of A (k x m) and B (k x n). */
__attribute__((noinline)) static void multiply_transposed(int m, int n, int k, const float *A,
                                                          ptrdiff_t lda, const float *B,
                                                          ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                                                          enum mode mode) {
  product p = {A, 1, lda, B, ldb, C, ldc, k, mode};
  p.row_step = 1;
  strips(&p, m, n);
}

static void transpose(int rows, int columns, const float *from, ptrdiff_t from_step, float *to,
                      ptrdiff_t to_step) {
  enum { BLOCK = 16 };
  for (int r0 = 0; r0 < rows; r0 += BLOCK)
    for (int c0 = 0; c0 < columns; c0 += BLOCK) {
      int r1 = r0 + BLOCK < rows ? r0 + BLOCK : rows;
      int c1 = c0 + BLOCK < columns ? c0 + BLOCK : columns;
      for (int c = c0; c < c1; c++)
        for (int r = r0; r < r1; r++) to[c * to_step + r] = from[r * from_step + c];
    }
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

/* ---------------------------------------------------------------- what Python hands over */

enum { W_E, W_POS, W_Q, W_K, W_V, W_O, W_IN, B_IN, W_OUT, B_OUT, W_U, NUM_PARAMETERS };

typedef struct {
  int32_t num_symbols, d_model, num_heads, d_mlp;
} shape;

typedef struct {
  int32_t count;
  const int32_t *left, *right, *labels; /* sorted by left */
} examples;

typedef struct {
  float *weights[NUM_PARAMETERS], *first[NUM_PARAMETERS], *second[NUM_PARAMETERS];
} member;

/* For every update: AdamW's numbers, which the schedule decides. */
typedef struct {
  float keep;         /* 1 - rate * decay */
  float step;         /* rate / (1 - beta1^t) */
  float root_bias2;   /* sqrt(1 - beta2^t) */
} update;

typedef struct {
  float beta2, epsilon;
  float one_minus_1, one_minus_2; /* of 1 - beta in float64: a beta near 1 has few digits here */
} adamw_settings;

/* ---------------------------------------------------------------- memory */

static int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

typedef struct {
  int S, M, H, F, L, X, Lp, Sp, Mp, W;
  /* once per step */
  float *embedding;            /* X, M */
  float *value;                /* X, M */
  float *value_map;            /* M, Mp: W_V; then its transpose */
  float *maps, *maps_t;        /* M, W: [W_in | W_U]; W, Mp */
  float *in, *in_t;            /* M, W: W_O [W_in | W_U]; W, Mp */
  float *out, *out_t;          /* L, Sp: W_out W_U; S, Lp */
  float *rows, *d_rows;        /* X, H, W: U of the header */
  float *shift;                /* H, W: U_0 - U_1 of the positions */
  float *base, *d_base;        /* W */
  float *query, *d_query;      /* M */
  float *key, *d_key;          /* H, M */
  float *score, *d_score;      /* X, H */
  float *d_out;                /* L, Sp */
  float *d_in;                 /* M, W */
  float *d_value, *d_embedding; /* X, M */
  /* per chunk */
  float *wide;                 /* CHUNK, W: hidden layer and logits, then their gradients */
  float *weight[3], *d_weight[2]; /* CHUNK, H: attention to a, to b, to = */
  float *of_a, *d_of_a;        /* H, W: the rows of the present a */
  float *gradient[NUM_PARAMETERS];
} work;

/* Lay out the arrays from `memory`; return the floats needed. `memory` may be NULL to ask. */
static size_t arrange(work *w, const shape *s, float *memory) {
  size_t used = 0;
  w->S = s->num_symbols, w->M = s->d_model, w->H = s->num_heads, w->L = s->d_mlp;
  w->F = w->M / w->H, w->X = w->S + 3;
  w->Lp = padded(w->L), w->Sp = padded(w->S), w->Mp = padded(w->M), w->W = w->Lp + w->Sp;
  const size_t S = w->S, M = w->M, H = w->H, L = w->L, X = w->X, Mp = w->Mp, W = w->W;
  const size_t CH = (size_t)CHUNK * H;
#define TAKE(field, count)                                                  \
  do {                                                                      \
    w->field = memory ? memory + used : NULL;                               \
    used += ((size_t)(count) + 2 * LANES - 1) / LANES * LANES;              \
  } while (0)
  TAKE(embedding, X * M);
  TAKE(value, X * M);
  TAKE(value_map, M * Mp);
  TAKE(maps, M * W);
  TAKE(maps_t, W * Mp);
  TAKE(in, M * W);
  TAKE(in_t, W * Mp);
  TAKE(out, L * w->Sp);
  TAKE(out_t, S * w->Lp);
  TAKE(rows, X * H * W);
  TAKE(d_rows, X * H * W);
  TAKE(shift, H * W);
  TAKE(base, W);
  TAKE(d_base, W);
  TAKE(query, M);
  TAKE(d_query, M);
  TAKE(key, H * M);
  TAKE(d_key, H * M);
  TAKE(score, X * H);
  TAKE(d_score, X * H);
  TAKE(d_out, L * w->Sp);
  TAKE(d_in, M * W);
  TAKE(d_value, X * M);
  TAKE(d_embedding, X * M);
  TAKE(wide, CHUNK * W);
  for (int i = 0; i < 3; i++) TAKE(weight[i], CH);
  for (int i = 0; i < 2; i++) TAKE(d_weight[i], CH);
  TAKE(of_a, H * W);
  TAKE(d_of_a, H * W);
  const size_t counts[NUM_PARAMETERS] = {(S + 1) * M, 3 * M, M * M, M * M, M * M, M * M,
                                         M * L,       L,     L * M, M,     M * S};
  for (int i = 0; i < NUM_PARAMETERS; i++) TAKE(gradient[i], counts[i]);
#undef TAKE
  return used;
}

static size_t count_of(const work *w, int parameter) {
  const size_t S = w->S, M = w->M, L = w->L;
  const size_t counts[NUM_PARAMETERS] = {(S + 1) * M, 3 * M, M * M, M * M, M * M, M * M,
                                         M * L,       L,     L * M, M,     M * S};
  return counts[parameter];
}

/* ---------------------------------------------------------------- once per step */

static void prepare(work *w, float *const *p) {
  const int S = w->S, M = w->M, H = w->H, F = w->F, L = w->L, X = w->X, Lp = w->Lp, Sp = w->Sp,
            Mp = w->Mp, W = w->W;
  const size_t row = (size_t)H * W;
  float *equals = w->embedding + (size_t)(S + 2) * M;
  memcpy(w->embedding, p[W_E], sizeof(float) * S * M);
  memcpy(w->embedding + (size_t)S * M, p[W_POS], sizeof(float) * 2 * M);
  for (int m = 0; m < M; m++) equals[m] = p[W_E][(size_t)S * M + m] + p[W_POS][2 * M + m];

  for (int m = 0; m < M; m++) {
    float *to = w->maps + (size_t)m * W;
    memcpy(to, p[W_IN] + (size_t)m * L, sizeof(float) * L);
    memset(to + L, 0, sizeof(float) * (Lp - L));
    memcpy(to + Lp, p[W_U] + (size_t)m * S, sizeof(float) * S);
    memset(to + Lp + S, 0, sizeof(float) * (Sp - S));
    memcpy(w->value_map + (size_t)m * Mp, p[W_V] + (size_t)m * M, sizeof(float) * M);
  }
  multiply(M, W, M, p[W_O], M, w->maps, W, w->in, W, SET);
  multiply(L, Sp, M, p[W_OUT], M, w->maps + Lp, W, w->out, Sp, SET);
  multiply(X, M, M, w->embedding, M, w->value_map, Mp, w->value, M, SET);
  for (int h = 0; h < H; h++)
    multiply(X, W, F, w->value + h * F, M, w->in + (size_t)h * F * W, W, w->rows + (size_t)h * W,
             row, SET);

  const float *of_0 = w->rows + S * row, *of_1 = of_0 + row, *of_2 = of_1 + row;
  memset(w->base, 0, sizeof(float) * W);
  memcpy(w->base, p[B_IN], sizeof(float) * L);
  for (int m = 0; m < M; m++) {
    add_scaled(W, w->base, equals[m], w->maps + (size_t)m * W);
    add_scaled(Sp, w->base + Lp, p[B_OUT][m], w->maps + (size_t)m * W + Lp);
  }
  for (int h = 0; h < H; h++) add_scaled(W, w->base, 1.0f, of_2 + (size_t)h * W);
  for (size_t j = 0; j < row; j++) w->shift[j] = of_0[j] - of_1[j];
  for (int x = 0; x < S; x++)
    for (size_t j = 0; j < row; j++) w->rows[x * row + j] += of_1[j] - of_2[j];

  /* A score is x (W_K q) per head. */
  memset(w->query, 0, sizeof(float) * M);
  for (int m = 0; m < M; m++) add_scaled(M, w->query, equals[m], p[W_Q] + (size_t)m * M);
  const float scale = 1.0f / sqrtf((float)F);
  for (int m = 0; m < M; m++)
    for (int h = 0; h < H; h++)
      w->key[h * M + m] = scale * dot(F, p[W_K] + (size_t)m * M + h * F, w->query + h * F);
  for (int x = 0; x < X; x++)
    for (int h = 0; h < H; h++)
      w->score[x * H + h] = dot(M, w->embedding + (size_t)x * M, w->key + h * M);
}

/* ---------------------------------------------------------------- a chunk of examples */

static void attend(work *w, const examples *e, int begin, int count) {
  const int H = w->H, n = count * H;
  const float *score_0 = w->score + w->S * H, *score_1 = score_0 + H, *score_2 = score_1 + H;
  float *to_a = w->weight[0], *to_b = w->weight[1], *to_eq = w->weight[2];
  for (int d = 0; d < count; d++) {
    const float *of_a = w->score + e->left[begin + d] * H, *of_b = w->score + e->right[begin + d] * H;
    for (int h = 0; h < H; h++) {
      to_a[d * H + h] = of_a[h] + score_0[h];
      to_b[d * H + h] = of_b[h] + score_1[h];
      to_eq[d * H + h] = score_2[h];
    }
  }
  for (int i = 0; i < n; i += LANES) { /* the arrays have room for a whole last vector */
    vec a = load(to_a + i), b = load(to_b + i), eq = load(to_eq + i);
    vec largest = larger(larger(a, b), eq);
    a = exp_of(a - largest), b = exp_of(b - largest), eq = exp_of(eq - largest);
    vec scale = 1.0f / (a + b + eq);
    store(to_a + i, a * scale), store(to_b + i, b * scale), store(to_eq + i, eq * scale);
  }
}

static void take_rows_of_a(work *w, int a) {
  const size_t row = (size_t)w->H * w->W;
  const float *of_a = w->rows + a * row;
  for (size_t j = 0; j < row; j++) w->of_a[j] = of_a[j] + w->shift[j];
}

INLINE void weighted_rows(const work *w, const float *of_b, const float *to_a, const float *to_b,
                          float *result, int vectors, int j, int rectified) {
  const int H = w->H, W = w->W;
  vec sums[4];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) sums[v] = load(w->base + j + v * LANES);
  for (int h = 0; h < H; h++) {
    const float *rows_a = w->of_a + (size_t)h * W + j, *rows_b = of_b + (size_t)h * W + j;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      sums[v] += to_a[h] * load(rows_a + v * LANES) + to_b[h] * load(rows_b + v * LANES);
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    vec sum = sums[v];
    /* NaN must stay NaN: it is not < 0. */
    store(result + j + v * LANES, rectified ? where(sum < 0.0f, all(0.0f), sum) : sum);
  }
}

/* Hidden layer and logits of a chunk into w->wide. */
static void forward(work *w, const examples *e, int begin, int count) {
  const int H = w->H, W = w->W, Lp = w->Lp, Sp = w->Sp;
  attend(w, e, begin, count);
  for (int d = 0; d < count; d++) {
    const int a = e->left[begin + d], b = e->right[begin + d];
    if (d == 0 || a != e->left[begin + d - 1]) take_rows_of_a(w, a);
    const float *of_b = w->rows + (size_t)b * H * W;
    const float *to_a = w->weight[0] + d * H, *to_b = w->weight[1] + d * H;
    float *result = w->wide + (size_t)d * W;
    int j = 0;
    for (; j + 4 * LANES <= Lp; j += 4 * LANES) weighted_rows(w, of_b, to_a, to_b, result, 4, j, 1);
    for (; j < Lp; j += LANES) weighted_rows(w, of_b, to_a, to_b, result, 1, j, 1);
    for (; j + 4 * LANES <= W; j += 4 * LANES) weighted_rows(w, of_b, to_a, to_b, result, 4, j, 0);
    for (; j < W; j += LANES) weighted_rows(w, of_b, to_a, to_b, result, 1, j, 0);
  }
  const int columns = (w->S + HALF - 1) / HALF * HALF;
  multiply(count, columns, w->L, w->wide, W, w->out, Sp, w->wide + Lp, W, ADD);
}

typedef struct {
  double relative; /* largest wrong logit minus the right one */
  double total;    /* sum over wrong classes of e^(logit - largest wrong logit) */
} odds_of_wrong;

/* e^(logit - largest wrong logit) in place of the logits, 0 at the label and in the padding. */
INLINE odds_of_wrong wrong_odds(float *logits, int label, int S, int Sp) {
  const float right = logits[label];
  logits[label] = -INFINITY;
  for (int s = S; s < Sp; s++) logits[s] = -INFINITY;
  vec largest_of = load(logits);
  for (int s = LANES; s < Sp; s += LANES) largest_of = larger(load(logits + s), largest_of);
  float largest = largest_of[0];
  for (int i = 1; i < LANES; i++) largest = largest_of[i] > largest ? largest_of[i] : largest;
  vec totals = {};
  for (int s = 0; s < Sp; s += LANES) {
    vec odds = exp_of(load(logits + s) - largest);
    store(logits + s, odds);
    totals += odds;
  }
  return (odds_of_wrong){(double)largest - (double)right, sum_of(totals)};
}

/* Loss log(1 + e^-s), accurate however small; `wrong` becomes its probability of being wrong. */
INLINE double cross_entropy(odds_of_wrong odds, double *wrong) {
  if (odds.relative > 0) {
    const double right = exp(-odds.relative);
    *wrong = odds.total / (odds.total + right);
    return odds.relative + log(odds.total + right);
  }
  const double t = odds.total * exp(odds.relative);
  *wrong = t / (1 + t);
  return log1p(t);
}

/* Gradients of the logits in place of the logits; returns the sum of the losses. */
static double lose(work *w, const examples *e, int begin, int count) {
  double sum = 0;
  for (int d = 0; d < count; d++) {
    float *logits = w->wide + (size_t)d * w->W + w->Lp;
    const int label = e->labels[begin + d];
    double wrong;
    const odds_of_wrong odds = wrong_odds(logits, label, w->S, w->Sp);
    sum += cross_entropy(odds, &wrong);
    const float scale = (float)(wrong / odds.total / e->count);
    for (int s = 0; s < w->Sp; s += LANES) store(logits + s, load(logits + s) * scale);
    logits[label] = (float)(-wrong / e->count);
  }
  return sum;
}

static void give_rows_of_a(work *w, int a) {
  const size_t row = (size_t)w->H * w->W;
  float *of_a = w->d_rows + a * row, *of_0 = w->d_rows + w->S * row;
  for (size_t j = 0; j < row; j++) {
    of_a[j] += w->d_of_a[j];
    of_0[j] += w->d_of_a[j];
    w->d_of_a[j] = 0;
  }
}

/* Back through the weighted sums of rows, for `examples` of one a and `heads` from `head` on. */
INLINE void back_through_rows(work *w, int d, const int32_t *right, int head, int num_examples,
                              int heads) {
  const int H = w->H, W = w->W;
  vec d_to_a[2][4] = {}, d_to_b[2][4] = {};
  const float *wide = w->wide + (size_t)d * W;
  const float *to_a = w->weight[0] + d * H + head, *to_b = w->weight[1] + d * H + head;
  const float *of_a = w->of_a + (size_t)head * W;
  float *d_of_a = w->d_of_a + (size_t)head * W;
  const float *of_b[2];
  float *d_of_b[2];
  for (int n = 0; n < num_examples; n++) {
    of_b[n] = w->rows + ((size_t)right[n] * H + head) * W;
    d_of_b[n] = w->d_rows + ((size_t)right[n] * H + head) * W;
  }
  for (int j = 0; j < W; j += LANES) {
    vec d_wide[2], sum = {};
#pragma GCC unroll 2
    for (int n = 0; n < num_examples; n++) {
      d_wide[n] = load(wide + (size_t)n * W + j);
      sum += d_wide[n];
    }
    if (head == 0) store(w->d_base + j, load(w->d_base + j) + sum);
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
      const size_t at = (size_t)h * W + j;
      vec row_a = load(of_a + at), d_row_a = load(d_of_a + at);
#pragma GCC unroll 2
      for (int n = 0; n < num_examples; n++) {
        d_to_a[n][h] += d_wide[n] * row_a;
        d_to_b[n][h] += d_wide[n] * load(of_b[n] + at);
        d_row_a += to_a[n * H + h] * d_wide[n];
        store(d_of_b[n] + at, load(d_of_b[n] + at) + to_b[n * H + h] * d_wide[n]);
      }
      store(d_of_a + at, d_row_a);
    }
  }
  for (int n = 0; n < num_examples; n++)
    for (int h = 0; h < heads; h++) {
      w->d_weight[0][(d + n) * H + head + h] = sum_of(d_to_a[n][h]);
      w->d_weight[1][(d + n) * H + head + h] = sum_of(d_to_b[n][h]);
    }
}

static void backward(work *w, const examples *e, int begin, int count) {
  const int S = w->S, H = w->H, L = w->L, W = w->W, Lp = w->Lp, Sp = w->Sp;
  const int columns = (S + HALF - 1) / HALF * HALF;
  multiply_transposed(L, columns, count, w->wide, W, w->wide + Lp, W, w->d_out, Sp, ADD);
  multiply(count, Lp, S, w->wide + Lp, W, w->out_t, Lp, w->wide, W, GATE);

  for (int d = 0; d < count;) {
    const int a = e->left[begin + d];
    const int32_t *right = e->right + begin + d;
    if (d == 0 || a != e->left[begin + d - 1]) take_rows_of_a(w, a);
    const int two = d + 1 < count && e->left[begin + d + 1] == a;
    int head = 0;
    if (two) {
      for (; head + 4 <= H; head += 4) back_through_rows(w, d, right, head, 2, 4);
      for (; head < H; head++) back_through_rows(w, d, right, head, 2, 1);
    } else {
      for (; head + 4 <= H; head += 4) back_through_rows(w, d, right, head, 1, 4);
      for (; head < H; head++) back_through_rows(w, d, right, head, 1, 1);
    }
    d += two ? 2 : 1;
    if (d == count || e->left[begin + d] != a) give_rows_of_a(w, a);
  }

  /* The softmax over the three positions; the rows of "=" are 0, so their weight has no gradient. */
  float *d_0 = w->d_score + S * H, *d_1 = d_0 + H, *d_2 = d_1 + H;
  for (int d = 0; d < count; d++) {
    float *d_a = w->d_score + e->left[begin + d] * H, *d_b = w->d_score + e->right[begin + d] * H;
    for (int h = 0; h < H; h++) {
      const int i = d * H + h;
      const float to_a = w->weight[0][i], to_b = w->weight[1][i], to_eq = w->weight[2][i];
      const float g_a = w->d_weight[0][i], g_b = w->d_weight[1][i];
      /* Not g minus its mean: where one weight is nearly 1 that would leave rounding only. */
      const float of_a = to_a * (to_b * (g_a - g_b) + to_eq * g_a);
      const float of_b = to_b * (to_a * (g_b - g_a) + to_eq * g_b);
      d_a[h] += of_a, d_0[h] += of_a;
      d_b[h] += of_b, d_1[h] += of_b;
      d_2[h] -= to_eq * (to_a * g_a + to_b * g_b);
    }
  }
}

/* ---------------------------------------------------------------- back to the parameters */

static void conclude(work *w, float *const *p) {
  const int S = w->S, M = w->M, H = w->H, F = w->F, L = w->L, X = w->X, Lp = w->Lp, Sp = w->Sp,
            Mp = w->Mp, W = w->W;
  const size_t row = (size_t)H * W;
  float *const *g = w->gradient;
  float *of_0 = w->d_rows + S * row, *of_1 = of_0 + row, *of_2 = of_1 + row;
  /* What went to a and to b, summed over symbols, is what went to positions 0 and 1; the weights of
     the three positions add up to 1. */
  memset(of_1, 0, sizeof(float) * row);
  for (int x = 0; x < S; x++) add_scaled((int)row, of_1, 1.0f, w->d_rows + x * row);
  for (int h = 0; h < H; h++)
    for (int j = 0; j < W; j++) of_2[(size_t)h * W + j] = w->d_base[j] - of_1[(size_t)h * W + j];
  for (size_t j = 0; j < row; j++) of_1[j] -= of_0[j];

  transpose(M, W, w->maps, W, w->maps_t, Mp);
  transpose(M, W, w->in, W, w->in_t, Mp);
  transpose(M, M, p[W_V], M, w->value_map, Mp);
  for (int h = 0; h < H; h++) {
    multiply(X, F, W, w->d_rows + (size_t)h * W, row, w->in_t + h * F, Mp, w->d_value + h * F, M,
             SET);
    multiply_transposed(F, W, X, w->value + h * F, M, w->d_rows + (size_t)h * W, row,
                        w->d_in + (size_t)h * F * W, W, SET);
  }
  multiply_transposed(M, M, X, w->embedding, M, w->d_value, M, g[W_V], M, SET);
  multiply(X, M, M, w->d_value, M, w->value_map, Mp, w->d_embedding, M, SET);
  multiply(M, M, W, w->d_in, W, w->maps_t, Mp, g[W_O], M, SET);
  multiply_transposed(M, L, M, p[W_O], M, w->d_in, W, g[W_IN], L, SET);
  multiply_transposed(M, S, M, p[W_O], M, w->d_in + Lp, W, g[W_U], S, SET);
  multiply_transposed(M, S, L, p[W_OUT], M, w->d_out, Sp, g[W_U], S, ADD);
  multiply(L, M, S, w->d_out, Sp, w->maps_t + (size_t)Lp * Mp, Mp, g[W_OUT], M, SET);

  const float *equals = w->embedding + (size_t)(S + 2) * M;
  float *d_equals = w->d_embedding + (size_t)(S + 2) * M;
  memcpy(g[B_IN], w->d_base, sizeof(float) * L);
  memset(g[B_OUT], 0, sizeof(float) * M);
  for (int s = 0; s < S; s++)
    add_scaled(M, g[B_OUT], w->d_base[Lp + s], w->maps_t + (size_t)(Lp + s) * Mp);
  for (int j = 0; j < W; j++) add_scaled(M, d_equals, w->d_base[j], w->maps_t + (size_t)j * Mp);
  for (int m = 0; m < M; m++) {
    add_scaled(L, g[W_IN] + (size_t)m * L, equals[m], w->d_base);
    add_scaled(S, g[W_U] + (size_t)m * S, equals[m] + p[B_OUT][m], w->d_base + Lp);
  }

  /* Scores. */
  const float scale = 1.0f / sqrtf((float)F);
  memset(w->d_key, 0, sizeof(float) * H * M);
  for (int x = 0; x < X; x++)
    for (int h = 0; h < H; h++) {
      const float d = w->d_score[x * H + h];
      add_scaled(M, w->d_key + h * M, d, w->embedding + (size_t)x * M);
      add_scaled(M, w->d_embedding + (size_t)x * M, d, w->key + h * M);
    }
  float *d_query = w->d_query;
  memset(d_query, 0, sizeof(float) * M);
  for (int m = 0; m < M; m++)
    for (int h = 0; h < H; h++) {
      const float d = scale * w->d_key[h * M + m];
      for (int f = h * F; f < (h + 1) * F; f++) {
        g[W_K][(size_t)m * M + f] = d * w->query[f];
        d_query[f] += d * p[W_K][(size_t)m * M + f];
      }
    }
  for (int m = 0; m < M; m++) {
    d_equals[m] += dot(M, p[W_Q] + (size_t)m * M, d_query);
    for (int f = 0; f < M; f++) g[W_Q][(size_t)m * M + f] = equals[m] * d_query[f];
  }
  memcpy(g[W_E], w->d_embedding, sizeof(float) * S * M);
  memcpy(g[W_E] + (size_t)S * M, d_equals, sizeof(float) * M);
  memcpy(g[W_POS], w->d_embedding + (size_t)S * M, sizeof(float) * 3 * M);
}

/* Gradients of the mean loss into w->gradient; returns the mean loss. */
static double differentiate(work *w, float *const *p, const examples *e) {
  const size_t row = (size_t)w->H * w->W;
  prepare(w, p);
  transpose(w->L, w->S, w->out, w->Sp, w->out_t, w->Lp);
  memset(w->d_rows, 0, sizeof(float) * w->X * row);
  memset(w->d_of_a, 0, sizeof(float) * row);
  memset(w->d_base, 0, sizeof(float) * w->W);
  memset(w->d_score, 0, sizeof(float) * w->X * w->H);
  memset(w->d_out, 0, sizeof(float) * w->L * w->Sp);
  double sum = 0;
  for (int begin = 0; begin < e->count; begin += CHUNK) {
    const int count = e->count - begin < CHUNK ? e->count - begin : CHUNK;
    forward(w, e, begin, count);
    sum += lose(w, e, begin, count);
    backward(w, e, begin, count);
  }
  conclude(w, p);
  return sum / e->count;
}

static void adamw(size_t n, float *restrict weight, float *restrict first, float *restrict second,
                  const float *restrict gradient, const adamw_settings *s, const update *u) {
  const float one_minus_1 = s->one_minus_1, one_minus_2 = s->one_minus_2;
  const float beta2 = s->beta2, epsilon = s->epsilon;
  const float keep = u->keep, step = u->step, over_root = 1 / u->root_bias2;
  for (size_t i = 0; i < n; i++) {
    const float g = gradient[i];
    const float m = first[i] + (g - first[i]) * one_minus_1;
    const float v = beta2 * second[i] + one_minus_2 * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = weight[i] * keep - step * m / (sqrtf(v) * over_root + epsilon);
  }
}

/* ---------------------------------------------------------------- entry points */

/* Floats of memory that one call of the functions below works in. */
size_t memory_floats(const shape *s) {
  work w;
  return arrange(&w, s, NULL);
}

/* Gradient of the mean loss, by parameter; returns the mean loss. */
double gradient(const shape *s, const member *m, const examples *e, float *const *gradients,
                float *memory) {
  work w;
  arrange(&w, s, memory);
  const double loss = differentiate(&w, m->weights, e);
  for (int i = 0; i < NUM_PARAMETERS; i++)
    memcpy(gradients[i], w.gradient[i], sizeof(float) * count_of(&w, i));
  return loss;
}

static double sum_of_squares(size_t n, const float *values) {
  /* Lanes of their own: one chain of additions would wait for each before the next. */
  double lanes[LANES] = {0}, sum = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lanes[l] += (double)values[i + l] * (double)values[i + l];
  for (; i < n; i++) sum += (double)values[i] * (double)values[i];
  for (int l = 0; l < LANES; l++) sum += lanes[l];
  return sum;
}

static void scale_to_norm(const work *w, const member *m, double norm) {
  double square = 0;
  for (int i = 0; i < NUM_PARAMETERS; i++) square += sum_of_squares(count_of(w, i), m->weights[i]);
  const float factor = (float)(norm / sqrt(square));
  for (int i = 0; i < NUM_PARAMETERS; i++) {
    const size_t n = count_of(w, i);
    float *weight = m->weights[i];
    for (size_t j = 0; j < n; j++) weight[j] *= factor;
  }
}

/* `num_updates` steps of AdamW, each followed by scaling the weights to `norm` unless it is 0;
   returns the largest mean loss seen, infinite for NaN. */
double advance(const shape *s, const member *m, const examples *e, const adamw_settings *settings,
               const update *updates, int64_t num_updates, double norm, float *memory) {
  work w;
  arrange(&w, s, memory);
  double peak = 0;
  for (int64_t t = 0; t < num_updates; t++) {
    const double loss = differentiate(&w, m->weights, e);
    if (!(loss <= peak)) peak = loss == loss ? loss : INFINITY;
    for (int i = 0; i < NUM_PARAMETERS; i++)
      adamw(count_of(&w, i), m->weights[i], m->first[i], m->second[i], w.gradient[i], settings,
            updates + t);
    if (norm > 0) scale_to_norm(&w, m, norm);
  }
  return peak;
}

enum { LOSS, ACCURACY, LOG_ODDS, MARGIN, CENTRED_LOGIT, NUM_READINGS };
enum { NUM_PARTS = 7 };

/* Sums of the readings over each part of the examples. Bit i of parts[d]: example d is in part i. */
void measure(const shape *s, const member *m, const examples *e, const uint8_t *parts, double *sums,
             double *squares, float *memory) {
  work w;
  arrange(&w, s, memory);
  prepare(&w, m->weights);
  memset(sums, 0, sizeof(double) * NUM_PARTS * NUM_READINGS);
  for (int begin = 0; begin < e->count; begin += CHUNK) {
    const int count = e->count - begin < CHUNK ? e->count - begin : CHUNK;
    forward(&w, e, begin, count);
    for (int d = 0; d < count; d++) {
      float *logits = w.wide + (size_t)d * w.W + w.Lp;
      const int label = e->labels[begin + d];
      const double right = logits[label];
      double wrong;
      vec total = {};
      for (int y = 0; y < w.Sp; y += LANES) total += load(logits + y); /* padding is zero */
      const odds_of_wrong odds = wrong_odds(logits, label, w.S, w.Sp);
      double reading[NUM_READINGS];
      reading[LOSS] = cross_entropy(odds, &wrong);
      reading[ACCURACY] = odds.relative < 0;
      reading[LOG_ODDS] = -odds.relative - log(odds.total);
      reading[MARGIN] = -odds.relative;
      reading[CENTRED_LOGIT] = right - sum_of(total) / w.S;
      for (int part = 0; part < NUM_PARTS; part++)
        if (parts[begin + d] >> part & 1)
          for (int i = 0; i < NUM_READINGS; i++) sums[part * NUM_READINGS + i] += reading[i];
    }
  }
  for (int i = 0; i < NUM_PARAMETERS; i++)
    squares[i] = sum_of_squares(count_of(&w, i), m->weights[i]);
}
