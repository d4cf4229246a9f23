/* Networks written as a list of layers, on a CPU: forward pass, backward pass, AdamW and measuring
   of one member. Examples are pairs of operands with an answer, or sequences with several.

   The list comes from Python (efficiency/networks/layers.py): any transformer, any MLP, and what else
   can be put together from the kinds of layers below. Each reads arrays of numbers and writes one;
   an array has some rows for each example (positions, or a single one) of one width. Members take
   turns and examples go through in chunks that stay in cache; as in one_layer_transformer.c a
   result cannot depend, not even in its last bit, on the other members or on the number of threads.

   D examples in a chunk; an array has R rows of W columns for each, stored in rows of Wp floats, W
   rounded up to whole vectors; what is beyond W is 0 in the forward pass. d_ is a gradient. */

#include "vectors.h"

#include "losses.h"
#include "noise.h"
#include "processor.h"
#include "products.h"
#include "training.h"

#define VERSION 4 /* to be raised with every change that the sizes and names do not show */

#define KINDS(each) each(embed) each(linear) each(attend) each(add) each(norm) each(drop)
#define AS_KIND(name) K_##name,
enum { KINDS(AS_KIND) NUM_KINDS };

enum { NUM_FROM = 3, NONE = -1 };

/* Of every example: rows and columns. */
typedef struct {
  int32_t rows, width;
} array;

/* One layer. Linear, attend and add may write fewer rows than they read: then they read the last
   ones. */
typedef struct {
  int32_t kind;
  int32_t from[NUM_FROM]; /* arrays that it reads, or NONE */
  int32_t to;             /* the array that it writes */
  int32_t weight, bias;   /* parameters, or NONE */
  int32_t option;         /* linear: whether rectified; attend: heads; drop: which of the drops */
} layer;

typedef struct {
  int32_t num_symbols;       /* S: classes of the last array, which are the logits */
  int32_t num_words;         /* tokens that examples may have */
  int32_t num_tokens;        /* that the network reads of an example */
  const int32_t *tokens;     /* constant ones, or -1 - k for the k-th number of an example */
  const float *positions;    /* num_tokens, M: if they are not learned; or NULL */
  int32_t num_arrays, num_layers, num_parameters;
  const array *arrays;
  const layer *layers;
  const int64_t *counts;     /* numbers of each parameter */
  float dropped;             /* the share that is dropped */
} shape;

const char *names(void) { return KINDS(AS_TEXT) "/ " READINGS(AS_TEXT) "/ " LOSSES(AS_TEXT); }

int32_t layout(int32_t *to) {
  const int32_t sizes[] = {VERSION, sizeof(shape), sizeof(array), sizeof(layer), NUM_KINDS, SIZES};
  if (to) memcpy(to, sizes, sizeof(sizes));
  return (int32_t)(sizeof(sizes) / sizeof(sizes[0]));
}

/* The first example that the functions below must not be given, -1 if there is none. */
int32_t first_unfit(const shape *s, const examples *e) {
  return unfit(s->num_words, s->num_symbols, e, 0);
}

/* ---------------------------------------------------------------- memory */

static int whole_halves(int n) { return (n + HALF - 1) / HALF * HALF; }

typedef struct {
  const shape *s;
  int loss;
  int chunk;                 /* examples that go through together */
  float **value, **d_value;  /* of each array: chunk, R, Wp */
  float **packed, **packed_t; /* of each linear layer its weights: in, padded out; out, padded in */
  float **aside;             /* of each layer: what its backward pass wants to know */
  int32_t *token;            /* chunk, num_tokens */
  float **gradient, **noisy; /* of each parameter */
} work;

#define FLOATS_OF_A_CHUNK (128 * 1024) /* a small second-level cache; see benchmarks/NOTES.md */

static int rows_of(const shape *s, int a) { return s->arrays[a].rows; }
static int width_of(const shape *s, int a) { return s->arrays[a].width; }
static int step_of(const shape *s, int a) { return padded(width_of(s, a)); }
static size_t floats_of(const shape *s, int a) { return (size_t)rows_of(s, a) * step_of(s, a); }

/* Up to so many positions a vector holds weights of as many rows and heads at one position; of more
   it holds those of one row and head at many positions, and sums are products of matrices. */
#define FEW_POSITIONS 8

static int is_long(const shape *s, const layer *l) { return rows_of(s, l->from[1]) > FEW_POSITIONS; }

/* Attention weights of a chunk are kept by position; so many to a position. */
static int num_scores(const shape *s, const layer *l, int chunk) {
  return padded(chunk * rows_of(s, l->to) * l->option);
}

static size_t floats_of_attention(const shape *s, const layer *l, int chunk) {
  const size_t R = (size_t)rows_of(s, l->to), T = (size_t)rows_of(s, l->from[1]);
  if (!is_long(s, l)) return 2 * T * num_scores(s, l, chunk);
  /* Of one example keys or values by column, and gradients of one head; weights of the chunk. */
  return padded((int)T) * (width_of(s, l->to) + R + chunk * R * l->option);
}

static size_t put_aside(const shape *s, const layer *l, int chunk) {
  if (l->kind == K_attend) return floats_of_attention(s, l, chunk);
  if (l->kind == K_norm) return 2 * (size_t)chunk * rows_of(s, l->to);
  if (l->kind == K_drop) return chunk * floats_of(s, l->to);
  return 0;
}

static size_t floats_of_a_chunk(const shape *s, int chunk) {
  size_t sum = 0;
  for (int a = 0; a < s->num_arrays; a++) sum += 2 * chunk * floats_of(s, a);
  for (int i = 0; i < s->num_layers; i++) sum += put_aside(s, s->layers + i, chunk);
  return sum;
}

/* Lay out the arrays from `memory`; return the floats needed. `memory` may be NULL to ask. */
static size_t arrange(work *w, const shape *s, float *memory) {
  size_t used = 0;
  int chunk = CHUNK;
  while (chunk > 8 && floats_of_a_chunk(s, chunk) > FLOATS_OF_A_CHUNK) chunk -= 8;
  w->s = s, w->chunk = chunk;
#define ROOM(count) (((size_t)(count) + 2 * LANES - 1) / LANES * LANES)
#define TAKE(field, count) \
  (w->field = memory ? (void *)(memory + used) : NULL, used += ROOM(count))
#define POINTERS(field, num) TAKE(field, (sizeof(float *) / 4) * (size_t)(num))
#define TAKE_INTO(field, count) \
  (memory ? (void)(w->field = memory + used) : (void)0, used += ROOM(count))
  POINTERS(value, s->num_arrays);
  POINTERS(d_value, s->num_arrays);
  POINTERS(packed, s->num_layers);
  POINTERS(packed_t, s->num_layers);
  POINTERS(aside, s->num_layers);
  POINTERS(gradient, s->num_parameters);
  POINTERS(noisy, s->num_parameters);
  TAKE(token, chunk * s->num_tokens);
  for (int a = 0; a < s->num_arrays; a++) TAKE_INTO(value[a], chunk * floats_of(s, a));
  for (int a = 0; a < s->num_arrays; a++) TAKE_INTO(d_value[a], chunk * floats_of(s, a));
  for (int i = 0; i < s->num_layers; i++) {
    const layer *l = s->layers + i;
    TAKE_INTO(aside[i], put_aside(s, l, chunk));
    if (l->kind != K_linear) continue;
    const size_t in = (size_t)width_of(s, l->from[0]), out = (size_t)width_of(s, l->to);
    TAKE_INTO(packed[i], in * padded((int)out));
    TAKE_INTO(packed_t[i], out * padded((int)in));
  }
  for (int i = 0; i < s->num_parameters; i++) TAKE_INTO(gradient[i], s->counts[i]);
  for (int i = 0; i < s->num_parameters; i++) TAKE_INTO(noisy[i], s->counts[i]);
#undef ROOM
#undef TAKE
#undef POINTERS
#undef TAKE_INTO
  return used;
}

/* ---------------------------------------------------------------- layers */

/* The row of an array that a layer reads for a row of its results: of as many, or the last ones of
   every example. */
static float *row_read(const work *w, float **values, int from, int to, int row) {
  const shape *s = w->s;
  const int T = rows_of(s, from), R = rows_of(s, to);
  return values[from] + ((ptrdiff_t)(row / R) * T + T - R + row % R) * step_of(s, from);
}

/* How many rows of results read rows that are equally far apart, and how far. */
static int even_rows(const work *w, int from, int to, int count, ptrdiff_t *step) {
  const shape *s = w->s;
  const int T = rows_of(s, from), R = rows_of(s, to);
  *step = (R == 1 ? T : 1) * (ptrdiff_t)step_of(s, from);
  return R == 1 || R == T ? count * R : R;
}

static void embed(work *w, const layer *l, float *const *p, int count) {
  const shape *s = w->s;
  const int T = s->num_tokens, M = width_of(s, l->to) * rows_of(s, l->to) / T;
  const int to_a_row = T / rows_of(s, l->to), step = step_of(s, l->to);
  for (int i = 0; i < count * T; i++) {
    const float *symbol = p[l->weight] + (size_t)w->token[i] * M;
    const float *place = l->bias != NONE ? p[l->bias] : s->positions;
    float *to = w->value[l->to] + (size_t)(i / to_a_row) * step + i % to_a_row * M;
    if (place)
      for (int m = 0; m < M; m++) to[m] = symbol[m] + place[i % T * M + m];
    else
      memcpy(to, symbol, sizeof(float) * M);
  }
}

static void embed_back(work *w, const layer *l, float *const *g, int count) {
  const shape *s = w->s;
  const int T = s->num_tokens, M = width_of(s, l->to) * rows_of(s, l->to) / T;
  const int to_a_row = T / rows_of(s, l->to), step = step_of(s, l->to);
  for (int i = 0; i < count * T; i++) {
    const float *d = w->d_value[l->to] + (size_t)(i / to_a_row) * step + i % to_a_row * M;
    float *d_symbol = g[l->weight] + (size_t)w->token[i] * M;
    for (int m = 0; m < M; m++) d_symbol[m] += d[m];
    if (l->bias == NONE) continue;
    float *d_place = g[l->bias] + i % T * M;
    for (int m = 0; m < M; m++) d_place[m] += d[m];
  }
}

static void linear(work *w, int i, float *const *p, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int in = width_of(s, l->from[0]), out = width_of(s, l->to), step = step_of(s, l->to);
  const int rows = count * rows_of(s, l->to);
  ptrdiff_t from_step;
  const int even = even_rows(w, l->from[0], l->to, count, &from_step);
  float *to = w->value[l->to];
  for (int r = 0; r < rows; r += even)
    multiply(even, whole_halves(out), in, row_read(w, w->value, l->from[0], l->to, r), from_step,
             w->packed[i], step, to + (ptrdiff_t)r * step, step, SET);
  if (l->bias == NONE && !l->option) return;
  const float *bias = l->bias == NONE ? NULL : p[l->bias];
  for (int r = 0; r < rows; r++, to += step) {
    if (bias)
      for (int j = 0; j < out; j++) to[j] += bias[j];
    if (l->option)
      for (int j = 0; j < step; j += LANES) store(to + j, relu(load(to + j)));
  }
}

static void linear_back(work *w, int i, float *const *g, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int in = width_of(s, l->from[0]), out = width_of(s, l->to), step = step_of(s, l->to);
  const int rows = count * rows_of(s, l->to);
  ptrdiff_t from_step;
  const int even = even_rows(w, l->from[0], l->to, count, &from_step);
  float *d_to = w->d_value[l->to];
  if (l->bias != NONE || l->option)
    for (int r = 0; r < rows; r++) {
      float *d = d_to + (size_t)r * step;
      const float *rectified = w->value[l->to] + (size_t)r * step;
      if (l->option)
        for (int j = 0; j < step; j += LANES)
          store(d + j, where(load(rectified + j) > 0.0f, load(d + j), all(0.0f)));
      if (l->bias != NONE)
        for (int j = 0; j < out; j++) g[l->bias][j] += d[j];
    }
  for (int r = 0; r < rows; r += even, d_to += (ptrdiff_t)even * step) {
    const float *from = row_read(w, w->value, l->from[0], l->to, r);
    float *d_from = row_read(w, w->d_value, l->from[0], l->to, r);
    multiply_transposed(in, out, even, from, from_step, d_to, step, g[l->weight], out, ADD);
    multiply(even, in, out, d_to, step, w->packed_t[i], padded(in), d_from, from_step, ADD);
  }
}

/* Softmax over positions, each with a vector of scores; those of no position are -infinity. */
static void attend(work *w, int i, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int R = rows_of(s, l->to), T = rows_of(s, l->from[1]), H = l->option;
  const int M = width_of(s, l->to), F = M / H, step = step_of(s, l->to);
  const int scores = num_scores(s, l, w->chunk), used = padded(count * R * H);
  const float scale = 1.0f / sqrtf((float)F);
  float *weight = w->aside[i];
  memset(weight, 0, sizeof(float) * T * scores);
  for (int r = 0; r < count * R; r++) {
    const float *query = w->value[l->from[0]] + (size_t)r * step;
    const int last = T - R + r % R;
    for (int t = 0; t < T; t++) {
      const float *key = w->value[l->from[1]] + ((size_t)(r / R) * T + t) * step;
      for (int h = 0; h < H; h++)
        weight[t * scores + r * H + h] =
            t > last ? -INFINITY : scale * dot(F, query + h * F, key + h * F);
    }
  }
  for (int j = 0; j < used; j += LANES) {
    vec largest = load(weight + j), sum = {};
    for (int t = 1; t < T; t++) largest = larger(load(weight + t * scores + j), largest);
    for (int t = 0; t < T; t++) {
      const vec odds = exp_of(load(weight + t * scores + j) - largest);
      store(weight + t * scores + j, odds);
      sum += odds;
    }
    for (int t = 0; t < T; t++)
      store(weight + t * scores + j, load(weight + t * scores + j) / sum);
  }
  for (int r = 0; r < count * R; r++) {
    float *to = w->value[l->to] + (size_t)r * step;
    const int last = T - R + r % R;
    memset(to, 0, sizeof(float) * M);
    for (int t = 0; t <= last; t++) {
      const float *value = w->value[l->from[2]] + ((size_t)(r / R) * T + t) * step;
      for (int h = 0; h < H; h++)
        add_scaled(F, to + h * F, weight[t * scores + r * H + h], value + h * F);
    }
  }
}

static void attend_back(work *w, int i, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int R = rows_of(s, l->to), T = rows_of(s, l->from[1]), H = l->option;
  const int M = width_of(s, l->to), F = M / H, step = step_of(s, l->to);
  const int scores = num_scores(s, l, w->chunk), used = padded(count * R * H);
  const float scale = 1.0f / sqrtf((float)F);
  const float *weight = w->aside[i];
  float *d_weight = w->aside[i] + T * scores;
  memset(d_weight, 0, sizeof(float) * T * scores);
  for (int r = 0; r < count * R; r++) {
    const float *d = w->d_value[l->to] + (size_t)r * step;
    const int last = T - R + r % R;
    for (int t = 0; t <= last; t++) {
      const size_t at = ((size_t)(r / R) * T + t) * step;
      const float *value = w->value[l->from[2]] + at;
      float *d_of_value = w->d_value[l->from[2]] + at;
      for (int h = 0; h < H; h++) {
        d_weight[t * scores + r * H + h] = dot(F, d + h * F, value + h * F);
        add_scaled(F, d_of_value + h * F, weight[t * scores + r * H + h], d + h * F);
      }
    }
  }
  for (int j = 0; j < used; j += LANES) {
    /* Not g minus its mean: where one weight is nearly 1 that would leave rounding only. */
    vec found[FEW_POSITIONS];
    for (int t = 0; t < T; t++) {
      const vec g = load(d_weight + t * scores + j);
      vec sum = {};
      for (int u = 0; u < T; u++)
        sum += load(weight + u * scores + j) * (g - load(d_weight + u * scores + j));
      found[t] = load(weight + t * scores + j) * sum * scale;
    }
    for (int t = 0; t < T; t++) store(d_weight + t * scores + j, found[t]);
  }
  for (int r = 0; r < count * R; r++) {
    const float *query = w->value[l->from[0]] + (size_t)r * step;
    float *d_query = w->d_value[l->from[0]] + (size_t)r * step;
    const int last = T - R + r % R;
    for (int t = 0; t <= last; t++) {
      const size_t at = ((size_t)(r / R) * T + t) * step;
      const float *key = w->value[l->from[1]] + at;
      float *d_key = w->d_value[l->from[1]] + at;
      for (int h = 0; h < H; h++) {
        const float d = d_weight[t * scores + r * H + h];
        add_scaled(F, d_query + h * F, d, key + h * F);
        add_scaled(F, d_key + h * F, d, query + h * F);
      }
    }
  }
}

/* The same for many positions. Weights are 0 beyond the position of a row. */
typedef struct {
  int R, T, Tp, H, M, F, step;
  float scale;
  float *by_column; /* M, Tp */
  float *gradient;  /* R, Tp */
  float *weight;    /* examples, H, R, Tp */
} attention;

static attention long_attention(const work *w, int i) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  attention a = {rows_of(s, l->to), rows_of(s, l->from[1]), .H = l->option, .M = width_of(s, l->to)};
  a.Tp = padded(a.T), a.F = a.M / a.H, a.step = step_of(s, l->to);
  a.scale = 1.0f / sqrtf((float)a.F);
  a.by_column = w->aside[i];
  a.gradient = a.by_column + a.M * a.Tp;
  a.weight = a.gradient + a.R * a.Tp;
  return a;
}

/* Rows of an array of one example. */
static float *of_example(const work *w, float **values, int array, int d) {
  return values[array] + (ptrdiff_t)d * floats_of(w->s, array);
}

/* Odds of the positions up to `last` from scores, which they replace. */
static void softmax(float *row, int last, int Tp, float scale) {
  vec largest = all(-INFINITY), sum = {};
  for (int t = 0; t < Tp; t += LANES) {
    const vec score = where(t + (ivec){IOTA} > last, all(-INFINITY), scale * load(row + t));
    store(row + t, score);
    largest = larger(score, largest);
  }
  const float most = largest_of(largest);
  for (int t = 0; t < Tp; t += LANES) {
    const vec odds = exp_of(load(row + t) - most);
    store(row + t, odds);
    sum += odds;
  }
  const float total = sum_of(sum);
  for (int t = 0; t < Tp; t += LANES) store(row + t, load(row + t) / total);
}

/* Gradients of scores from those of weights, which they replace. What the largest weight gets is
   taken off first: where it is nearly 1 the mean would leave rounding only. */
static void softmax_back(const float *weight, float *row, int Tp, float scale) {
  vec largest = {}, there = all(-INFINITY), mean = {};
  for (int t = 0; t < Tp; t += LANES) largest = larger(load(weight + t), largest);
  const vec most = all(largest_of(largest));
  for (int t = 0; t < Tp; t += LANES)
    there = larger(where(load(weight + t) == most, load(row + t), all(-INFINITY)), there);
  const float of_largest = largest_of(there);
  for (int t = 0; t < Tp; t += LANES) {
    const vec apart = load(row + t) - of_largest;
    store(row + t, apart);
    mean += load(weight + t) * apart;
  }
  const float shared = sum_of(mean);
  for (int t = 0; t < Tp; t += LANES)
    store(row + t, load(weight + t) * (load(row + t) - shared) * scale);
}

static void attend_long(work *w, int i, int count) {
  const layer *l = w->s->layers + i;
  const attention a = long_attention(w, i);
  float *weight = a.weight;
  for (int d = 0; d < count; d++) {
    const float *query = of_example(w, w->value, l->from[0], d);
    const float *key = of_example(w, w->value, l->from[1], d);
    const float *value = of_example(w, w->value, l->from[2], d);
    float *to = of_example(w, w->value, l->to, d);
    transpose(a.T, a.M, key, a.step, a.by_column, a.Tp);
    for (int h = 0; h < a.H; h++, weight += a.R * a.Tp) {
      multiply(a.R, a.Tp, a.F, query + h * a.F, a.step, a.by_column + h * a.F * a.Tp, a.Tp, weight,
               a.Tp, SET);
      for (int r = 0; r < a.R; r++) softmax(weight + r * a.Tp, a.T - a.R + r, a.Tp, a.scale);
      multiply(a.R, a.F, a.T, weight, a.Tp, value + h * a.F, a.step, to + h * a.F, a.step, SET);
    }
  }
}

static void attend_long_back(work *w, int i, int count) {
  const layer *l = w->s->layers + i;
  const attention a = long_attention(w, i);
  const float *weight = a.weight;
  for (int d = 0; d < count; d++) {
    const float *query = of_example(w, w->value, l->from[0], d);
    const float *key = of_example(w, w->value, l->from[1], d);
    const float *value = of_example(w, w->value, l->from[2], d);
    const float *d_to = of_example(w, w->d_value, l->to, d);
    float *d_query = of_example(w, w->d_value, l->from[0], d);
    float *d_key = of_example(w, w->d_value, l->from[1], d);
    float *d_value = of_example(w, w->d_value, l->from[2], d);
    transpose(a.T, a.M, value, a.step, a.by_column, a.Tp);
    for (int h = 0; h < a.H; h++, weight += a.R * a.Tp) {
      const int at = h * a.F;
      multiply(a.R, a.Tp, a.F, d_to + at, a.step, a.by_column + at * a.Tp, a.Tp, a.gradient, a.Tp,
               SET);
      multiply_transposed(a.T, a.F, a.R, weight, a.Tp, d_to + at, a.step, d_value + at, a.step, ADD);
      for (int r = 0; r < a.R; r++)
        softmax_back(weight + r * a.Tp, a.gradient + r * a.Tp, a.Tp, a.scale);
      multiply(a.R, a.F, a.T, a.gradient, a.Tp, key + at, a.step, d_query + at, a.step, ADD);
      multiply_transposed(a.T, a.F, a.R, a.gradient, a.Tp, query + at, a.step, d_key + at, a.step,
                          ADD);
    }
  }
}

static void add(work *w, const layer *l, int count, int backward) {
  const shape *s = w->s;
  const int rows = count * rows_of(s, l->to), step = step_of(s, l->to);
  float **values = backward ? w->d_value : w->value;
  float *to = values[l->to], *from[2];
  for (int r = 0; r < rows; r++, to += step) {
    for (int n = 0; n < 2; n++) from[n] = row_read(w, values, l->from[n], l->to, r);
    for (int j = 0; j < step; j += LANES) {
      if (!backward) {
        store(to + j, load(from[0] + j) + load(from[1] + j));
        continue;
      }
      for (int n = 0; n < 2; n++) store(from[n] + j, load(from[n] + j) + load(to + j));
    }
  }
}

#define NORM_EPSILON 1e-5f /* torch's */

INLINE vec inside(int j, int width, vec value) {
  return where(j + (ivec){IOTA} < width, value, all(0.0f));
}

static void norm(work *w, int i, float *const *p, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int rows = count * rows_of(s, l->to), width = width_of(s, l->to), step = step_of(s, l->to);
  const float *from = w->value[l->from[0]];
  float *to = w->value[l->to], *kept = w->aside[i];
  for (int r = 0; r < rows; r++, from += step, to += step, kept += 2) {
    vec sum = {}, squares = {};
    for (int j = 0; j < step; j += LANES) sum += load(from + j);
    const float mean = sum_of(sum) / width;
    for (int j = 0; j < step; j += LANES) {
      const vec away = inside(j, width, load(from + j) - mean);
      squares += away * away;
    }
    const float inverse = 1.0f / sqrtf(sum_of(squares) / width + NORM_EPSILON);
    for (int j = 0; j < width; j++)
      to[j] = (from[j] - mean) * inverse * p[l->weight][j] + p[l->bias][j];
    kept[0] = mean, kept[1] = inverse;
  }
}

static void norm_back(work *w, int i, float *const *p, float *const *g, int count) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int rows = count * rows_of(s, l->to), width = width_of(s, l->to), step = step_of(s, l->to);
  const float *from = w->value[l->from[0]];
  float *d_from = w->d_value[l->from[0]], *d_to = w->d_value[l->to];
  const float *kept = w->aside[i], *gain = p[l->weight];
  float *d_gain = g[l->weight], *d_bias = g[l->bias];
  for (int r = 0; r < rows; r++, from += step, d_from += step, d_to += step, kept += 2) {
    const float mean = kept[0], inverse = kept[1];
    for (int j = 0; j < width; j++) {
      d_gain[j] += d_to[j] * (from[j] - mean) * inverse;
      d_bias[j] += d_to[j];
      d_to[j] *= gain[j];
    }
    vec sum = {}, along = {};
    for (int j = 0; j < step; j += LANES) {
      const vec d = inside(j, width, load(d_to + j));
      sum += d;
      along += d * (load(from + j) - mean);
    }
    const float shared = sum_of(sum) / width;
    const float slope = sum_of(along) * inverse * inverse / width;
    for (int j = 0; j < width; j++)
      d_from[j] += inverse * (d_to[j] - shared - (from[j] - mean) * slope);
  }
}

/* Dropout as in efficiency/networks/program.py: one stream for each time, numbers in the order of the
   examples. `first` is the chunk's first example. */
static void drop(work *w, int i, int first, int count, const uint64_t *key) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int rows = rows_of(s, l->to), width = width_of(s, l->to), step = step_of(s, l->to);
  const float *from = w->value[l->from[0]];
  float *to = w->value[l->to], *factor = w->aside[i];
  const float unit = 1.1920928955078125e-7f /* 2^-23 */, kept = 1.0f / (1.0f - s->dropped);
  const uint64_t of_this = key ? split(*key, l->option) : 0;
  uint64_t number = (uint64_t)first * rows * width, pair = UINT64_MAX, bits = 0;
  for (int r = 0; r < count * rows; r++, from += step, to += step, factor += step)
    for (int j = 0; j < width; j++, number++) {
      if (!key) {
        to[j] = from[j];
        continue;
      }
      if (number / 2 != pair) {
        pair = number / 2;
        bits = mixed(of_this + (pair + 1) * GOLDEN);
      }
      const uint64_t half = number % 2 ? bits >> 9 & 0x7fffff : bits >> 41;
      factor[j] = ((float)(int32_t)half + 0.5f) * unit < s->dropped ? 0.0f : kept;
      to[j] = from[j] * factor[j];
    }
}

static void drop_back(work *w, int i, int count, int dropping) {
  const shape *s = w->s;
  const layer *l = s->layers + i;
  const int rows = count * rows_of(s, l->to), step = step_of(s, l->to);
  const float *d_to = w->d_value[l->to], *factor = w->aside[i];
  float *d_from = w->d_value[l->from[0]];
  for (int r = 0; r < rows * step; r++) d_from[r] += dropping ? d_to[r] * factor[r] : d_to[r];
}

/* ---------------------------------------------------------------- the network */

static void prepare(work *w, float *const *p) {
  const shape *s = w->s;
  for (int a = 0; a < s->num_arrays; a++)
    memset(w->value[a], 0, sizeof(float) * w->chunk * floats_of(s, a));
  for (int i = 0; i < s->num_layers; i++) {
    const layer *l = s->layers + i;
    if (l->kind == K_drop) memset(w->aside[i], 0, sizeof(float) * put_aside(s, l, w->chunk));
    if (l->kind == K_attend && is_long(s, l)) {
      const attention a = long_attention(w, i);
      memset(a.by_column, 0, sizeof(float) * a.M * a.Tp);
    }
    if (l->kind != K_linear) continue;
    const int in = width_of(s, l->from[0]), out = width_of(s, l->to), step = padded(out);
    for (int j = 0; j < in; j++) {
      memcpy(w->packed[i] + j * step, p[l->weight] + (size_t)j * out, sizeof(float) * out);
      memset(w->packed[i] + j * step + out, 0, sizeof(float) * (step - out));
    }
    transpose(in, out, p[l->weight], out, w->packed_t[i], padded(in));
  }
}

/* Nothing is dropped if `key` is NULL. */
static void forward(work *w, float *const *p, const examples *e, int first, int count,
                    const uint64_t *key) {
  const shape *s = w->s;
  for (int d = 0; d < count; d++)
    for (int t = 0; t < s->num_tokens; t++) {
      const int32_t token = s->tokens[t];
      w->token[d * s->num_tokens + t] = token < 0 ? column(e, NONE - token)[first + d] : token;
    }
  for (int i = 0; i < s->num_layers; i++) {
    const layer *l = s->layers + i;
    if (l->kind == K_embed) embed(w, l, p, count);
    if (l->kind == K_linear) linear(w, i, p, count);
    if (l->kind == K_attend) (is_long(s, l) ? attend_long : attend)(w, i, count);
    if (l->kind == K_add) add(w, l, count, 0);
    if (l->kind == K_norm) norm(w, i, p, count);
    if (l->kind == K_drop) drop(w, i, first, count, key);
  }
}

static void backward(work *w, float *const *p, float *const *g, int count, int dropping) {
  const shape *s = w->s;
  for (int i = s->num_layers - 1; i >= 0; i--) {
    const layer *l = s->layers + i;
    if (l->kind == K_embed) embed_back(w, l, g, count);
    if (l->kind == K_linear) linear_back(w, i, g, count);
    if (l->kind == K_attend) (is_long(s, l) ? attend_long_back : attend_back)(w, i, count);
    if (l->kind == K_add) add(w, l, count, 1);
    if (l->kind == K_norm) norm_back(w, i, p, g, count);
    if (l->kind == K_drop) drop_back(w, i, count, dropping);
  }
}

/* Gradients of the mean loss over all answers; returns the mean loss. */
static double differentiate(void *network, float *const *p, const examples *e,
                            const uint64_t *dropout_key, float *const *g) {
  work *w = network;
  const shape *s = w->s;
  const int logits = s->num_arrays - 1, S = s->num_symbols, Sp = padded(S), A = e->num_asked;
  const uint64_t *key = s->dropped > 0 ? dropout_key : NULL;
  prepare(w, p);
  for (int i = 0; i < s->num_parameters; i++) memset(g[i], 0, sizeof(float) * s->counts[i]);
  double sum = 0;
  for (int first = 0; first < e->count; first += w->chunk) {
    const int count = e->count - first < w->chunk ? e->count - first : w->chunk;
    forward(w, p, e, first, count, key);
    for (int a = 0; a < logits; a++)
      memset(w->d_value[a], 0, sizeof(float) * count * floats_of(s, a));
    memcpy(w->d_value[logits], w->value[logits], sizeof(float) * count * A * Sp);
    const int32_t *labels = e->labels + (ptrdiff_t)first * A;
    for (int r = 0; r < count * A; r += CHUNK)
      sum += lose(w->loss, w->d_value[logits] + (ptrdiff_t)r * Sp, Sp, labels + r,
                  count * A - r < CHUNK ? count * A - r : CHUNK, S, Sp,
                  1.0f / (float)(e->count * A));
    backward(w, p, g, count, key != NULL);
  }
  return sum / ((double)e->count * A);
}

/* ---------------------------------------------------------------- what entry.h asks for */

static int num_parameters(const shape *s) { return s->num_parameters; }
static int num_classes(const shape *s) { return s->num_symbols; }
static int num_at_once(const work *w) { return w->chunk; }

static float *logits(work *w, float *const *p, const examples *e, int first, int count,
                     ptrdiff_t *step) {
  const int last = w->s->num_arrays - 1;
  *step = step_of(w->s, last);
  /* What was read is no longer a row of logits: padding must be 0 again. */
  memset(w->value[last], 0, sizeof(float) * count * floats_of(w->s, last));
  forward(w, p, e, first, count, NULL);
  return w->value[last];
}

#include "entry.h"
