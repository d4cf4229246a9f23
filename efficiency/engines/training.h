/* A member in training, whatever its network: minibatches, noise, AdamW or gradient descent, weights
   at a fixed norm. */

/* What is read of an example are its operands, or the tokens of a sequence. */
typedef struct {
  int32_t count, num_read, num_asked; /* D, numbers that are read of each, answers to each */
  int32_t step;                       /* from a column of `read` to the next */
  const int32_t *read;                /* num_read columns of D */
  const int32_t *labels;              /* D, num_asked */
} examples;

static const int32_t *column(const examples *e, int k) { return e->read + (ptrdiff_t)k * e->step; }

/* One of the arrays of a member's weights. */
typedef struct {
  int64_t count;
  float *weight, *first, *second; /* itself and its moments */
  const float *target;            /* what decay goes towards; NULL for zero */
  int64_t stream;                 /* of its noise: its place in the network */
} parameter;

/* How a member is trained, the same at every update. */
typedef struct {
  float beta2, epsilon;
  float one_minus_1, one_minus_2; /* of 1 - beta in float64: a beta near 1 has few digits here */
  float penalty;                  /* of an L2 penalty, which goes through the moments; or 0 */
  float weight_noise;             /* standard deviation; or 0 */
  int32_t loss;                   /* its number, see losses.h */
  int32_t orthogonal;             /* gradients to the weights: array by array, or all together */
  int32_t method;                 /* AdamW, or gradient descent */
  double norm;                    /* at which the weights are held; or 0 */
} rule;

/* The numbers of one update, which the schedule decides. */
typedef struct {
  float keep;       /* 1 - rate * decay */
  float step;       /* rate / (1 - beta1^t); of gradient descent the rate */
  float root_bias2; /* sqrt(1 - beta2^t) */
  float noise;      /* rate * standard deviation of the noise of updates */
  uint64_t weight_key, update_key, dropout_key; /* of the streams of both noises, and of dropout */
} update;

/* Which examples each update takes; all if `chosen` is NULL. */
typedef struct {
  int32_t size;
  const int32_t *chosen; /* updates, size: places among the examples, then -1 */
  int32_t *memory;       /* num_read + num_asked, size */
} minibatches;

/* Sizes of all that Python hands over: both sides compare them before anything is called. */
#define SIZES                                                                               \
  sizeof(examples), sizeof(parameter), sizeof(rule), sizeof(update), sizeof(minibatches), \
      NUM_READINGS, NUM_PARTS, NUM_LOSSES

/* The first example that reads what is none of so many tokens, or has a label that is no class, or,
   if they must be sorted, whose first number is below that of the example before; -1 if there is
   none. */
static int32_t unfit(int32_t num_tokens, int32_t num_classes, const examples *e, int sorted) {
  for (int32_t d = 0; d < e->count; d++) {
    for (int k = 0; k < e->num_read; k++)
      if ((uint32_t)column(e, k)[d] >= (uint32_t)num_tokens) return d;
    for (int a = 0; a < e->num_asked; a++)
      if ((uint32_t)e->labels[(ptrdiff_t)d * e->num_asked + a] >= (uint32_t)num_classes) return d;
    if (sorted && d > 0 && e->read[d] < e->read[d - 1]) return d;
  }
  return -1;
}

static examples taken(const examples *e, const minibatches *b, int64_t t) {
  const int32_t *chosen = b->chosen + t * b->size;
  const int A = e->num_asked;
  int32_t *read = b->memory, *labels = read + (ptrdiff_t)e->num_read * b->size, count = 0;
  for (; count < b->size && chosen[count] >= 0; count++) {
    for (int k = 0; k < e->num_read; k++)
      read[(ptrdiff_t)k * b->size + count] = column(e, k)[chosen[count]];
    memcpy(labels + (ptrdiff_t)count * A, e->labels + (ptrdiff_t)chosen[count] * A,
           sizeof(int32_t) * A);
  }
  return (examples){count, e->num_read, A, b->size, read, labels};
}

/* `to` = weights + scale * normal numbers, of a stream for each parameter. */
static void add_noise(const parameter *p, int num, float scale, uint64_t key, float *const *to) {
  for (int i = 0; i < num; i++)
    add_normals((size_t)p[i].count, p[i].weight, scale,
                split(key, p[i].stream), to[i]);
}

/* The second moment is kept in units of its square, so that gradients down to 1e-30 still have one:
   where it underflows an update is the gradient over epsilon, however small that is. */
#define UNIT 1099511627776.0f /* 2^40: scaling by it is exact */

static void adamw(size_t n, float *restrict weight, float *restrict first, float *restrict second,
                  const float *restrict gradient, const float *restrict target, const rule *r,
                  const update *u) {
  const float one_minus_1 = r->one_minus_1, one_minus_2 = r->one_minus_2, penalty = r->penalty;
  const float beta2 = r->beta2, epsilon = r->epsilon;
  const float keep = u->keep, step = u->step, over_root = 1 / (u->root_bias2 * UNIT);
#define UPDATE(towards)                                                        \
  do {                                                                         \
    const float g = gradient[i] + penalty * (weight[i] - (towards));           \
    const float m = first[i] + (g - first[i]) * one_minus_1;                   \
    const float v = beta2 * second[i] + one_minus_2 * (g * UNIT) * (g * UNIT); \
    first[i] = m;                                                              \
    second[i] = v;                                                             \
    weight[i] = (towards) + (weight[i] - (towards)) * keep -                   \
                step * m / (sqrtf(v) * over_root + epsilon);                   \
  } while (0)
  if (target)
    for (size_t i = 0; i < n; i++) UPDATE(target[i]);
  else
    for (size_t i = 0; i < n; i++) UPDATE(0.0f);
#undef UPDATE
}

static void descend(size_t n, float *restrict weight, const float *restrict gradient,
                    const float *restrict target, const update *u) {
  const float keep = u->keep, step = u->step;
  if (target)
    for (size_t i = 0; i < n; i++)
      weight[i] = target[i] + (weight[i] - target[i]) * keep - step * gradient[i];
  else
    for (size_t i = 0; i < n; i++) weight[i] = weight[i] * keep - step * gradient[i];
}

static double inner(size_t n, const float *left, const float *right) {
  /* Lanes of their own: one chain of additions would wait for each before the next. */
  double lanes[LANES] = {0}, sum = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lanes[l] += (double)left[i + l] * (double)right[i + l];
  for (; i < n; i++) sum += (double)left[i] * (double)right[i];
  for (int l = 0; l < LANES; l++) sum += lanes[l];
  return sum;
}

static double sum_of_squares(size_t n, const float *values) { return inner(n, values, values); }

enum { ADAMW, GRADIENT_DESCENT };
enum { FREE_GRADIENT, ORTHOGONAL_EACH, ORTHOGONAL_WHOLE };
/* Of a gradient that lies along the weights but for this share, the rest is rounding. */
#define LEAST_LEFT 1e-6

/* Take out of gradients, as one vector, what lies along their weights, and keep its length. */
static void make_orthogonal(const parameter *p, int num, float *const *gradients) {
  double along = 0, square = 0, before = 0, after = 0;
  for (int i = 0; i < num; i++) {
    along += inner((size_t)p[i].count, p[i].weight, gradients[i]);
    square += sum_of_squares((size_t)p[i].count, p[i].weight);
    before += sum_of_squares((size_t)p[i].count, gradients[i]);
  }
  const float part = square > 0 ? (float)(along / square) : 0.0f;
  for (int i = 0; i < num; i++) {
    for (int64_t j = 0; j < p[i].count; j++) gradients[i][j] -= part * p[i].weight[j];
    after += sum_of_squares((size_t)p[i].count, gradients[i]);
  }
  const float scale =
      after > LEAST_LEFT * LEAST_LEFT * before ? (float)sqrt(before / after) : 0.0f;
  for (int i = 0; i < num; i++)
    for (int64_t j = 0; j < p[i].count; j++) gradients[i][j] *= scale;
}

static void scale_to_norm(const parameter *p, int num, double norm) {
  double square = 0;
  for (int i = 0; i < num; i++) square += sum_of_squares((size_t)p[i].count, p[i].weight);
  const float factor = (float)(norm / sqrt(square));
  for (int i = 0; i < num; i++)
    for (int64_t j = 0; j < p[i].count; j++) p[i].weight[j] *= factor;
}

/* Gradients of the mean loss of a network with these weights; returns the mean loss. Nothing is
   dropped if there is no key. */
typedef double differentiator(void *network, float *const *weights, const examples *e,
                              const uint64_t *dropout_key, float *const *gradients);

/* `num_updates` steps; returns the largest mean loss seen, infinite for NaN. `noisy` is
   memory for the weights with noise. */
static double train(const parameter *p, int num, const examples *e, const rule *r,
                    const minibatches *b, const update *updates, int64_t num_updates,
                    differentiator *differentiate, void *network, float *const *gradients,
                    float *const *noisy) {
  float *weights[num];
  for (int i = 0; i < num; i++) weights[i] = p[i].weight;
  double peak = 0;
  for (int64_t t = 0; t < num_updates; t++) {
    const update *u = updates + t;
    const examples some = b->chosen ? taken(e, b, t) : *e;
    if (r->weight_noise > 0) add_noise(p, num, r->weight_noise, u->weight_key, noisy);
    const double loss = differentiate(network, r->weight_noise > 0 ? noisy : weights, &some,
                                      &u->dropout_key, gradients);
    if (!(loss <= peak)) peak = loss == loss ? loss : INFINITY;
    if (r->orthogonal == ORTHOGONAL_WHOLE) make_orthogonal(p, num, gradients);
    for (int i = 0; r->orthogonal == ORTHOGONAL_EACH && i < num; i++)
      make_orthogonal(p + i, 1, gradients + i);
    for (int i = 0; i < num; i++) {
      const size_t n = (size_t)p[i].count;
      if (r->method == GRADIENT_DESCENT)
        descend(n, p[i].weight, gradients[i], p[i].target, u);
      else
        adamw(n, p[i].weight, p[i].first, p[i].second, gradients[i], p[i].target, r, u);
    }
    if (u->noise > 0) add_noise(p, num, u->noise, u->update_key, weights);
    if (r->norm > 0) scale_to_norm(p, num, r->norm);
  }
  return peak;
}
