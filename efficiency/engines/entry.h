/* What Python calls, the same for all networks. To be included last, by a file that has

     shape, work, arrange       a network and the memory that it is computed in
     num_parameters(shape)      how many it has
     prepare(work, weights)     what is done once for some weights
     logits(work, weights, examples, first, count, step)
                                rows of logits of a chunk, `step` floats apart, their padding 0
     num_classes(shape), num_at_once(work)
                                S, and the examples of a chunk
     differentiate              see training.h; by the loss whose number is in work.loss */

/* Floats of memory that one call of the functions below works in; it must begin at 64 bytes. */
size_t memory_floats(const shape *s) {
  work w;
  return arrange(&w, s, NULL);
}

/* Gradient of the mean loss, by parameter, with nothing dropped; returns the mean loss. */
double gradient(const shape *s, const parameter *p, const examples *e, const rule *r,
                float *const *gradients, float *memory) {
  const CONTROL before = begin();
  work w;
  arrange(&w, s, memory);
  w.loss = r->loss;
  float *weights[num_parameters(s)];
  for (int i = 0; i < num_parameters(s); i++) weights[i] = p[i].weight;
  const double loss = differentiate(&w, weights, e, NULL, gradients);
  set_control(before);
  return loss;
}

/* See `train`. */
double advance(const shape *s, const parameter *p, const examples *e, const rule *r,
               const minibatches *b, const update *updates, int64_t num_updates, float *memory) {
  const CONTROL before = begin();
  work w;
  arrange(&w, s, memory);
  w.loss = r->loss;
  const double peak = train(p, num_parameters(s), e, r, b, updates, num_updates, differentiate, &w,
                            w.gradient, w.noisy);
  set_control(before);
  return peak;
}

/* Sums of the readings over each part of the examples, see `add_readings`, and the sum of squares
   of each parameter. */
void measure(const shape *s, const parameter *p, const examples *e, const uint8_t *parts,
             double *sums, double *squares, float *memory) {
  const CONTROL before = begin();
  work w;
  arrange(&w, s, memory);
  float *weights[num_parameters(s)];
  for (int i = 0; i < num_parameters(s); i++) weights[i] = p[i].weight;
  prepare(&w, weights);
  memset(sums, 0, sizeof(double) * NUM_PARTS * NUM_READINGS);
  const int S = num_classes(s), most = num_at_once(&w);
  for (int first = 0; first < e->count; first += most) {
    const int count = e->count - first < most ? e->count - first : most;
    ptrdiff_t step;
    float *rows = logits(&w, weights, e, first, count, &step);
    add_readings(rows, step, e->labels + first, parts + first, count, S, padded(S), sums);
  }
  for (int i = 0; i < num_parameters(s); i++)
    squares[i] = sum_of_squares((size_t)p[i].count, p[i].weight);
  set_control(before);
}
