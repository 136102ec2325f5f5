// Addition and lifting of secure columns, as stwo's `AccumulationOps`.
//
// Launch: one-dimensional, any grid. Per element of the longer column: 32 bytes read, 16 written,
// 8 instructions.
#include "index.cuh"
#include "qm31.cuh"

// a += b.
KERNEL void accumulate(u32* a0, u32* a1, u32* a2, u32* a3, const u32* b0, const u32* b1, const u32* b2,
                       const u32* b3, u64 n) {
    for (u64 i = grid_thread(); i < n; i += grid_threads()) {
        a0[i] = m31_add(a0[i], b0[i]);
        a1[i] = m31_add(a1[i], b1[i]);
        a2[i] = m31_add(a2[i], b2[i]);
        a3[i] = m31_add(a3[i], b3[i]);
    }
}

// a += the lift of b, which is 2^ratio times shorter than a's 2^log elements.
KERNEL void lift_accumulate(u32* a0, u32* a1, u32* a2, u32* a3, const u32* b0, const u32* b1, const u32* b2,
                            const u32* b3, u32 log, u32 ratio) {
    for (u64 i = grid_thread(); i < 1ull << log; i += grid_threads()) {
        u32 j = lift((u32)i, ratio);
        a0[i] = m31_add(a0[i], b0[j]);
        a1[i] = m31_add(a1[i], b1[j]);
        a2[i] = m31_add(a2[i], b2[j]);
        a3[i] = m31_add(a3[i], b3[j]);
    }
}
