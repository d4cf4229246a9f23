/* Losses of a chunk of examples and their gradients, and readings off their logits.

   S classes; a row of logits has Sp floats, S rounded up to whole vectors. */

#define CHUNK 64 /* Examples that go through together at the most; see benchmarks/NOTES.md. */

#define LOSSES(each) each(log_odds) each(stablemax)
#define AS_LOSS(name) L_##name,
enum { LOSSES(AS_LOSS) NUM_LOSSES };

#define READINGS(each) each(loss) each(accuracy) each(log_odds) each(margin) each(centred_logit)
#define AS_READING(name) R_##name,
#define AS_TEXT(name) #name " "
enum { READINGS(AS_READING) NUM_READINGS };
enum { NUM_PARTS = 7 };

/* The largest logit of a wrong class; the right one's place and the padding become -infinity. */
INLINE float largest_wrong(float *logits, int label, int S, int Sp) {
  const vec nothing = all(-INFINITY);
  vec largest = nothing;
  for (int s = 0; s < Sp; s += LANES) {
    const ivec class = s + (ivec){IOTA};
    vec wrong = where((class == label) | (class >= S), nothing, load(logits + s));
    store(logits + s, wrong);
    largest = larger(wrong, largest);
  }
  return largest_of(largest);
}

/* e^(logit - largest) in place of the logits; returns their sum. */
INLINE float wrong_odds(float *logits, float largest, int Sp) {
  vec total = {};
  for (int s = 0; s < Sp; s += LANES) {
    vec odds = exp_of(load(logits + s) - largest);
    store(logits + s, odds);
    total += odds;
  }
  return sum_of(total);
}

/* Cross-entropy by log-odds. With m = max(0, r) for the largest wrong logit relative to the right
   one, r, the odds of being wrong are e^(r - m) total to e^-m, so that neither overflows and neither
   is rounded away. */
static double lose_log_odds(float *rows, ptrdiff_t step, const int32_t *labels, int count, int S,
                            int Sp, float each) {
  float relative[CHUNK + LANES], total[CHUNK + LANES], wrong[CHUNK + LANES], largest[CHUNK];
  /* One loop after the other: in each, several examples are under way at once. */
  for (int d = 0; d < count; d++) {
    float *logits = rows + d * step;
    const float right = logits[labels[d]];
    largest[d] = largest_wrong(logits, labels[d], S, Sp);
    relative[d] = largest[d] - right;
  }
  for (int d = 0; d < count; d++) total[d] = wrong_odds(rows + d * step, largest[d], Sp);
  store(relative + count, all(-INFINITY)); /* a whole last vector, of no loss */
  store(total + count, all(1.0f));
  double sum = 0;
  for (int d = 0; d < count; d += LANES) {
    const vec r = load(relative + d), m = larger(r, all(0.0f));
    const vec to_wrong = load(total + d) * exp_of(r - m), to_right = exp_of(-m);
    sum += sum_of(m + log1p_of(to_wrong + (to_right - 1.0f)));
    const vec share = each * to_wrong / (to_wrong + to_right);
    store(wrong + d, share);
    store(total + d, share / load(total + d));
  }
  for (int d = 0; d < count; d++) {
    float *logits = rows + d * step;
    const float scale = total[d];
    for (int s = 0; s < Sp; s += LANES) store(logits + s, load(logits + s) * scale);
    logits[labels[d]] = -wrong[d];
  }
  return sum;
}

/* Cross-entropy of StableMax: s(x) = x + 1 for x >= 0, 1 / (1 - x) below, in place of e^x. The loss
   is log(1 + W / s*) with s* of the right class and W the sum over wrong ones. */
static double lose_stablemax(float *rows, ptrdiff_t step, const int32_t *labels, int count, int S,
                             int Sp, float each) {
  float ratio[CHUNK + LANES];
  for (int d = 0; d < count; d++) {
    float *logits = rows + d * step;
    const int label = labels[d];
    const float z = logits[label], q = 1.0f + fabsf(z);
    const float right = z < 0 ? 1 / q : q, slope = z < 0 ? 1 / (q * q) : 1.0f;
    vec sum = {};
    for (int s = 0; s < Sp; s += LANES) {
      const ivec class = s + (ivec){IOTA};
      const vec x = load(logits + s), size = 1.0f + where(x < 0.0f, -x, x);
      const vec over = 1.0f / size, none = all(0.0f);
      const ivec out = (class == label) | (class >= S);
      sum += where(out, none, where(x < 0.0f, over, size));
      store(logits + s, where(out, none, where(x < 0.0f, over * over, all(1.0f))));
    }
    const float wrong = sum_of(sum), share = each / (right + wrong);
    for (int s = 0; s < Sp; s += LANES) store(logits + s, load(logits + s) * share);
    ratio[d] = wrong / right;
    logits[label] = -share * slope * ratio[d];
  }
  store(ratio + count, all(0.0f)); /* a whole last vector, of no loss */
  double sum = 0;
  for (int d = 0; d < count; d += LANES) sum += sum_of(log1p_of(load(ratio + d)));
  return sum;
}

/* Gradients of the logits, rows of `step` floats, in place of the logits; returns the sum of the
   losses. Each example counts `each` in the loss that is differentiated. */
static double lose(int loss, float *rows, ptrdiff_t step, const int32_t *labels, int count, int S,
                   int Sp, float each) {
  return (loss == L_stablemax ? lose_stablemax : lose_log_odds)(rows, step, labels, count, S, Sp,
                                                                each);
}

/* Add the readings of each example to the sums of the parts that it is in, (NUM_PARTS,
   NUM_READINGS): bit i of parts[d] says whether example d is in part i. Padding of a row of logits
   must be 0; what is left of it is of no use. */
static void add_readings(float *rows, ptrdiff_t step, const int32_t *labels, const uint8_t *parts,
                         int count, int S, int Sp, double *sums) {
  for (int d = 0; d < count; d++) {
    float *logits = rows + d * step;
    const double right = logits[labels[d]];
    vec sum = {};
    for (int y = 0; y < Sp; y += LANES) sum += load(logits + y);
    const float largest = largest_wrong(logits, labels[d], S, Sp);
    const double margin = right - (double)largest;
    const double log_odds = margin - log((double)wrong_odds(logits, largest, Sp));
    double reading[NUM_READINGS];
    /* log(1 + e^-s), accurate however small: log(1 + x) = x - x^2/2 to 1e-13 below 1e-6. */
    const double x = exp(-fabs(log_odds));
    reading[R_loss] = (x < 1e-6 ? x - x * x / 2 : log1p(x)) + (log_odds < 0 ? -log_odds : 0.0);
    reading[R_accuracy] = margin > 0;
    reading[R_log_odds] = log_odds;
    reading[R_margin] = margin;
    reading[R_centred_logit] = right - sum_of(sum) / S;
    for (unsigned left = parts[d]; left; left &= left - 1) {
      double *of_part = sums + __builtin_ctz(left) * NUM_READINGS;
      for (int i = 0; i < NUM_READINGS; i++) of_part[i] += reading[i];
    }
  }
}
