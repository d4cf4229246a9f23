#include "layers.c"

#include "sanitized.h"

/* A random network, put together as efficiency/networks does: transformers and MLPs of pairs, and
   transformers of sequences with several answers. */
static struct {
  array arrays[64];
  layer layers[64];
  int64_t counts[64];
  int32_t tokens[40];
  int num_layers, num_parameters, drops;
} net;

static int given(int64_t count) {
  net.counts[net.num_parameters] = count;
  return net.num_parameters++;
}

static int written(int kind, int rows, int width, layer l) {
  l.kind = kind, l.to = net.num_layers;
  net.arrays[net.num_layers] = (array){rows, width};
  net.layers[net.num_layers] = l;
  return net.num_layers++;
}

static int linear_of(int from, int rows, int width, int bias, int rectified) {
  const int weight = given((int64_t)net.arrays[from].width * width);
  return written(K_linear, rows, width,
                 (layer){.from = {from, NONE, NONE}, .weight = weight,
                         .bias = bias ? given(width) : NONE, .option = rectified});
}

static int norm_of(int from, int rows) {
  const int width = net.arrays[from].width, gain = given(width), bias = given(width);
  return written(K_norm, rows, width,
                 (layer){.from = {from, NONE, NONE}, .weight = gain, .bias = bias});
}

static int drop_of(int from) {
  return written(K_drop, net.arrays[from].rows, net.arrays[from].width,
                 (layer){.from = {from, NONE, NONE}, .weight = NONE, .bias = NONE,
                         .option = net.drops++});
}

static int sum_of_two(int left, int right) {
  return written(K_add, net.arrays[right].rows, net.arrays[right].width,
                 (layer){.from = {left, right, NONE}, .weight = NONE, .bias = NONE});
}

static void *exactly(const void *from, size_t size) {
  void *held = malloc(size);
  memcpy(held, from, size);
  return held;
}

static void try_one(void) {
  memset(&net, 0, sizeof(net));
  const int S = between(2, 40), sequences = between(0, 1), T = between(1, sequences ? 40 : 5);
  const int A = sequences ? between(1, T) : 1, heads = between(1, 6);
  const int flat = !sequences && between(0, 2) == 0;
  const int M = heads * between(1, 9), L = between(1, 70), depth = between(1, 3);
  const int learned = between(0, 1), fixed = !flat && !learned;
  for (int t = 0; t < T; t++)
    net.tokens[t] = sequences         ? -1 - t
                    : between(0, 2) ? between(-2, -1)
                                    : between(0, S + 1);
  const int table = given((int64_t)(S + 2) * M);
  int present = written(K_embed, flat ? 1 : T, flat ? T * M : M,
                        (layer){.from = {NONE, NONE, NONE}, .weight = table,
                                .bias = learned ? given((int64_t)T * M) : NONE});
  for (int i = 0; i < depth; i++) {
    if (flat) {
      present = drop_of(linear_of(present, 1, L, between(0, 1), 1));
      continue;
    }
    const int rows = i + 1 == depth ? A : T, read = between(0, 1) ? norm_of(present, T) : present;
    const int query = linear_of(read, rows, M, 0, 0), key = linear_of(read, T, M, 0, 0),
              value = linear_of(read, T, M, 0, 0);
    const int mixed_values = written(K_attend, rows, M,
                                     (layer){.from = {query, key, value}, .weight = NONE,
                                             .bias = NONE, .option = heads});
    present = sum_of_two(present, linear_of(mixed_values, rows, M, 0, 0));
    const int hidden = linear_of(present, rows, L, between(0, 1), 1);
    present = sum_of_two(present, drop_of(linear_of(hidden, rows, M, between(0, 1), 0)));
  }
  linear_of(present, A, S, between(0, 1), 0);

  const int num = net.num_layers;
  float *positions = fixed ? numbers((size_t)T * M, 1) : NULL;
  int32_t *tokens = exactly(net.tokens, sizeof(int32_t) * (size_t)T);
  array *arrays = exactly(net.arrays, sizeof(array) * (size_t)num);
  layer *layers = exactly(net.layers, sizeof(layer) * (size_t)num);
  int64_t *counts = exactly(net.counts, sizeof(int64_t) * (size_t)net.num_parameters);
  const int words = sequences ? S + 2 : S;
  const shape s = {S, words, T, tokens, positions, num, num, net.num_parameters,
                   arrays, layers, counts, between(0, 1) ? 0.3f : 0};
  try_shape(&s, net.num_parameters, counts,
            (kind_of_examples){sequences ? T : 2, words, A, S, 0});
  free(positions), free(tokens), free(arrays), free(layers), free(counts);
}
