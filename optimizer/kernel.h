// The inner loop of a scan; kernel.go says what it computes.
#include <stdint.h>

// One profile at one box: prices of the slots, and for every winner (row w:
// slot w; row slots: hold) the thresholds of the slots and of hold.
struct kernel_prices {
	const float *price;     // [slots]
	const float *threshold; // [(slots+1) × slots]
	const float *hold;      // [slots+1]
	float reach;            // kernel.go
};

// kernel_supported returns 1 where the processor can run kernel_scan.
int kernel_supported(void);

// What a scan adds up; kernel.go: tally.
struct kernel_tally {
	int64_t *counts;  // decided winners by profile and slot
	int64_t hi;       // worth of the decided winners in 2^-24 cents, 128 bits
	uint64_t lo;
	uint64_t *chosen; // of the block's customers; may be NULL
	int32_t *open;    // [n] the customers left open
	int64_t opened;   // how many
};

// kernel_scan decides n customers. profile may be NULL.
void kernel_scan(const float *values, const int32_t *profile, int64_t n, int64_t slots,
                 const struct kernel_prices *prices, struct kernel_tally *tally);

// kernel_read sums n values: a plain read, for comparison.
double kernel_read(const float *values, int64_t n);
