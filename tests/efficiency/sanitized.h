/* Random members in memory of exactly their size, for the sanitizers: every array that Python hands
   over ends where it ends, so that nothing is read or written beyond it unseen. To be included after
   the code of an engine. */

#include <stdio.h>
#include <stdlib.h>

static uint64_t state;
static uint64_t drawn(void) { return state = mixed(state + GOLDEN); }
static int between(int low, int high) { return low + (int)(drawn() % (uint64_t)(high - low + 1)); }
static float number(void) { return (float)(drawn() >> 40) / (float)(1 << 24) - 0.5f; }

#ifndef LACKING
#define LACKING 0 /* floats that arrays are too short: the sanitizers must see that */
#endif

static float *numbers(size_t count, float scale) {
  float *held = malloc(sizeof(float) * (count - LACKING) + (count == 1));
  for (size_t i = 0; i + LACKING < count; i++) held[i] = scale * number();
  return held;
}

static int32_t *integers(int count, int most) {
  int32_t *held = malloc(sizeof(int32_t) * (size_t)count);
  for (int i = 0; i < count; i++) held[i] = between(0, most);
  return held;
}

static int ascending(const void *left, const void *right) {
  return *(const int32_t *)left - *(const int32_t *)right;
}

/* What examples consist of: numbers that are read, of so many kinds, and answers of S classes. */
typedef struct {
  int num_read, num_words, num_asked, S, sorted;
} kind_of_examples;

/* Train and measure a member of this shape, whose parameters have so many numbers. */
static void try_shape(const shape *s, int num_parameters, const int64_t *counts,
                      kind_of_examples of) {
  const int D = between(1, 150), B = between(1, D), updates = 4;
  float *memory = aligned_alloc(64, (sizeof(float) * memory_floats(s) + 63) / 64 * 64);

  rule r = {0.98f, 1e-8f, 0.1f, 0.02f, 0, 0, 0, 0, 0};
  if (between(0, 1)) r.penalty = 0.1f;
  if (between(0, 1)) r.weight_noise = 0.01f;
  if (between(0, 2) == 0) r.norm = 3;
  r.loss = between(0, NUM_LOSSES - 1);
  r.orthogonal = between(FREE_GRADIENT, ORTHOGONAL_WHOLE);
  const int towards = between(0, 1);
  parameter *p = malloc(sizeof(parameter) * (size_t)num_parameters);
  float **gradients = malloc(sizeof(float *) * (size_t)num_parameters);
  for (int i = 0; i < num_parameters; i++) {
    const size_t n = (size_t)counts[i];
    p[i] = (parameter){counts[i], numbers(n, 1), numbers(n, 0), numbers(n, 0),
                       towards ? numbers(n, 1) : NULL, i};
    gradients[i] = numbers(n, 1);
  }

  int32_t *read = integers(D * of.num_read, of.num_words - 1);
  int32_t *labels = integers(D * of.num_asked, of.S - 1);
  if (of.sorted) qsort(read, (size_t)D, sizeof(int32_t), ascending);
  const examples e = {D, of.num_read, of.num_asked, D, read, labels};
  if (first_unfit(s, &e) != -1) abort();

  update *u = calloc((size_t)updates, sizeof(update));
  int32_t *chosen = integers(updates * B, D - 1), 
          *batch = malloc(sizeof(int32_t) * (size_t)(B * (of.num_read + of.num_asked)));
  for (int t = 0; t < updates; t++) {
    u[t] = (update){0.999f, 1e-3f, 0.2f, between(0, 1) ? 1e-4f : 0, drawn(), drawn(), drawn()};
    qsort(chosen + t * B, (size_t)B, sizeof(int32_t), ascending);
    if (B > 1 && between(0, 1)) chosen[t * B + B - 1] = -1;
  }
  const minibatches b = {B, between(0, 1) ? chosen : NULL, batch};

  gradient(s, p, &e, &r, gradients, memory);
  const double peak = advance(s, p, &e, &r, &b, u, updates, memory);
  uint8_t *parts = malloc((size_t)D);
  for (int d = 0; d < D; d++) parts[d] = (uint8_t)between(0, (1 << NUM_PARTS) - 1);
  double *sums = malloc(sizeof(double) * NUM_PARTS * NUM_READINGS);
  double *squares = malloc(sizeof(double) * (size_t)num_parameters);
  if (of.num_asked == 1) measure(s, p, &e, parts, sums, squares, memory);
  if (!(peak >= 0)) abort();

  for (int i = 0; i < num_parameters; i++) {
    free(p[i].weight), free(p[i].first), free(p[i].second), free((float *)p[i].target);
    free(gradients[i]);
  }
  free(p), free(gradients), free(read), free(labels), free(u), free(chosen);
  free(batch), free(parts), free(sums), free(squares), free(memory);
}

static void try_one(void);

/* SEED NUMBER */
int main(int count, char **words) {
  if (count != 3) return 2;
  state = strtoull(words[1], NULL, 10);
  const int number_of_members = atoi(words[2]);
  for (int i = 0; i < number_of_members; i++) try_one();
  printf("%d members\n", number_of_members);
  return 0;
}
