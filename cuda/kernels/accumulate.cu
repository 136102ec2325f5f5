// Addition of secure columns: four M31 planes each, as stwo's `AccumulationOps::accumulate`.
//
// Launch: one-dimensional, any grid. Per element: 32 bytes read, 16 written, 8 instructions.
#include "m31.cuh"

KERNEL void accumulate(u32* a0, u32* a1, u32* a2, u32* a3, const u32* b0, const u32* b1, const u32* b2,
                       const u32* b3, u64 n) {
    for (u64 i = grid_thread(); i < n; i += grid_threads()) {
        a0[i] = m31_add(a0[i], b0[i]);
        a1[i] = m31_add(a1[i], b1[i]);
        a2[i] = m31_add(a2[i], b2[i]);
        a3[i] = m31_add(a3[i], b3[i]);
    }
}
