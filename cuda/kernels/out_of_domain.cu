// Values of polynomials at a point of the circle over QM31, from coefficients or evaluations.
//
// Sums leave one partial sum per block (four words), which the host adds.
#include "index.cuh"
#include "reduce.cuh"

// basis[i] = the product of the factors k with bit k of i set: a table of the FFT basis.
//
// Launch: one-dimensional, any grid. Per element: 16 bytes written, up to 84 log instructions.
KERNEL void fft_basis(const u32* factors, u32 log, u32* basis) {
    for (u64 i = grid_thread(); i < 1ull << log; i += grid_threads()) {
        qm31 product = qm31_one();
        for (u32 k = 0; k < log; k++)
            if (i >> k & 1) product = qm31_mul(product, qm31_load(factors, k));
        qm31_store(basis, i, product);
    }
}

// Sum of coefficient i times low[i mod 2^log_low] times high[i >> log_low].
//
// Launch: x = blocks over the high part, y = columns; blocks of at most 1024 threads.
// Per coefficient: 4 bytes read (20 with the table, which stays in cache), 28 instructions.
KERNEL void evaluate_coefficients(const u32* const* columns, const u32* low, const u32* high, u32 log_low, u32 log,
                                  u32* partial) {
    __shared__ u32 scratch[128];
    const u32* column = columns[blockIdx.y];
    qm31 sum = qm31_zero();
    for (u32 h = blockIdx.x; h < 1u << (log - log_low); h += gridDim.x) {
        qm31 part = qm31_zero();
        for (u32 l = threadIdx.x; l < 1u << log_low; l += blockDim.x)
            part = qm31_add(part, qm31_mul_m31(qm31_load(low, l), column[((u64)h << log_low) + l]));
        sum = qm31_add(sum, qm31_mul(part, qm31_load(high, h)));
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) qm31_store(partial, blockIdx.y * gridDim.x + blockIdx.x, sum);
}

// Weight i of barycentric interpolation at p over the canonic domain of 2^log points:
// V(p) (1 + h.x) / (-2 q.y V'(q) h.y) with q = point i and h = p - q, where `vanishing` is V(p)
// and V'(q) is 4^(log - 1) times the vanishing polynomials of the smaller canonic cosets.
//
// Launch: one-dimensional, any grid. Per weight: 16 bytes written, about 1000 + 35 log instructions.
KERNEL void barycentric_weights(qm31 px, qm31 py, qm31 vanishing, point initial, const u32* steps, u32 log, u32* w0,
                                u32* w1, u32* w2, u32* w3) {
    planes_mut out = {{w0, w1, w2, w3}};
    for (u64 at = grid_thread(); at < 1ull << log; at += grid_threads()) {
        point q = domain_point(initial, steps, (u32)at, log);
        u32 scale = m31_neg(m31_add(q.y, q.y)), x = q.x;
        for (u32 k = 1; k < log; k++) {
            scale = m31_mul(m31_mul(scale, 4), x);
            x = double_x(x);
        }
        qm31 hx = qm31_add(qm31_mul_m31(px, q.x), qm31_mul_m31(py, q.y));
        qm31 hy = qm31_sub(qm31_mul_m31(py, q.x), qm31_mul_m31(px, q.y));
        qm31 numerator = qm31_mul(vanishing, qm31_add_m31(hx, 1));
        planes_store(out, at, qm31_mul(numerator, qm31_inverse(qm31_mul_m31(hy, scale))));
    }
}

// Sum of weight i times value i.
//
// Launch: x = blocks over the rows, y = columns. Per value: 20 bytes read (4 where the weights
// stay in cache), 28 instructions.
KERNEL void barycentric_sum(const u32* const* columns, const u32* w0, const u32* w1, const u32* w2, const u32* w3,
                            u64 n, u32* partial) {
    __shared__ u32 scratch[128];
    planes weights = {{w0, w1, w2, w3}};
    const u32* column = columns[blockIdx.y];
    qm31 sum = qm31_zero();
    for (u64 i = grid_thread(); i < n; i += grid_threads())
        sum = qm31_add(sum, qm31_mul_m31(planes_load(weights, i), column[i]));
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) qm31_store(partial, blockIdx.y * gridDim.x + blockIdx.x, sum);
}

// Sum of the elements of a secure column, the second half negated if `alternate`.
//
// Launch: one-dimensional. Per element: 16 bytes read, 8 instructions.
KERNEL void secure_sum(const u32* x0, const u32* x1, const u32* x2, const u32* x3, u64 n, u32 alternate, u32* partial) {
    __shared__ u32 scratch[128];
    planes x = {{x0, x1, x2, x3}};
    qm31 sum = qm31_zero();
    for (u64 i = grid_thread(); i < n; i += grid_threads()) {
        qm31 v = planes_load(x, i);
        sum = alternate && i >= n / 2 ? qm31_sub(sum, v) : qm31_add(sum, v);
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) qm31_store(partial, blockIdx.x, sum);
}
