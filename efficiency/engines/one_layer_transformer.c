/* The one-layer transformer on a CPU: forward pass, backward pass, AdamW and measuring of one member.

   One call trains one member for many steps on one thread. Members share nothing, so that a small
   network stays in the core's own cache from step to step and a result cannot depend, not even in
   its last bit, on the other members or on the number of threads.

   The function is that of efficiency/networks/one_layer_transformer.py, reassociated exactly. With one
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

#include "vectors.h"

#include "losses.h"
#include "noise.h"
#include "processor.h"
#include "products.h"
#include "training.h"

/* ---------------------------------------------------------------- what Python hands over */

/* Names and order of the parameters: Python compares them with its own. */
#define PARAMETERS(each)                                                                  \
  each(W_E) each(W_pos) each(W_Q) each(W_K) each(W_V) each(W_O) each(W_in) each(b_in)     \
  each(W_out) each(b_out) each(W_U)
#define AS_PARAMETER(name) P_##name,
enum { PARAMETERS(AS_PARAMETER) NUM_PARAMETERS };

typedef struct {
  int32_t num_symbols, d_model, num_heads, d_mlp;
} shape;

#define VERSION 4 /* to be raised with every change that the sizes and names do not show */

const char *names(void) { return PARAMETERS(AS_TEXT) "/ " READINGS(AS_TEXT) "/ " LOSSES(AS_TEXT); }

/* Sizes by which both sides know that they mean the same; returns how many there are. */
int32_t layout(int32_t *to) {
  const int32_t sizes[] = {VERSION, sizeof(shape), NUM_PARAMETERS, SIZES};
  if (to) memcpy(to, sizes, sizeof(sizes));
  return (int32_t)(sizeof(sizes) / sizeof(sizes[0]));
}

/* The first example that the functions below must not be given, -1 if there is none. */
int32_t first_unfit(const shape *s, const examples *e) {
  return unfit(s->num_symbols, s->num_symbols, e, 1);
}

/* ---------------------------------------------------------------- memory */

typedef struct {
  int loss;
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
  float *gradient[NUM_PARAMETERS], *noisy[NUM_PARAMETERS];
} work;

/* How many numbers each parameter has. */
static void count_parameters(const shape *s, size_t *counts) {
  const size_t S = s->num_symbols, M = s->d_model, L = s->d_mlp;
  const size_t of_each[NUM_PARAMETERS] = {(S + 1) * M, 3 * M, M * M, M * M, M * M, M * M,
                                          M * L,       L,     L * M, M,     M * S};
  memcpy(counts, of_each, sizeof(of_each));
}

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
  size_t counts[NUM_PARAMETERS];
  count_parameters(s, counts);
  for (int i = 0; i < NUM_PARAMETERS; i++) TAKE(gradient[i], counts[i]);
  for (int i = 0; i < NUM_PARAMETERS; i++) TAKE(noisy[i], counts[i]);
#undef TAKE
  return used;
}

/* ---------------------------------------------------------------- once per step */

static void prepare(work *w, float *const *p) {
  const int S = w->S, M = w->M, H = w->H, F = w->F, L = w->L, X = w->X, Lp = w->Lp, Sp = w->Sp,
            Mp = w->Mp, W = w->W;
  const size_t row = (size_t)H * W;
  float *equals = w->embedding + (size_t)(S + 2) * M;
  memcpy(w->embedding, p[P_W_E], sizeof(float) * S * M);
  memcpy(w->embedding + (size_t)S * M, p[P_W_pos], sizeof(float) * 2 * M);
  for (int m = 0; m < M; m++) equals[m] = p[P_W_E][(size_t)S * M + m] + p[P_W_pos][2 * M + m];

  for (int m = 0; m < M; m++) {
    float *to = w->maps + (size_t)m * W;
    memcpy(to, p[P_W_in] + (size_t)m * L, sizeof(float) * L);
    memset(to + L, 0, sizeof(float) * (Lp - L));
    memcpy(to + Lp, p[P_W_U] + (size_t)m * S, sizeof(float) * S);
    memset(to + Lp + S, 0, sizeof(float) * (Sp - S));
    memcpy(w->value_map + (size_t)m * Mp, p[P_W_V] + (size_t)m * M, sizeof(float) * M);
  }
  multiply(M, W, M, p[P_W_O], M, w->maps, W, w->in, W, SET);
  multiply(L, Sp, M, p[P_W_out], M, w->maps + Lp, W, w->out, Sp, SET);
  multiply(X, M, M, w->embedding, M, w->value_map, Mp, w->value, M, SET);
  for (int h = 0; h < H; h++)
    multiply(X, W, F, w->value + h * F, M, w->in + (size_t)h * F * W, W, w->rows + (size_t)h * W,
             row, SET);

  const float *of_0 = w->rows + S * row, *of_1 = of_0 + row, *of_2 = of_1 + row;
  memset(w->base, 0, sizeof(float) * W);
  memcpy(w->base, p[P_b_in], sizeof(float) * L);
  for (int m = 0; m < M; m++) {
    add_scaled(W, w->base, equals[m], w->maps + (size_t)m * W);
    add_scaled(Sp, w->base + Lp, p[P_b_out][m], w->maps + (size_t)m * W + Lp);
  }
  for (int h = 0; h < H; h++) add_scaled(W, w->base, 1.0f, of_2 + (size_t)h * W);
  for (size_t j = 0; j < row; j++) w->shift[j] = of_0[j] - of_1[j];
  for (int x = 0; x < S; x++)
    for (size_t j = 0; j < row; j++) w->rows[x * row + j] += of_1[j] - of_2[j];

  /* A score is x (W_K q) per head. */
  memset(w->query, 0, sizeof(float) * M);
  for (int m = 0; m < M; m++) add_scaled(M, w->query, equals[m], p[P_W_Q] + (size_t)m * M);
  const float scale = 1.0f / sqrtf((float)F);
  for (int m = 0; m < M; m++)
    for (int h = 0; h < H; h++)
      w->key[h * M + m] = scale * dot(F, p[P_W_K] + (size_t)m * M + h * F, w->query + h * F);
  for (int x = 0; x < X; x++)
    for (int h = 0; h < H; h++)
      w->score[x * H + h] = dot(M, w->embedding + (size_t)x * M, w->key + h * M);
}

/* ---------------------------------------------------------------- a chunk of examples */

static void attend(work *w, const examples *e, int begin, int count) {
  const int H = w->H, n = count * H;
  const float *score_0 = w->score + w->S * H, *score_1 = score_0 + H, *score_2 = score_1 + H;
  float *to_a = w->weight[0], *to_b = w->weight[1], *to_eq = w->weight[2];
  const int32_t *left = column(e, 0) + begin, *right = column(e, 1) + begin;
  for (int d = 0; d < count; d++) {
    const float *of_a = w->score + left[d] * H, *of_b = w->score + right[d] * H;
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

/* Columns j ... of what goes into hidden layer and logits, for `num` examples of one a, from the
   chunk's example d on. */
INLINE void weighted_rows(const work *w, int d, const int32_t *right, int num, int vectors, int j,
                          int rectified) {
  const int H = w->H, W = w->W;
  const float *to_a = w->weight[0] + d * H, *to_b = w->weight[1] + d * H;
  vec sums[2][4];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    vec base = load(w->base + j + v * LANES);
#pragma GCC unroll 2
    for (int n = 0; n < num; n++) sums[n][v] = base;
  }
  for (int h = 0; h < H; h++) {
    const float *of_a = w->of_a + (size_t)h * W + j;
#pragma GCC unroll 2
    for (int n = 0; n < num; n++) {
      const float *of_b = w->rows + ((size_t)right[n] * H + h) * W + j;
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        sums[n][v] += to_a[n * H + h] * load(of_a + v * LANES) +
                      to_b[n * H + h] * load(of_b + v * LANES);
    }
  }
#pragma GCC unroll 2
  for (int n = 0; n < num; n++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      store(w->wide + (size_t)(d + n) * W + j + v * LANES,
            rectified ? relu(sums[n][v]) : sums[n][v]);
}

INLINE void rows_forward(const work *w, int d, const int32_t *right, int num) {
  const int Lp = w->Lp, W = w->W;
  int j = 0;
  for (; j + 4 * LANES <= Lp; j += 4 * LANES) weighted_rows(w, d, right, num, 4, j, 1);
  for (; j < Lp; j += LANES) weighted_rows(w, d, right, num, 1, j, 1);
  for (; j + 4 * LANES <= W; j += 4 * LANES) weighted_rows(w, d, right, num, 4, j, 0);
  for (; j + 2 * LANES <= W; j += 2 * LANES) weighted_rows(w, d, right, num, 2, j, 0);
  for (; j < W; j += LANES) weighted_rows(w, d, right, num, 1, j, 0);
}

/* Hidden layer and logits of a chunk into w->wide. */
static void forward(work *w, const examples *e, int begin, int count) {
  const int W = w->W, Lp = w->Lp, Sp = w->Sp;
  attend(w, e, begin, count);
  for (int d = 0; d < count;) {
    const int32_t *left = column(e, 0) + begin + d, *right = column(e, 1) + begin + d;
    if (d == 0 || left[0] != left[-1]) take_rows_of_a(w, left[0]);
    const int two = d + 1 < count && left[1] == left[0];
    if (two)
      rows_forward(w, d, right, 2);
    else
      rows_forward(w, d, right, 1);
    d += two ? 2 : 1;
  }
  const int columns = (w->S + HALF - 1) / HALF * HALF;
  multiply(count, columns, w->L, w->wide, W, w->out, Sp, w->wide + Lp, W, ADD);
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

/* Heads of two examples that go through together: more would not stay in registers. */
enum { PAIRED_HEADS = REGISTERS / 16 };

/* Back through the weighted sums of rows, for `examples` of one a and `heads` from `head` on. */
INLINE void back_through_rows(work *w, int d, const int32_t *right, int head, int num_examples,
                              int heads) {
  const int H = w->H;
  const ptrdiff_t W = w->W;
  /* To a, then to b; of each its examples; of each its heads. */
  enum { MOST = 2 * 2 * 4 };
  const int to_each = num_examples * heads;
  vec d_to[MOST] = {};
  float to_a[2][4], to_b[2][4]; /* copies: known places leave registers to the pointers */
  const float *of_b[2], *wide = w->wide + (size_t)d * W;
  float *d_of_b[2], *d_base = w->d_base;
  for (int n = 0; n < num_examples; n++) {
    for (int h = 0; h < heads; h++) {
      to_a[n][h] = w->weight[0][(d + n) * H + head + h];
      to_b[n][h] = w->weight[1][(d + n) * H + head + h];
    }
    of_b[n] = w->rows + ((size_t)right[n] * H + head) * W;
    d_of_b[n] = w->d_rows + ((size_t)right[n] * H + head) * W;
  }
  const float *of_a = w->of_a + (size_t)head * W;
  float *d_of_a = w->d_of_a + (size_t)head * W;
  for (int j = 0; j < W; j += LANES) {
    vec d_wide[2], sum = {};
#pragma GCC unroll 2
    for (int n = 0; n < num_examples; n++) {
      d_wide[n] = load(wide + (size_t)n * W);
      sum += d_wide[n];
    }
    if (head == 0) store(d_base, load(d_base) + sum);
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
      vec row_a = load(of_a + h * W), d_row_a = load(d_of_a + h * W);
#pragma GCC unroll 2
      for (int n = 0; n < num_examples; n++) {
        d_to[n * heads + h] += d_wide[n] * row_a;
        d_to[to_each + n * heads + h] += d_wide[n] * load(of_b[n] + h * W);
        d_row_a += to_a[n][h] * d_wide[n];
        store(d_of_b[n] + h * W, load(d_of_b[n] + h * W) + to_b[n][h] * d_wide[n]);
      }
      store(d_of_a + h * W, d_row_a);
    }
    wide += LANES, d_base += LANES, of_a += LANES, d_of_a += LANES;
    for (int n = 0; n < num_examples; n++) of_b[n] += LANES, d_of_b[n] += LANES;
  }
  float sums[MOST];
  if (2 * to_each % LANES == 0)
#pragma GCC unroll 4
    for (int i = 0; i < 2 * to_each; i += LANES) store(sums + i, sums_of(d_to + i));
  else
#pragma GCC unroll 16
    for (int i = 0; i < 2 * to_each; i++) sums[i] = sum_of(d_to[i]);
  for (int n = 0; n < num_examples; n++)
    for (int h = 0; h < heads; h++) {
      w->d_weight[0][(d + n) * H + head + h] = sums[n * heads + h];
      w->d_weight[1][(d + n) * H + head + h] = sums[to_each + n * heads + h];
    }
}

static void backward(work *w, const examples *e, int begin, int count) {
  const int S = w->S, H = w->H, L = w->L, W = w->W, Lp = w->Lp, Sp = w->Sp;
  const int columns = (S + HALF - 1) / HALF * HALF;
  multiply_transposed(L, columns, count, w->wide, W, w->wide + Lp, W, w->d_out, Sp, ADD);
  multiply(count, Lp, S, w->wide + Lp, W, w->out_t, Lp, w->wide, W, GATE);

  const int32_t *lefts = column(e, 0) + begin, *rights = column(e, 1) + begin;
  for (int d = 0; d < count;) {
    const int a = lefts[d];
    const int32_t *right = rights + d;
    if (d == 0 || a != lefts[d - 1]) take_rows_of_a(w, a);
    const int two = d + 1 < count && lefts[d + 1] == a;
    int head = 0;
    if (two) {
      for (; head + PAIRED_HEADS <= H; head += PAIRED_HEADS)
        back_through_rows(w, d, right, head, 2, PAIRED_HEADS);
      for (; head < H; head++) back_through_rows(w, d, right, head, 2, 1);
    } else {
      for (; head + 4 <= H; head += 4) back_through_rows(w, d, right, head, 1, 4);
      for (; head < H; head++) back_through_rows(w, d, right, head, 1, 1);
    }
    d += two ? 2 : 1;
    if (d == count || lefts[d] != a) give_rows_of_a(w, a);
  }

  /* The softmax over the three positions; the rows of "=" are 0, so their weight has no gradient. */
  float *to_a = w->weight[0], *to_b = w->weight[1], *to_eq = w->weight[2];
  float *of_a = w->d_weight[0], *of_b = w->d_weight[1];
  for (int i = 0; i < count * H; i += LANES) { /* there is room for a whole last vector */
    const vec a = load(to_a + i), b = load(to_b + i), eq = load(to_eq + i);
    const vec g_a = load(of_a + i), g_b = load(of_b + i);
    /* Not g minus its mean: where one weight is nearly 1 that would leave rounding only. */
    store(of_a + i, a * (b * (g_a - g_b) + eq * g_a));
    store(of_b + i, b * (a * (g_b - g_a) + eq * g_b));
    store(to_eq + i, eq * (a * g_a + b * g_b));
  }
  float *d_0 = w->d_score + S * H, *d_1 = d_0 + H, *d_2 = d_1 + H;
  for (int d = 0; d < count; d++) {
    float *d_a = w->d_score + lefts[d] * H, *d_b = w->d_score + rights[d] * H;
    for (int h = 0; h < H; h++) {
      const int i = d * H + h;
      d_a[h] += of_a[i], d_0[h] += of_a[i];
      d_b[h] += of_b[i], d_1[h] += of_b[i];
      d_2[h] -= to_eq[i];
    }
  }
}

/* ---------------------------------------------------------------- back to the parameters */

static void conclude(work *w, float *const *p, float *const *g) {
  const int S = w->S, M = w->M, H = w->H, F = w->F, L = w->L, X = w->X, Lp = w->Lp, Sp = w->Sp,
            Mp = w->Mp, W = w->W;
  const size_t row = (size_t)H * W;
  float *of_0 = w->d_rows + S * row, *of_1 = of_0 + row, *of_2 = of_1 + row;
  /* What went to a and to b, summed over symbols, is what went to positions 0 and 1; the weights of
     the three positions add up to 1. */
  for (size_t j = 0; j < row; j += LANES) {
    vec sum = {};
    for (int x = 0; x < S; x++) sum += load(w->d_rows + x * row + j);
    store(of_1 + j, sum);
  }
  for (int h = 0; h < H; h++)
    for (int j = 0; j < W; j++) of_2[(size_t)h * W + j] = w->d_base[j] - of_1[(size_t)h * W + j];
  for (size_t j = 0; j < row; j++) of_1[j] -= of_0[j];

  transpose(M, W, w->maps, W, w->maps_t, Mp);
  transpose(M, W, w->in, W, w->in_t, Mp);
  transpose(M, M, p[P_W_V], M, w->value_map, Mp);
  for (int h = 0; h < H; h++) {
    multiply(X, F, W, w->d_rows + (size_t)h * W, row, w->in_t + h * F, Mp, w->d_value + h * F, M,
             SET);
    multiply_transposed(F, W, X, w->value + h * F, M, w->d_rows + (size_t)h * W, row,
                        w->d_in + (size_t)h * F * W, W, SET);
  }
  multiply_transposed(M, M, X, w->embedding, M, w->d_value, M, g[P_W_V], M, SET);
  multiply(X, M, M, w->d_value, M, w->value_map, Mp, w->d_embedding, M, SET);
  multiply(M, M, W, w->d_in, W, w->maps_t, Mp, g[P_W_O], M, SET);
  multiply_transposed(M, L, M, p[P_W_O], M, w->d_in, W, g[P_W_in], L, SET);
  multiply_transposed(M, S, M, p[P_W_O], M, w->d_in + Lp, W, g[P_W_U], S, SET);
  multiply_transposed(M, S, L, p[P_W_out], M, w->d_out, Sp, g[P_W_U], S, ADD);
  multiply(L, M, S, w->d_out, Sp, w->maps_t + (size_t)Lp * Mp, Mp, g[P_W_out], M, SET);

  const float *equals = w->embedding + (size_t)(S + 2) * M;
  float *d_equals = w->d_embedding + (size_t)(S + 2) * M;
  memcpy(g[P_b_in], w->d_base, sizeof(float) * L);
  memset(g[P_b_out], 0, sizeof(float) * M);
  for (int s = 0; s < S; s++)
    add_scaled(M, g[P_b_out], w->d_base[Lp + s], w->maps_t + (size_t)(Lp + s) * Mp);
  for (int j = 0; j < W; j++) add_scaled(M, d_equals, w->d_base[j], w->maps_t + (size_t)j * Mp);
  for (int m = 0; m < M; m++) {
    add_scaled(L, g[P_W_in] + (size_t)m * L, equals[m], w->d_base);
    add_scaled(S, g[P_W_U] + (size_t)m * S, equals[m] + p[P_b_out][m], w->d_base + Lp);
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
        g[P_W_K][(size_t)m * M + f] = d * w->query[f];
        d_query[f] += d * p[P_W_K][(size_t)m * M + f];
      }
    }
  for (int m = 0; m < M; m++) {
    d_equals[m] += dot(M, p[P_W_Q] + (size_t)m * M, d_query);
    for (int f = 0; f < M; f++) g[P_W_Q][(size_t)m * M + f] = equals[m] * d_query[f];
  }
  memcpy(g[P_W_E], w->d_embedding, sizeof(float) * S * M);
  memcpy(g[P_W_E] + (size_t)S * M, d_equals, sizeof(float) * M);
  memcpy(g[P_W_pos], w->d_embedding + (size_t)S * M, sizeof(float) * 3 * M);
}

/* Gradients of the mean loss; returns the mean loss. Nothing is dropped. */
static double differentiate(void *network, float *const *p, const examples *e,
                            const uint64_t *dropout_key, float *const *gradients) {
  (void)dropout_key;
  work *w = network;
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
    sum += lose(w->loss, w->wide + w->Lp, w->W, e->labels + begin, count, w->S, w->Sp,
                1.0f / (float)e->count);
    backward(w, e, begin, count);
  }
  conclude(w, p, gradients);
  return sum / e->count;
}

/* ---------------------------------------------------------------- what entry.h asks for */

static int num_parameters(const shape *s) {
  (void)s;
  return NUM_PARAMETERS;
}
static int num_classes(const shape *s) { return s->num_symbols; }
static int num_at_once(const work *w) {
  (void)w;
  return CHUNK;
}

static float *logits(work *w, float *const *p, const examples *e, int first, int count,
                     ptrdiff_t *step) {
  (void)p;
  *step = w->W;
  forward(w, e, first, count);
  return w->wide + w->Lp;
}

#include "entry.h"
