/* Products of matrices that fit into the cache: tiles of the result in registers, nothing packed. */

/* Rows and vectors of a tile of a product: as many accumulators as there are registers for. */
#if REGISTERS == 32
#define ROWS 8
#define VECTORS 3
#else
#define ROWS 6
#define VECTORS 2
#endif

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
  const float *left;     /* A: rows of left_step; or, transposed, columns of it */
  ptrdiff_t left_step;
  const float *right;    /* B: rows of right_step; readable one vector past its end */
  ptrdiff_t right_step;
  float *result;         /* C */
  ptrdiff_t result_step;
  int inner;
  enum mode mode;
} product;

/* A tile of C: `rows` by `vectors` whole vectors, then half a vector if `halved`; of the last
   vector `count` columns are kept. The last four are constants wherever this is inlined. */
INLINE void tile(const product *p, int row, int column, int count, int transposed, int rows,
                 int vectors, int halved) {
  const ptrdiff_t row_step = transposed ? 1 : p->left_step;
  const ptrdiff_t inner_step = transposed ? p->left_step : 1;
  const ptrdiff_t right_step = p->right_step;
  const float *left = p->left + row * row_step;
  const float *right = p->right + column;
  vec sums[ROWS][VECTORS] = {};
  half half_sums[ROWS] = {};
  for (int i = 0; i < p->inner; i++) {
    vec b[VECTORS];
    half hb = {};
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) b[v] = load(right + v * LANES);
    if (halved) hb = *(const half *)(right + vectors * LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      float a = left[r * row_step];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++) sums[r][v] += a * b[v];
      if (halved) half_sums[r] += a * hb;
    }
    left += inner_step;
    right += right_step;
  }
#pragma GCC unroll 16
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

/* Each tile is compiled once, and found by transposed, rows, and width in half vectors. */
typedef void tile_function(const product *p, int row, int column, int count);
#define NAMED(transposed, rows, halves) tile_##transposed##_##rows##_##halves
#define DEFINED(transposed, rows, halves)                                                       \
  __attribute__((noinline)) static void NAMED(transposed, rows, halves)(                        \
      const product *p, int row, int column, int count) {                                       \
    tile(p, row, column, count, transposed, rows, halves / 2, halves % 2);                      \
  }
#if VECTORS == 3
#define OF_ALL_WIDTHS(a, t, r) a(t, r, 1) a(t, r, 2) a(t, r, 3) a(t, r, 4) a(t, r, 5) a(t, r, 6)
#define WIDTHS(t, r) NAMED(t, r, 1), NAMED(t, r, 2), NAMED(t, r, 3), NAMED(t, r, 4), \
                     NAMED(t, r, 5), NAMED(t, r, 6)
#else
#define OF_ALL_WIDTHS(a, t, r) a(t, r, 1) a(t, r, 2) a(t, r, 3) a(t, r, 4)
#define WIDTHS(t, r) NAMED(t, r, 1), NAMED(t, r, 2), NAMED(t, r, 3), NAMED(t, r, 4)
#endif
#define FOR_EACH_ROWS(t) \
  OF_ALL_WIDTHS(DEFINED, t, 1) OF_ALL_WIDTHS(DEFINED, t, 2) OF_ALL_WIDTHS(DEFINED, t, 3) \
  OF_ALL_WIDTHS(DEFINED, t, 4) OF_ALL_WIDTHS(DEFINED, t, 5) OF_ALL_WIDTHS(DEFINED, t, 6)
FOR_EACH_ROWS(0)
FOR_EACH_ROWS(1)
#if ROWS == 8
#define MORE(t) OF_ALL_WIDTHS(DEFINED, t, 7) OF_ALL_WIDTHS(DEFINED, t, 8)
MORE(0)
MORE(1)
#define TALL(t) , {WIDTHS(t, 7)}, {WIDTHS(t, 8)}
#else
#define TALL(t)
#endif
#define TILES(t) \
  {{WIDTHS(t, 1)}, {WIDTHS(t, 2)}, {WIDTHS(t, 3)}, {WIDTHS(t, 4)}, {WIDTHS(t, 5)}, {WIDTHS(t, 6)} TALL(t)}
static tile_function *const TILES_OF[2][ROWS][2 * VECTORS] = {TILES(0), TILES(1)};

/* Rows go in tiles that differ by one at most: a small last one would wait for its own additions. */
static void tiles(const product *p, int transposed, int num_rows, int num_columns) {
  const int width = VECTORS * LANES;
  for (int column = 0; column < num_columns; column += width) {
    const int left = num_columns - column;
    const int halves = left < width ? (left + HALF - 1) / HALF : 2 * VECTORS;
    /* Columns that are kept of the last vector, whole or half. */
    const int last = halves % 2 ? HALF : LANES;
    const int over = halves * HALF - left;
    const int count = over > 0 ? last - over : last;
    int remaining = (num_rows + ROWS - 1) / ROWS;
    for (int row = 0; remaining > 0; remaining--) {
      const int rows = (num_rows - row + remaining - 1) / remaining;
      TILES_OF[transposed][rows - 1][halves - 1](p, row, column, count);
      row += rows;
    }
  }
}

/* C (m x n) from A (m x k) and B (k x n), all row by row. */
static void multiply(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B,
                     ptrdiff_t ldb, float *C, ptrdiff_t ldc, enum mode mode) {
  product p = {A, lda, B, ldb, C, ldc, k, mode};
  tiles(&p, 0, m, n);
}

/* C (m x n) from the transpose of A (k x m) and B (k x n). */
static void multiply_transposed(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B,
                                ptrdiff_t ldb, float *C, ptrdiff_t ldc, enum mode mode) {
  product p = {A, lda, B, ldb, C, ldc, k, mode};
  tiles(&p, 1, m, n);
}

/* A square of LANES: zipping the first half of the vectors with the second, log2(LANES) times. */
INLINE void transpose_square(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step) {
  vec held[2][LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) held[0][i] = load(from + i * from_step);
  int now = 0;
#pragma GCC unroll 4
  for (int round = 1; round < LANES; round *= 2, now = !now)
#pragma GCC unroll 8
    for (int i = 0; i < HALF; i++) {
      vec a = held[now][i], b = held[now][i + HALF];
      held[!now][2 * i] = PICK(a, b, LOW);
      held[!now][2 * i + 1] = PICK(a, b, HIGH);
    }
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) store(to + i * to_step, held[now][i]);
}

static void transpose(int rows, int columns, const float *from, ptrdiff_t from_step, float *to,
                      ptrdiff_t to_step) {
  for (int r = 0; r < rows; r += LANES)
    for (int c = 0; c < columns; c += LANES) {
      const float *block = from + r * from_step + c;
      float *result = to + c * to_step + r;
      const int height = rows - r, width = columns - c;
      if (height >= LANES && width >= LANES) {
        transpose_square(block, from_step, result, to_step);
        continue;
      }
      for (int j = 0; j < width && j < LANES; j++)
        for (int i = 0; i < height && i < LANES; i++)
          result[j * to_step + i] = block[i * from_step + j];
    }
}
