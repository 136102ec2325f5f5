// Sums over the threads of a block.
#pragma once
#include "qm31.cuh"

DEVICE u32 warp_sum_m31(u32 x) {
    for (int step = 16; step > 0; step >>= 1) x = m31_add(x, __shfl_down_sync(FULL_WARP, x, step));
    return x;
}
DEVICE qm31 warp_sum(qm31 x) { return {warp_sum_m31(x.a), warp_sum_m31(x.b), warp_sum_m31(x.c), warp_sum_m31(x.d)}; }

// The sum over the block, in thread 0. Every thread of the block calls it; blocks are whole warps
// and `scratch` holds 128 words that nothing else uses until the next barrier.
DEVICE qm31 block_sum(qm31 x, u32* scratch) {
    u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    x = warp_sum(x);
    if (lane == 0) qm31_store(scratch, warp, x);
    __syncthreads();
    if (warp == 0) x = warp_sum(lane < warps ? qm31_load(scratch, lane) : qm31_zero());
    return x;
}
