// What the kernels on multilinear polynomials share: lines, and sums over a grid.
#pragma once
#include "reduce.cuh"

// x + r (y - x).
DEVICE qm31 qm31_lerp(qm31 x, qm31 y, qm31 r) { return qm31_add(x, qm31_mul(r, qm31_sub(y, x))); }

// Writes the sums of `values` over the block as elements K b, K b + 1, ... of `partials`, for block b.
// Every thread of the block calls it, once in a kernel.
template <int K> DEVICE void write_partials(const qm31 (&values)[K], u32* partials) {
    __shared__ u32 scratch[128];
    #pragma unroll
    for (int k = 0; k < K; k++) {
        if (k > 0) __syncthreads();
        qm31 sum = block_sum(values[k], scratch);
        if (threadIdx.x == 0) qm31_store(partials, (u64)blockIdx.x * K + k, sum);
    }
}
