// Inclusive prefix sums of columns in coset order, over values in bit-reversed circle order: the
// cumulative sums of LogUp. Three kernels, for there is no communication between blocks.
#include "index.cuh"

#define SCAN_THREADS 256

// Where value j of a coset of 2^log points lies in bit-reversed circle order.
DEVICE u32 coset_position(u32 j, u32 log) { return bit_reverse(j & 1 ? (u32)(((2ull << log) - j) >> 1) : j >> 1, log); }

// The inclusive sum over the threads before and at this one. Every thread of the block calls it.
DEVICE u32 block_scan(u32 x, u32* scratch) {
    u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    for (u32 step = 1; step < 32; step <<= 1) {
        u32 before = __shfl_up_sync(FULL_WARP, x, step);
        if (lane >= step) x = m31_add(x, before);
    }
    if (lane == 31) scratch[warp] = x;
    __syncthreads();
    u32 base = 0;
    for (u32 w = 0; w < warp; w++) base = m31_add(base, scratch[w]);
    return m31_add(x, base);
}

// Sums within each block of 256 values of 2^log, in place, and each block's total. With `direct`,
// values lie in order (the totals of an earlier launch).
//
// Launch: 256 threads, x = 2^log / 256 rounded up, y = columns; totals lie column after column.
// Per value: 4 bytes read, 4 written, about 20 instructions.
KERNEL __launch_bounds__(SCAN_THREADS) void prefix_sum_blocks(u32* const* columns, u32 log, u32 direct, u32* totals) {
    __shared__ u32 scratch[SCAN_THREADS / 32];
    u32* column = columns[blockIdx.y];
    u64 j = grid_thread();
    bool inside = j < 1ull << log;
    u64 at = inside && !direct ? coset_position((u32)j, log) : j;
    u32 sum = block_scan(inside ? column[at] : 0, scratch);
    if (inside) column[at] = sum;
    if (threadIdx.x == SCAN_THREADS - 1) totals[(u64)blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

// Adds to each block of 256 values the inclusive sum of the totals before it.
//
// Launch: as prefix_sum_blocks. Per value: 4 bytes read, 4 written, 4 instructions.
KERNEL __launch_bounds__(SCAN_THREADS) void prefix_sum_add(u32* const* columns, u32 log, u32 direct, const u32* totals) {
    u32* column = columns[blockIdx.y];
    u64 j = grid_thread();
    if (blockIdx.x == 0 || j >= 1ull << log) return;
    u64 at = direct ? j : coset_position((u32)j, log);
    column[at] = m31_add(column[at], totals[(u64)blockIdx.y * gridDim.x + blockIdx.x - 1]);
}
