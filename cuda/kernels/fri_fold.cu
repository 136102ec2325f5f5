// FRI folding: a circle evaluation into a line evaluation, and lines by 2, 4 or 8.
//
// Pairs (f(p), f(-p)) of neighbours become f(p) + f(-p) + alpha (f(p) - f(-p)) / t with t = y on
// the circle, x on a line. Inverse twiddles are doubled words of the tree of `twiddles.cu`.
//
// Launch: one-dimensional over the outputs, any grid. Per output of a fold by 2^k: 16 * 2^k bytes
// read, 16 written, about 110 (2^k - 1) instructions.
#include "qm31.cuh"
#include "twiddle.cuh"

DEVICE qm31 fold_pair(qm31 x, qm31 y, qm31 alpha, u32 inverse_twiddle) {
    return qm31_add(qm31_add(x, y), qm31_mul(alpha, qm31_mul_doubled(qm31_sub(x, y), inverse_twiddle)));
}

// 2^log values of a circle domain. Domains of 2 and 4 points take 1/y of their first point, doubled.
KERNEL void fold_circle(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2, u32* o3,
                        qm31 alpha, const u32* twiddles_end, u32 small_y, u32 log) {
    planes in = {{i0, i1, i2, i3}};
    planes_mut out = {{o0, o1, o2, o3}};
    for (u64 at = grid_thread(); at < 1ull << (log - 1); at += grid_threads()) {
        u32 t = circle_twiddle(twiddles_end, log, (u32)at, small_y);
        planes_store(out, at, fold_pair(planes_load(in, 2 * at), planes_load(in, 2 * at + 1), alpha, t));
    }
}

// 2^log values of a line domain to 2^(log - K). Each fold takes the square of the last one's alpha.
template <int K>
DEVICE void fold_lines(planes in, planes_mut out, qm31 alpha, const u32* twiddles_end, u32 log) {
    for (u64 at = grid_thread(); at < 1ull << (log - K); at += grid_threads()) {
        qm31 v[1 << K], a = alpha;
#pragma unroll
        for (int j = 0; j < 1 << K; j++) v[j] = planes_load(in, (at << K) + j);
#pragma unroll
        for (int k = 0; k < K; k++) {
            const u32* layer = twiddles_end - (1ull << (log - k)) + (at << (K - 1 - k));
#pragma unroll
            for (int j = 0; j < 1 << (K - 1); j++)
                if (j < 1 << (K - 1 - k)) v[j] = fold_pair(v[2 * j], v[2 * j + 1], a, layer[j]);
            a = qm31_mul(a, a);
        }
        planes_store(out, at, v[0]);
    }
}

KERNEL void fold_lines_1(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2,
                         u32* o3, qm31 alpha, const u32* twiddles_end, u32 log) {
    fold_lines<1>({{i0, i1, i2, i3}}, {{o0, o1, o2, o3}}, alpha, twiddles_end, log);
}
KERNEL void fold_lines_2(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2,
                         u32* o3, qm31 alpha, const u32* twiddles_end, u32 log) {
    fold_lines<2>({{i0, i1, i2, i3}}, {{o0, o1, o2, o3}}, alpha, twiddles_end, log);
}
KERNEL void fold_lines_3(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2,
                         u32* o3, qm31 alpha, const u32* twiddles_end, u32 log) {
    fold_lines<3>({{i0, i1, i2, i3}}, {{o0, o1, o2, o3}}, alpha, twiddles_end, log);
}

// f - lambda on the first half, f + lambda on the second.
KERNEL void decompose(const u32* i0, const u32* i1, const u32* i2, const u32* i3, u32* o0, u32* o1, u32* o2, u32* o3,
                      qm31 lambda, u64 n) {
    planes in = {{i0, i1, i2, i3}};
    planes_mut out = {{o0, o1, o2, o3}};
    for (u64 i = grid_thread(); i < n; i += grid_threads()) {
        qm31 x = planes_load(in, i);
        planes_store(out, i, i < n / 2 ? qm31_sub(x, lambda) : qm31_add(x, lambda));
    }
}
