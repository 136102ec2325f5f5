// Inverses of the elements of columns by Montgomery's trick over four elements a thread.
//
// The inverse of zero is zero only where its three neighbours are zero too: inputs are not zero.
// Launch: one-dimensional over n / 4, any grid. Per element: 4 or 16 bytes read and written; M31
// about 62 instructions, QM31 about 370.
#include "qm31.cuh"

#define PER_THREAD 4

KERNEL void inverse_m31(const u32* values, u32* out, u64 n) {
    u64 stride = (n + PER_THREAD - 1) / PER_THREAD;
    for (u64 i = grid_thread(); i < stride; i += grid_threads()) {
        u32 v[PER_THREAD], prefix[PER_THREAD], product = 1;
#pragma unroll
        for (int k = 0; k < PER_THREAD; k++) {
            v[k] = i + k * stride < n ? values[i + k * stride] : 1;
            prefix[k] = product;
            product = m31_mul(product, v[k]);
        }
        u32 inverse = m31_inverse(product);
#pragma unroll
        for (int k = PER_THREAD - 1; k >= 0; k--) {
            if (i + k * stride < n) out[i + k * stride] = m31_mul(inverse, prefix[k]);
            inverse = m31_mul(inverse, v[k]);
        }
    }
}

KERNEL void inverse_qm31(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2, u32* o3,
                         u64 n) {
    planes in = {{i0, i1, i2, i3}};
    planes_mut out = {{o0, o1, o2, o3}};
    u64 stride = (n + PER_THREAD - 1) / PER_THREAD;
    for (u64 i = grid_thread(); i < stride; i += grid_threads()) {
        qm31 v[PER_THREAD], prefix[PER_THREAD], product = qm31_one();
#pragma unroll
        for (int k = 0; k < PER_THREAD; k++) {
            v[k] = i + k * stride < n ? planes_load(in, i + k * stride) : qm31_one();
            prefix[k] = product;
            product = qm31_mul(product, v[k]);
        }
        qm31 inverse = qm31_inverse(product);
#pragma unroll
        for (int k = PER_THREAD - 1; k >= 0; k--) {
            if (i + k * stride < n) planes_store(out, i + k * stride, qm31_mul(inverse, prefix[k]));
            inverse = qm31_mul(inverse, v[k]);
        }
    }
}
