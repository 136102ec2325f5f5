// FRI quotients on the evaluation subdomain, as stwo's `QuotientOps`.
#include "index.cuh"
#include "qm31.cuh"

// Numerators of one sample point: sum over terms of c_k times value of column k, less `constant`.
//
// Launch: one-dimensional over the rows, any grid. Per row: 4 bytes read a term, 16 written,
// 28 instructions a term.
KERNEL void quotient_numerators(const u32* const* columns, const u32* coefficients, u32 terms, qm31 constant, u64 n,
                                u32* o0, u32* o1, u32* o2, u32* o3) {
    planes_mut out = {{o0, o1, o2, o3}};
    for (u64 i = grid_thread(); i < n; i += grid_threads()) {
        qm31 sum = qm31_neg(constant);
        for (u32 k = 0; k < terms; k++) sum = qm31_add(sum, qm31_mul_m31(qm31_load(coefficients, k), columns[k][i]));
        planes_store(out, i, sum);
    }
}

// Words of a sample in `samples`: x and y of its point, the sum of its a-coefficients, the log of
// its numerators' length.
#define SAMPLE_WORDS 13

// Quotient of row i: sum over samples of (numerator - a y) / line, where line is the equation of
// the line through the sample point and its conjugate, at point i of the subdomain.
// `numerators` holds four planes per sample.
//
// Launch: one-dimensional over the 2^log rows, any grid. Per row and sample: 16 bytes read, about
// 330 instructions; 16 bytes written a row.
KERNEL void combine_quotients(const u32* const* numerators, const u32* samples, u32 n_samples, point initial,
                              const u32* steps, u32 log, u32* o0, u32* o1, u32* o2, u32* o3) {
    planes_mut out = {{o0, o1, o2, o3}};
    for (u64 at = grid_thread(); at < 1ull << log; at += grid_threads()) {
        u32 i = (u32)at;
        point q = domain_point(initial, steps, i, log);
        qm31 sum = qm31_zero();
        for (u32 k = 0; k < n_samples; k++) {
            const u32* sample = samples + SAMPLE_WORDS * k;
            qm31 x = qm31_load(sample, 0), y = qm31_load(sample, 1), a = qm31_load(sample, 2);
            cm31 dx = cm31_sub(qm31_low(x), {q.x, 0}), dy = cm31_sub(qm31_low(y), {q.y, 0});
            cm31 line = cm31_sub(cm31_mul(dx, qm31_high(y)), cm31_mul(dy, qm31_high(x)));
            planes numerator = {{numerators[4 * k], numerators[4 * k + 1], numerators[4 * k + 2], numerators[4 * k + 3]}};
            qm31 value = planes_load(numerator, lift(i, log - sample[12]));
            value = qm31_sub(value, qm31_mul_m31(a, q.y));
            sum = qm31_add(sum, qm31_mul_cm31(value, cm31_inverse(line)));
        }
        planes_store(out, at, sum);
    }
}
