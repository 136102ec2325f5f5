// Sumchecks of products base(x) form(x), and the forms they sum over.
#include "mle.cuh"

// Adds the terms of one pair to the sums at 0, at 1 and of the leading coefficient.
template <class B> DEVICE void product_terms(qm31 (&sums)[3], B base, planes form, u64 i, u64 half) {
    qm31 f0 = planes_load(form, i), f1 = planes_load(form, i + half);
    sums[0] = qm31_add(sums[0], base.times(f0, i));
    sums[1] = qm31_add(sums[1], base.times(f1, i + half));
    sums[2] = qm31_add(sums[2], base.times_slope(qm31_sub(f1, f0), i, i + half));
}

struct base_m31 {
    const u32* values;
    __device__ __forceinline__ qm31 times(qm31 f, u64 i) const { return qm31_mul_m31(f, values[i]); }
    __device__ __forceinline__ qm31 times_slope(qm31 f, u64 i, u64 j) const {
        return qm31_mul_m31(f, m31_sub(values[j], values[i]));
    }
};
struct base_qm31 {
    planes values;
    __device__ __forceinline__ qm31 times(qm31 f, u64 i) const { return qm31_mul(f, planes_load(values, i)); }
    __device__ __forceinline__ qm31 times_slope(qm31 f, u64 i, u64 j) const {
        return qm31_mul(f, qm31_sub(planes_load(values, j), planes_load(values, i)));
    }
};

template <class B> DEVICE void product_round(B base, planes form, u64 half, u32* partials) {
    qm31 sums[3] = {qm31_zero(), qm31_zero(), qm31_zero()};
    for (u64 i = grid_thread(); i < half; i += grid_threads()) product_terms(sums, base, form, i, half);
    write_partials(sums, partials);
}

// Partial sums of a round: base form with the highest variable 0, 1, and the leading coefficient.
//
// Launch: one-dimensional, whole warps; three partials per block. Per pair: 40 bytes read and three
// multiplications of QM31 by M31; 64 bytes and three of QM31 once a variable is bound.
KERNEL void product_round_m31(const u32* base, const u32* form_a, const u32* form_b, const u32* form_c,
                              const u32* form_d, u64 half, u32* partials) {
    product_round(base_m31{base}, {{form_a, form_b, form_c, form_d}}, half, partials);
}
KERNEL void product_round_qm31(const u32* base_a, const u32* base_b, const u32* base_c, const u32* base_d,
                               const u32* form_a, const u32* form_b, const u32* form_c, const u32* form_d,
                               u64 half, u32* partials) {
    product_round(base_qm31{{{base_a, base_b, base_c, base_d}}}, {{form_a, form_b, form_c, form_d}}, half,
                  partials);
}

// A form that is a sum of parts: a part covers an aligned run of cells, and its coefficient at index i of
// the run is high[i >> log_low] * low[i mod 2^log_low].
//
// Chunk c covers cells chunks[4c] up to chunks[4c + 1], and its parts are numbers chunks[4c + 2] up to
// chunks[4c + 3] of `parts`; the chunks cover all cells once. Part p is the words 4p to 4p + 3 of `parts`:
// first cell, log_low, first entry of low and of high in `entries`.
//
// Launch: a block per chunk, any number of threads. Per cell and part: one multiplication and one addition of
// QM31, 32 bytes read through the cache; per cell 16 bytes written.
KERNEL void write_form(u32* out_a, u32* out_b, u32* out_c, u32* out_d, const u32* chunks, const u32* parts,
                       const u32* entries) {
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    const u32* chunk = chunks + 4 * (u64)blockIdx.x;
    for (u32 cell = chunk[0] + threadIdx.x; cell < chunk[1]; cell += blockDim.x) {
        qm31 sum = qm31_zero();
        for (u32 p = chunk[2]; p < chunk[3]; p++) {
            const u32* part = parts + 4 * (u64)p;
            u32 i = cell - part[0], log_low = part[1];
            qm31 low = qm31_load(entries, (u64)part[2] + (i & ((1u << log_low) - 1)));
            qm31 high = qm31_load(entries, (u64)part[3] + (i >> log_low));
            sum = qm31_add(sum, qm31_mul(low, high));
        }
        planes_store(out, cell, sum);
    }
}

struct old_m31 {
    const u32* values;
    __device__ __forceinline__ qm31 times(qm31 w, u64 i) const { return qm31_mul_m31(w, values[i]); }
};
struct old_qm31 {
    planes values;
    __device__ __forceinline__ qm31 times(qm31 w, u64 i) const { return qm31_mul(w, planes_load(values, i)); }
};

template <class T>
DEVICE void replace_digit(T old, const u32* starts, const u32* digits, const u32* weights, u32 shift,
                          u32 old_bits, u32 new_bits, planes_mut out, u64 count) {
    u32 split = blockIdx.y, splits = gridDim.y;
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u64 low = i & ((1ull << shift) - 1), high = i >> shift >> new_bits;
        u32 digit = (u32)(i >> shift) & ((1u << new_bits) - 1);
        u64 row = (high << old_bits << shift) + low;
        u32 start = starts[digit], length = starts[digit + 1] - start;
        u32 from = start + (u32)((u64)length * split / splits), to = start + (u32)((u64)length * (split + 1) / splits);
        qm31 sum = qm31_zero();
        for (u32 e = from; e < to; e++)
            sum = qm31_add(sum, old.times(qm31_load(weights, e), row + ((u64)digits[e] << shift)));
        planes_store(out, (u64)split * count + i, sum);
    }
}

// Replaces a digit of the index of a table:
// out[high, n, low] = sum over the entries e of n of weights[e] old[high, digits[e], low], where the
// entries of n are starts[n] up to starts[n + 1]. Row y of the grid sums its share of every n's entries to
// the y-th of the consecutive outputs of `count` elements.
//
// Launch: any grid, any number of rows. Per entry and output: 4 bytes read and one multiplication of QM31 by
// M31 (16 bytes and one of QM31 for a table of QM31); 16 bytes written per output and row.
KERNEL void replace_digit_m31(const u32* old, const u32* starts, const u32* digits, const u32* weights,
                              u32 shift, u32 old_bits, u32 new_bits, u32* out_a, u32* out_b, u32* out_c,
                              u32* out_d, u64 count) {
    replace_digit(old_m31{old}, starts, digits, weights, shift, old_bits, new_bits,
                  {{out_a, out_b, out_c, out_d}}, count);
}
KERNEL void replace_digit_qm31(const u32* old_a, const u32* old_b, const u32* old_c, const u32* old_d,
                               const u32* starts, const u32* digits, const u32* weights, u32 shift,
                               u32 old_bits, u32 new_bits, u32* out_a, u32* out_b, u32* out_c, u32* out_d,
                               u64 count) {
    replace_digit(old_qm31{{{old_a, old_b, old_c, old_d}}}, starts, digits, weights, shift, old_bits,
                  new_bits, {{out_a, out_b, out_c, out_d}}, count);
}

// Adds the shares that replace_digit_* wrote: out[i] = sum over k < splits of in[k count + i].
//
// Launch: one-dimensional, any grid. Per element: 16 bytes read per share, 16 written.
KERNEL void sum_shares(const u32* in_a, const u32* in_b, const u32* in_c, const u32* in_d, u32* out_a,
                       u32* out_b, u32* out_c, u32* out_d, u32 splits, u64 count) {
    planes in = {{in_a, in_b, in_c, in_d}};
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        qm31 sum = planes_load(in, i);
        for (u32 k = 1; k < splits; k++) sum = qm31_add(sum, planes_load(in, (u64)k * count + i));
        planes_store(out, i, sum);
    }
}

// The coefficients of a right operand: out[i] = scale * table[sum_g digit_g(i) << to_g] * prod_s
// entries[first_s + digit_s(i)]. Field f of `fields` is its words 3f to 3f + 2: the shift and the number of
// bits of a digit of i, and to_g (the first `gathers` fields) or first_s (the `spreads` after them).
//
// Launch: one-dimensional, any grid. Per element: 16 bytes read and 16 written, one multiplication of QM31 and
// one more, with 16 bytes through the cache, per spread digit.
KERNEL void spread_form(const u32* table_a, const u32* table_b, const u32* table_c, const u32* table_d,
                        const u32* fields, u32 gathers, u32 spreads, const u32* entries, qm31 scale,
                        u32* out_a, u32* out_b, u32* out_c, u32* out_d, u64 count) {
    planes table = {{table_a, table_b, table_c, table_d}};
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u64 from = 0;
        for (u32 f = 0; f < gathers; f++)
            from += (i >> fields[3 * f] & ((1u << fields[3 * f + 1]) - 1)) << fields[3 * f + 2];
        qm31 v = qm31_mul(scale, planes_load(table, from));
        for (u32 f = gathers; f < gathers + spreads; f++) {
            u64 digit = i >> fields[3 * f] & ((1u << fields[3 * f + 1]) - 1);
            v = qm31_mul(v, qm31_load(entries, fields[3 * f + 2] + digit));
        }
        planes_store(out, i, v);
    }
}
