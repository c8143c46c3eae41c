//go:build cgo && amd64

#include "kernel.h"
#include <immintrin.h>

#define SHRINK (1.0f - 0x1p-20f) // kernel.go: thresholdSlack

// note takes down one customer: w is the winner, slots for hold.
static inline void note(struct kernel_tally *t, int64_t i, int64_t w, int open, const float *v, int64_t profile, int64_t slots) {
	if (open) {
		t->open[t->opened++] = (int32_t)i;
		return;
	}
	uint64_t rungs = 0;
	if (w < slots) {
		int64_t cents = (int64_t)_mm_cvtsd_si64(_mm_set_sd((double)v[w] * 0x1p24)); // to the nearest, ties to even
		uint64_t lo = t->lo + (uint64_t)cents;
		t->hi += (cents >> 63) + (lo < t->lo);
		t->lo = lo;
		t->counts[profile * slots + w]++;
		rungs = (uint64_t)w + 1;
	}
	if (t->chosen) t->chosen[i] = rungs;
}

// Slots are taken sixteen (eight) at a time; the last group overlaps the one
// before, which changes neither a maximum nor whether anything passes.

__attribute__((target("avx512f")))
static void scan_avx512(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                        const struct kernel_prices *prices, struct kernel_tally *tally) {
	const __m512 zero = _mm512_setzero_ps();
	for (int64_t i = 0; i < n; i++) {
		const float *v = values + i * slots;
		const int64_t of = profile ? profile[i] : 0;
		const struct kernel_prices *p = &prices[of];
		__m512 most = zero;
		for (int64_t j = 0;; j += 16) {
			if (j > slots - 16) j = slots - 16;
			most = _mm512_max_ps(most, _mm512_sub_ps(_mm512_loadu_ps(v + j), _mm512_loadu_ps(p->price + j)));
			if (j == slots - 16) break;
		}
		float best = _mm512_reduce_max_ps(most);
		int64_t w = slots;
		if (best > 0) {
			__m512 b = _mm512_set1_ps(best);
			for (int64_t j = 0;; j += 16) {
				if (j > slots - 16) j = slots - 16;
				__mmask16 m = _mm512_cmp_ps_mask(_mm512_sub_ps(_mm512_loadu_ps(v + j), _mm512_loadu_ps(p->price + j)), b, _CMP_EQ_OQ);
				if (m) { w = j + __builtin_ctz(m); break; }
			}
		}
		float least = best * SHRINK;
		const float *q = p->threshold + w * slots;
		__m512 t = _mm512_set1_ps(least);
		int other = w != slots && p->hold[w] >= least;
		for (int64_t j = 0;; j += 16) {
			if (j > slots - 16) j = slots - 16;
			__mmask16 m = _mm512_cmp_ps_mask(_mm512_sub_ps(_mm512_loadu_ps(v + j), _mm512_loadu_ps(q + j)), t, _CMP_GE_OQ);
			uint64_t self = (uint64_t)(w - j);
			if (self < 16) m &= ~(1u << self);
			other |= m;
			if (j == slots - 16) break;
		}
		note(tally, i, w, other, v, of, slots);
	}
}

__attribute__((target("avx2")))
static void scan_avx2(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                      const struct kernel_prices *prices, struct kernel_tally *tally) {
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
		note(tally, i, w, other, v, of, slots);
	}
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
	if (__builtin_cpu_supports("avx512f") && slots >= 16) {
		scan_avx512(values, profile, n, slots, prices, tally);
		return;
	}
	scan_avx2(values, profile, n, slots, prices, tally);
}
