//go:build cgo && amd64

#include "kernel.h"
#include <immintrin.h>

#define SHRINK (1.0f - 0x1p-20f) // kernel.go: thresholdSlack

// worth adds up decided winners in 2^-24 cents, 128 bits; kernel.go: exactSum.
typedef unsigned __int128 worth_t;

// in_units returns v in 2^-24 cents, to the nearest, ties to even.
static inline worth_t in_units(float v) {
	const double x = (double)v * 0x1p24;
	const int64_t units = _mm_cvtsd_si64(_mm_set_sd(x));
	if (__builtin_expect(units == INT64_MIN, 0)) return (worth_t)(__int128)x; // too large for 64 bits, so whole
	return (worth_t)(__int128)units;
}

// pick returns a where yes is 1 and b where it is 0, without a branch: who is
// open and who holds is as good as random, so that every second guess of the
// processor would be wrong.
static inline uint64_t pick(uint64_t yes, uint64_t a, uint64_t b) {
	uint64_t mask = -yes;
	__asm__("" : "+r"(mask)); // the compiler must not see that it is a choice
	return (a & mask) | (b & ~mask);
}

// notes is what is to be added to a tally: the decided winners of at most CHUNK
// customers, one after the other, so that who holds costs nothing.
#define CHUNK 256
struct notes {
	int64_t won;          // how many
	int64_t count[CHUNK]; // place in the tally's counts
	float value[CHUNK];
};

// note takes down a decided customer: w is the winner, slots for hold.
static inline __attribute__((always_inline))
void note(struct kernel_tally *t, struct notes *notes, int64_t i, int64_t w, uint64_t touch, const float *v, int64_t first) {
	const int64_t at = (int64_t)pick(touch, w, 0);
	notes->count[notes->won] = first + at;
	notes->value[notes->won] = v[at];
	notes->won += touch;
	if (t->chosen) t->chosen[i] = pick(touch, w + 1, 0);
}

// add empties notes into a tally.
static void add(struct kernel_tally *t, struct notes *notes) {
	worth_t worth = ((worth_t)(uint64_t)t->hi << 64) | t->lo;
	for (int64_t k = 0; k < notes->won; k++) {
		worth += in_units(notes->value[k]);
		t->counts[notes->count[k]]++;
	}
	t->hi = (int64_t)(worth >> 64), t->lo = (uint64_t)worth;
	notes->won = 0;
}

// PREFETCH is how many bytes ahead values are asked for.
#define PREFETCH 2048

#define MOST_VECTORS 64 // of a customer: optimizer.MaxSlots

// look_avx512 returns the winner, slots for hold, or −1 if another option may win
// within the box.
__attribute__((noinline, target("avx512f")))
static int64_t look_avx512(const float *v, const struct kernel_prices *p, int64_t slots, float best) {
	const int64_t vectors = (slots + 15) / 16;
	const __mmask16 tail = (__mmask16)(0xffff >> (16 * vectors - slots));
	int64_t w = slots;
	const __m512 b = _mm512_set1_ps(best);
	for (int64_t k = 0; k < vectors && best > 0; k++) {
		const __mmask16 lanes = k < vectors - 1 ? 0xffff : tail;
		const uint32_t m = _mm512_mask_cmp_ps_mask(lanes, _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, v + 16 * k), _mm512_maskz_loadu_ps(lanes, p->price + 16 * k)), b, _CMP_EQ_OQ);
		if (m) { w = 16 * k + __builtin_ctz(m); break; }
	}
	if (w < slots && p->hold[w] >= best * SHRINK) return -1;
	const float *q = p->threshold + w * slots;
	const __m512 least = _mm512_set1_ps(best * SHRINK);
	uint32_t any = 0;
	for (int64_t k = 0; k < vectors; k++) {
		__mmask16 lanes = k < vectors - 1 ? 0xffff : tail;
		if ((uint64_t)(w - 16 * k) < 16) lanes &= ~(1u << (w - 16 * k));
		any |= _mm512_mask_cmp_ps_mask(lanes, _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, v + 16 * k), _mm512_maskz_loadu_ps(lanes, q + 16 * k)), least, _CMP_GE_OQ);
	}
	return any ? -1 : w;
}

// rows_avx512 decides customers whose slots fill `vectors` registers of sixteen,
// the last of them perhaps in part. vectors and profiled are constant where this
// is inlined, so that the differences s stay in registers. The way of most
// customers has no branch that the processor must guess and touches little
// memory besides the values.
static inline __attribute__((always_inline, target("avx512f,bmi,popcnt")))
void rows_avx512(int vectors, int profiled, const float *values, const int32_t *profile, int64_t n, int64_t slots,
                 const struct kernel_prices *prices, struct kernel_tally *tally) {
	const __m512 none = _mm512_set1_ps(-__builtin_inff());
	const __mmask16 tail = (__mmask16)(0xffff >> (16 * vectors - slots));
	struct notes notes;
	notes.won = 0;
	struct kernel_prices p = prices[0];
	float reach = p.reach;
	int64_t of = 0;
	const float *v = values;
	for (int64_t i = 0; i < n; i++, v += slots) {
		if (profiled) {
			of = profile[i];
			p = prices[of];
			reach = p.reach;
		}
		__m512 s[MOST_VECTORS], most = _mm512_setzero_ps();
#pragma GCC unroll 16
		for (int k = 0; k < vectors; k++) {
			_mm_prefetch((const char *)(v + 16 * k) + PREFETCH, _MM_HINT_T0);
			s[k] = k < vectors - 1 ? _mm512_sub_ps(_mm512_loadu_ps(v + 16 * k), _mm512_loadu_ps(p.price + 16 * k))
			                       : _mm512_mask_sub_ps(none, tail, _mm512_maskz_loadu_ps(tail, v + 16 * k), _mm512_maskz_loadu_ps(tail, p.price + 16 * k));
			most = _mm512_max_ps(most, s[k]);
		}
		const float best = _mm512_reduce_max_ps(most), least = best * SHRINK;
		// Who else is near: mostly nobody. near may be rounded either way, so the
		// compiler may fuse the product.
		const float bound = least * SHRINK - reach;
		const __m512 near = _mm512_set1_ps(bound);
		uint64_t lanes[MOST_VECTORS / 4] = {0};
#pragma GCC unroll 16
		for (int k = 0; k < vectors; k++) lanes[k / 4] |= (uint64_t)_mm512_cmp_ps_mask(s[k], near, _CMP_GE_OQ) << (16 * (k % 4));
		int64_t w = 0, within = 0, before = -1;
#pragma GCC unroll 4
		for (int k = 0; k < (vectors + 3) / 4; k++) {
			const int64_t first = (int64_t)__builtin_ia32_tzcnt_u64(lanes[k]); // 64 if there is none
			within += __builtin_popcountll(lanes[k]);
			w += first & before;
			before &= -(first >> 6);
		}
		const uint64_t touch = best > 0;
		if (__builtin_expect((within != (int64_t)touch) | (touch & (bound <= 0)), 0)) {
			w = look_avx512(v, &prices[of], slots, best);
			if (w < 0) {
				tally->open[tally->opened++] = (int32_t)i;
				continue;
			}
		}
		note(tally, &notes, i, w, touch, v, of * slots);
		if (notes.won == CHUNK) add(tally, &notes);
	}
	add(tally, &notes);
}

#define SCAN_AVX512(vectors) \
	case vectors: \
		if (profile) rows_avx512(vectors, 1, values, profile, n, slots, prices, tally); \
		else rows_avx512(vectors, 0, values, profile, n, slots, prices, tally); \
		return;

__attribute__((target("avx512f,bmi,popcnt")))
static void scan_avx512(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                        const struct kernel_prices *prices, struct kernel_tally *tally) {
	const int64_t vectors = (slots + 15) / 16;
	switch (vectors) {
	SCAN_AVX512(1) SCAN_AVX512(2) SCAN_AVX512(3) SCAN_AVX512(4) SCAN_AVX512(5) SCAN_AVX512(6) SCAN_AVX512(7) SCAN_AVX512(8)
	SCAN_AVX512(9) SCAN_AVX512(10) SCAN_AVX512(11) SCAN_AVX512(12) SCAN_AVX512(13) SCAN_AVX512(14) SCAN_AVX512(15) SCAN_AVX512(16)
	}
	rows_avx512((int)vectors, profile != 0, values, profile, n, slots, prices, tally);
}

// Slots are taken eight at a time; the last group overlaps the one before, which
// changes neither a maximum nor whether anything passes.
__attribute__((target("avx2")))
static void scan_avx2(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                      const struct kernel_prices *prices, struct kernel_tally *tally) {
	struct notes notes;
	notes.won = 0;
	for (int64_t i = 0; i < n; i++) {
		const float *v = values + i * slots;
		const int64_t of = profile ? profile[i] : 0;
		const struct kernel_prices *p = &prices[of];
		__m256 most = _mm256_setzero_ps();
		for (int64_t j = 0;; j += 8) {
			if (j > slots - 8) j = slots - 8;
			most = _mm256_max_ps(most, _mm256_sub_ps(_mm256_loadu_ps(v + j), _mm256_loadu_ps(p->price + j)));
			if (j == slots - 8) break;
		}
		__m128 x = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
		x = _mm_max_ps(x, _mm_movehl_ps(x, x));
		float best = _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
		int64_t w = slots;
		if (best > 0) {
			__m256 b = _mm256_set1_ps(best);
			for (int64_t j = 0;; j += 8) {
				if (j > slots - 8) j = slots - 8;
				int m = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_sub_ps(_mm256_loadu_ps(v + j), _mm256_loadu_ps(p->price + j)), b, _CMP_EQ_OQ));
				if (m) { w = j + __builtin_ctz((unsigned)m); break; }
			}
		}
		float least = best * SHRINK;
		const float *q = p->threshold + w * slots;
		__m256 t = _mm256_set1_ps(least);
		int other = w != slots && p->hold[w] >= least;
		for (int64_t j = 0;; j += 8) {
			if (j > slots - 8) j = slots - 8;
			int m = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_sub_ps(_mm256_loadu_ps(v + j), _mm256_loadu_ps(q + j)), t, _CMP_GE_OQ));
			uint64_t self = (uint64_t)(w - j);
			if (self < 8) m &= ~(1 << self);
			other |= m;
			if (j == slots - 8) break;
		}
		if (other) {
			tally->open[tally->opened++] = (int32_t)i;
			continue;
		}
		note(tally, &notes, i, w, w < slots, v, of * slots);
		if (notes.won == CHUNK) add(tally, &notes);
	}
	add(tally, &notes);
}

__attribute__((target("avx2")))
double kernel_read(const float *values, int64_t n) {
	__m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
	int64_t k = 0;
	for (; k + 32 <= n; k += 32) {
		a = _mm256_add_ps(a, _mm256_loadu_ps(values + k));
		b = _mm256_add_ps(b, _mm256_loadu_ps(values + k + 8));
		c = _mm256_add_ps(c, _mm256_loadu_ps(values + k + 16));
		d = _mm256_add_ps(d, _mm256_loadu_ps(values + k + 24));
	}
	float lane[8];
	_mm256_storeu_ps(lane, _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
	double total = 0;
	for (int j = 0; j < 8; j++) total += lane[j];
	for (; k < n; k++) total += values[k];
	return total;
}

int kernel_supported(void) {
	return __builtin_cpu_supports("avx2") || __builtin_cpu_supports("avx512f");
}

void kernel_scan(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                 const struct kernel_prices *prices, struct kernel_tally *tally) {
	if (__builtin_cpu_supports("avx512f")) {
		scan_avx512(values, profile, n, slots, prices, tally);
		return;
	}
	scan_avx2(values, profile, n, slots, prices, tally);
}
