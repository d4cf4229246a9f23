#include "one_layer_transformer.c"

#include "sanitized.h"

static void try_one(void) {
  const int heads = between(1, 6), S = between(2, 40);
  const shape s = {S, heads * between(1, 9), heads, between(1, 70)};
  size_t counts[NUM_PARAMETERS];
  count_parameters(&s, counts);
  int64_t of_each[NUM_PARAMETERS];
  for (int i = 0; i < NUM_PARAMETERS; i++) of_each[i] = (int64_t)counts[i];
  try_shape(&s, NUM_PARAMETERS, of_each, (kind_of_examples){2, S, 1, S, 1});
}
