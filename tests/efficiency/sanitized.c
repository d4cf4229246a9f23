/* Random members in memory of exactly their size, for the sanitizers: every array that Python hands
   over ends where it ends, so that nothing is read or written beyond it unseen.

     sanitized SEED NUMBER */

#include <stdio.h>
#include <stdlib.h>

#include "one_layer_transformer.c"

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

static void try_one(void) {
  const int heads = between(1, 6), S = between(2, 40);
  const shape s = {S, heads * between(1, 9), heads, between(1, 70)};
  const int D = between(1, 90), B = between(1, D), updates = 5;
  work w;
  const size_t floats = arrange(&w, &s, NULL);
  float *memory = aligned_alloc(64, (sizeof(float) * floats + 63) / 64 * 64);

  member m;
  rule r = {0.98f, 1e-8f, 0.1f, 0.02f, 0, 0, 0, {0}, {0}};
  float *gradients[NUM_PARAMETERS], *target[NUM_PARAMETERS];
  const int towards = between(0, 1);
  for (int i = 0; i < NUM_PARAMETERS; i++) {
    const size_t n = count_of(&w, i);
    m.weights[i] = numbers(n, 1), m.first[i] = numbers(n, 0), m.second[i] = numbers(n, 0);
    gradients[i] = numbers(n, 1), target[i] = numbers(n, 1);
    r.target[i] = towards ? target[i] : NULL;
    r.stream[i] = i;
  }
  if (between(0, 1)) r.penalty = 0.1f;
  if (between(0, 1)) r.weight_noise = 0.01f;
  if (between(0, 2) == 0) r.norm = 3;

  int32_t *left = integers(D, S - 1), *right = integers(D, S - 1), *labels = integers(D, S - 1);
  qsort(left, (size_t)D, sizeof(int32_t), ascending);
  const examples e = {D, left, right, labels};
  if (first_unfit(&s, &e) != -1) abort();

  update *u = calloc((size_t)updates, sizeof(update));
  int32_t *chosen = integers(updates * B, D - 1), *batch = malloc(sizeof(int32_t) * 3 * (size_t)B);
  for (int t = 0; t < updates; t++) {
    u[t] = (update){0.999f, 1e-3f, 0.2f, between(0, 1) ? 1e-4f : 0, drawn(), drawn()};
    qsort(chosen + t * B, (size_t)B, sizeof(int32_t), ascending);
    if (B > 1 && between(0, 1)) chosen[t * B + B - 1] = -1;
  }
  const minibatches b = {B, between(0, 1) ? chosen : NULL, batch};

  gradient(&s, &m, &e, gradients, memory);
  const double peak = advance(&s, &m, &e, &r, &b, u, updates, memory);
  uint8_t *parts = malloc((size_t)D);
  for (int d = 0; d < D; d++) parts[d] = (uint8_t)between(0, (1 << NUM_PARTS) - 1);
  double *sums = malloc(sizeof(double) * NUM_PARTS * NUM_READINGS);
  double *squares = malloc(sizeof(double) * NUM_PARAMETERS);
  measure(&s, &m, &e, parts, sums, squares, memory);
  if (!(peak >= 0)) abort();

  for (int i = 0; i < NUM_PARAMETERS; i++) {
    free(m.weights[i]), free(m.first[i]), free(m.second[i]);
    free(gradients[i]), free(target[i]);
  }
  free(left), free(right), free(labels), free(u), free(chosen), free(batch);
  free(parts), free(sums), free(squares), free(memory);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  state = strtoull(words[1], NULL, 10);
  const int number_of_members = atoi(words[2]);
  for (int i = 0; i < number_of_members; i++) try_one();
  printf("%d members\n", number_of_members);
  return 0;
}
