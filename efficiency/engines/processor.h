/* Numbers below the smallest normal one count as 0 while the entry points run: on some processors
   each operation on one takes a hundred times as long, and as a network settles they are many.
   Benchmarks may switch that off to see how long. */

int32_t flush_subnormals = 1;

#if defined(__x86_64__) || defined(__i386__)
#define CONTROL uint32_t
#define FLUSHING 0x8040u /* flush to zero, denormals are zero */
static CONTROL control(void) { return __builtin_ia32_stmxcsr(); }
static void set_control(CONTROL value) { __builtin_ia32_ldmxcsr(value); }
#elif defined(__aarch64__)
#define CONTROL uint64_t
#define FLUSHING (1u << 24)
static CONTROL control(void) {
  CONTROL value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
static void set_control(CONTROL value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }
#else
#define CONTROL int
#define FLUSHING 0
static CONTROL control(void) { return 0; }
static void set_control(CONTROL value) { (void)value; }
#endif

static CONTROL begin(void) {
  const CONTROL before = control();
  set_control(flush_subnormals ? before | FLUSHING : before & ~(CONTROL)FLUSHING);
  return before;
}
