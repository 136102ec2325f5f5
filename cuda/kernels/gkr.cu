// Layers of GKR trees (LogUp and grand products) and the sums of their sumchecks.
//
// Gate i combines the two children at i * stride and i * stride + offset: stride 1 and offset half
// pair the halves of a layer, stride 2 and offset 1 its neighbours, as stwo's GKR does. A fraction's
// numerator lies in QM31 (generic), in M31 (multiplicities), or is 1 (singles).
#include "mle.cuh"

// Numerators of the three kinds, by index.
struct generic {
    planes n;
    __device__ __forceinline__ qm31 at(u64 i) const { return planes_load(n, i); }
};
struct multiplicities {
    const u32* n;
    __device__ __forceinline__ qm31 at(u64 i) const { return qm31_from(n[i]); }
};
struct singles {
    __device__ __forceinline__ qm31 at(u64 i) const { return qm31_one(); }
};

// n0 / d0 + n1 / d1 per gate.
template <class N>
DEVICE void next_layer(N n, planes d, planes_mut out_n, planes_mut out_d, u64 count, u64 stride, u64 offset) {
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u64 first = i * stride, second = first + offset;
        qm31 d0 = planes_load(d, first), d1 = planes_load(d, second);
        planes_store(out_n, i, qm31_add(qm31_mul(n.at(first), d1), qm31_mul(n.at(second), d0)));
        planes_store(out_d, i, qm31_mul(d0, d1));
    }
}

// The next layer of fractions. `count` gates.
//
// Launch: one-dimensional, any grid. Per gate: 64 bytes read (multiplicities 40, singles 32), 32
// written, three multiplications of QM31.
KERNEL void next_layer_generic(const u32* n_a, const u32* n_b, const u32* n_c, const u32* n_d, const u32* d_a,
                               const u32* d_b, const u32* d_c, const u32* d_d, u32* out_n_a, u32* out_n_b,
                               u32* out_n_c, u32* out_n_d, u32* out_d_a, u32* out_d_b, u32* out_d_c,
                               u32* out_d_d, u64 count, u64 stride, u64 offset) {
    next_layer(generic{{{n_a, n_b, n_c, n_d}}}, {{d_a, d_b, d_c, d_d}}, {{out_n_a, out_n_b, out_n_c, out_n_d}},
               {{out_d_a, out_d_b, out_d_c, out_d_d}}, count, stride, offset);
}
KERNEL void next_layer_multiplicities(const u32* n, const u32* d_a, const u32* d_b, const u32* d_c,
                                      const u32* d_d, u32* out_n_a, u32* out_n_b, u32* out_n_c,
                                      u32* out_n_d, u32* out_d_a, u32* out_d_b, u32* out_d_c, u32* out_d_d,
                                      u64 count, u64 stride, u64 offset) {
    next_layer(multiplicities{n}, {{d_a, d_b, d_c, d_d}}, {{out_n_a, out_n_b, out_n_c, out_n_d}},
               {{out_d_a, out_d_b, out_d_c, out_d_d}}, count, stride, offset);
}
KERNEL void next_layer_singles(const u32* d_a, const u32* d_b, const u32* d_c, const u32* d_d, u32* out_n_a,
                               u32* out_n_b, u32* out_n_c, u32* out_n_d, u32* out_d_a, u32* out_d_b,
                               u32* out_d_c, u32* out_d_d, u64 count, u64 stride, u64 offset) {
    next_layer(singles{}, {{d_a, d_b, d_c, d_d}}, {{out_n_a, out_n_b, out_n_c, out_n_d}},
               {{out_d_a, out_d_b, out_d_c, out_d_d}}, count, stride, offset);
}

// The next layer of products.
//
// Launch: one-dimensional, any grid. Per gate: 32 bytes read, 16 written, one multiplication of QM31.
KERNEL void next_layer_product(const u32* v_a, const u32* v_b, const u32* v_c, const u32* v_d, u32* out_a,
                               u32* out_b, u32* out_c, u32* out_d, u64 count, u64 stride, u64 offset) {
    planes v = {{v_a, v_b, v_c, v_d}};
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads())
        planes_store(out, i, qm31_mul(planes_load(v, i * stride), planes_load(v, i * stride + offset)));
}

// The value at the round's second point of the line through `low` (at 0) and `high` (at 1): the
// slope (the line at infinity), or the value at 2.
struct at_infinity {
    static __device__ __forceinline__ qm31 line(qm31 low, qm31 high) { return qm31_sub(high, low); }
};
struct at_two {
    static __device__ __forceinline__ qm31 line(qm31 low, qm31 high) { return qm31_add(qm31_sub(high, low), high); }
};

// n0 d1 + n1 d0 + batch d0 d1.
DEVICE qm31 gate(qm31 n0, qm31 n1, qm31 d0, qm31 d1, qm31 batch) {
    qm31 left = qm31_add(n0, qm31_mul(batch, d0));
    return qm31_add(qm31_mul(left, d1), qm31_mul(n1, d0));
}

// Partial sums of eq[i] gate(i) with the highest variable of the gates at 0, and at the point P.
template <class P, class N>
DEVICE void layer_sum(N n, planes d, planes eq, qm31 batch, u64 half, u64 stride, u64 offset, u32* partials) {
    qm31 sums[2] = {qm31_zero(), qm31_zero()};
    for (u64 i = grid_thread(); i < half; i += grid_threads()) {
        u64 low = i * stride, high = (i + half) * stride;
        qm31 n0 = n.at(low), n1 = n.at(low + offset);
        qm31 d0 = planes_load(d, low), d1 = planes_load(d, low + offset), e = planes_load(eq, i);
        sums[0] = qm31_add(sums[0], qm31_mul(e, gate(n0, n1, d0, d1, batch)));
        n0 = P::line(n0, n.at(high));
        n1 = P::line(n1, n.at(high + offset));
        d0 = P::line(d0, planes_load(d, high));
        d1 = P::line(d1, planes_load(d, high + offset));
        sums[1] = qm31_add(sums[1], qm31_mul(e, gate(n0, n1, d0, d1, batch)));
    }
    write_partials(sums, partials);
}

// A round of the sumcheck over a layer of fractions, at 0 and at infinity or 2; `half` gates have
// the highest variable 0.
//
// Launch: one-dimensional, whole warps; two partials per block. Per gate at 0: 144 bytes read
// (multiplicities 96, singles 80), eight multiplications of QM31.
KERNEL void layer_sum_infinity(const u32* n_a, const u32* n_b, const u32* n_c, const u32* n_d, const u32* d_a,
                               const u32* d_b, const u32* d_c, const u32* d_d, const u32* eq_a,
                               const u32* eq_b, const u32* eq_c, const u32* eq_d, qm31 batch, u64 half,
                               u64 stride, u64 offset, u32* partials) {
    layer_sum<at_infinity>(generic{{{n_a, n_b, n_c, n_d}}}, {{d_a, d_b, d_c, d_d}}, {{eq_a, eq_b, eq_c, eq_d}},
                           batch, half, stride, offset, partials);
}
KERNEL void layer_sum_generic(const u32* n_a, const u32* n_b, const u32* n_c, const u32* n_d, const u32* d_a,
                              const u32* d_b, const u32* d_c, const u32* d_d, const u32* eq_a,
                              const u32* eq_b, const u32* eq_c, const u32* eq_d, qm31 batch, u64 half,
                              u64 stride, u64 offset, u32* partials) {
    layer_sum<at_two>(generic{{{n_a, n_b, n_c, n_d}}}, {{d_a, d_b, d_c, d_d}}, {{eq_a, eq_b, eq_c, eq_d}},
                      batch, half, stride, offset, partials);
}
KERNEL void layer_sum_multiplicities(const u32* n, const u32* d_a, const u32* d_b, const u32* d_c,
                                     const u32* d_d, const u32* eq_a, const u32* eq_b, const u32* eq_c,
                                     const u32* eq_d, qm31 batch, u64 half, u64 stride, u64 offset,
                                     u32* partials) {
    layer_sum<at_two>(multiplicities{n}, {{d_a, d_b, d_c, d_d}}, {{eq_a, eq_b, eq_c, eq_d}}, batch, half,
                      stride, offset, partials);
}
KERNEL void layer_sum_singles(const u32* d_a, const u32* d_b, const u32* d_c, const u32* d_d, const u32* eq_a,
                              const u32* eq_b, const u32* eq_c, const u32* eq_d, qm31 batch, u64 half,
                              u64 stride, u64 offset, u32* partials) {
    layer_sum<at_two>(singles{}, {{d_a, d_b, d_c, d_d}}, {{eq_a, eq_b, eq_c, eq_d}}, batch, half, stride,
                      offset, partials);
}

// The same for a layer of products, at 0 and at 2.
//
// Launch: as above. Per gate at 0: 80 bytes read, four multiplications of QM31.
KERNEL void layer_sum_product(const u32* v_a, const u32* v_b, const u32* v_c, const u32* v_d, const u32* eq_a,
                              const u32* eq_b, const u32* eq_c, const u32* eq_d, u64 half, u64 stride,
                              u64 offset, u32* partials) {
    planes v = {{v_a, v_b, v_c, v_d}}, eq = {{eq_a, eq_b, eq_c, eq_d}};
    qm31 sums[2] = {qm31_zero(), qm31_zero()};
    for (u64 i = grid_thread(); i < half; i += grid_threads()) {
        u64 low = i * stride, high = (i + half) * stride;
        qm31 v0 = planes_load(v, low), v1 = planes_load(v, low + offset), e = planes_load(eq, i);
        sums[0] = qm31_add(sums[0], qm31_mul(e, qm31_mul(v0, v1)));
        v0 = at_two::line(v0, planes_load(v, high));
        v1 = at_two::line(v1, planes_load(v, high + offset));
        sums[1] = qm31_add(sums[1], qm31_mul(e, qm31_mul(v0, v1)));
    }
    write_partials(sums, partials);
}

// Where a column's values come from.
#define COLUMN_VALUES 0
#define COLUMN_RAMP 1

// Row of a column: `values[row]`, or clamp(base + min(row, last), lo, hi) of signed integers.
DEVICE u32 column_at(u32 kind, const u32* values, u32 base, u32 last, u32 lo, u32 hi, u32 row) {
    if (kind == COLUMN_VALUES) return values[row];
    int v = (int)base + (int)min(row, last);
    v = v < (int)lo ? (int)lo : v > (int)hi ? (int)hi : v;
    // Sums with zero reduce P to 0.
    return v < 0 ? m31_neg(m31_add(0u - (u32)v, 0)) : m31_add((u32)v, 0);
}

// A block of fractions of the lookup argument: denominators alpha - tag - beta in - beta^2 out, and
// numerators minus the multiplicities, or 1 where `has_multiplicities` is 0. `shifted` is alpha - tag.
// The pointer of a column that is a ramp, and of absent multiplicities, is not read.
//
// Launch: one-dimensional, any grid. Per leaf: at most 12 bytes read, 32 written, two multiplications
// of QM31 by M31.
KERNEL void fraction_leaves(u32* n_a, u32* n_b, u32* n_c, u32* n_d, u32* d_a, u32* d_b, u32* d_c, u32* d_d,
                            u64 first, u64 count, u32 has_multiplicities, const u32* multiplicities,
                            qm31 shifted, qm31 beta, qm31 beta2, u32 in_kind, const u32* in_values,
                            u32 in_base, u32 in_last, u32 in_lo, u32 in_hi, u32 out_kind,
                            const u32* out_values, u32 out_base, u32 out_last, u32 out_lo, u32 out_hi) {
    planes_mut n = {{n_a, n_b, n_c, n_d}}, d = {{d_a, d_b, d_c, d_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u32 in = column_at(in_kind, in_values, in_base, in_last, in_lo, in_hi, i);
        u32 out = column_at(out_kind, out_values, out_base, out_last, out_lo, out_hi, i);
        qm31 sum = qm31_add(qm31_mul_m31(beta, in), qm31_mul_m31(beta2, out));
        planes_store(d, first + i, qm31_sub(shifted, sum));
        planes_store(n, first + i, qm31_from(has_multiplicities ? m31_neg(multiplicities[i]) : 1));
    }
}
