// Multilinear polynomials given by their values: tables of eq, binding the first variable, sums.
//
// The first variable is the highest bit of the index: binding it combines the two halves.
#include "mle.cuh"

// Bits of the index whose table of eq a block keeps in shared memory.
#define EQ_BITS 9

// out[i] = scale * eq(point, i) for i < 2^variables. `point` lists the coordinate of the highest
// bit first, four words each.
//
// Launch: one-dimensional, 256 threads, any grid. Per element: 16 bytes written; two elements share
// the product over the high coordinates, (variables - 9) multiplications of QM31, and each takes one
// more; the shared table takes two per thread and block.
KERNEL void eq_table(u32* out_a, u32* out_b, u32* out_c, u32* out_d, const u32* point, u32 variables,
                     qm31 scale) {
    __shared__ u32 table[4 << EQ_BITS];
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    u32 bits = min(variables, EQ_BITS), high_bits = variables - bits;
    if (threadIdx.x == 0) qm31_store(table, 0, qm31_one());
    __syncthreads();
    for (u32 k = 0; k < bits; k++) {
        qm31 p = qm31_load(point, variables - 1 - k);
        for (u32 i = threadIdx.x; i < 1u << k; i += blockDim.x) {
            qm31 whole = qm31_load(table, i), upper = qm31_mul(whole, p);
            qm31_store(table, i, qm31_sub(whole, upper));
            qm31_store(table, i + (1u << k), upper);
        }
        __syncthreads();
    }
    for (u64 tile = blockIdx.x; tile < 1ull << high_bits; tile += gridDim.x) {
        qm31 factor = scale;
        for (u32 k = 0; k < high_bits; k++) {
            qm31 upper = qm31_mul(factor, qm31_load(point, k));
            bool one = tile >> (high_bits - 1 - k) & 1;
            factor = one ? upper : qm31_sub(factor, upper);
        }
        for (u32 i = threadIdx.x; i < 1u << bits; i += blockDim.x)
            planes_store(out, (tile << bits) + i, qm31_mul(factor, qm31_load(table, i)));
    }
}

// Binds the first variable of the rows of a table of QM31 to r. A row of 2 half elements, half a power of two,
// becomes one of half elements; `count` is the number of elements that all rows become:
// out[i] = in[i] + r (in[i + half] - in[i]) within each row.
//
// Launch: one-dimensional, any grid. Per element of the output: 32 bytes read, 16 written, one multiplication of
// QM31 and two additions.
KERNEL void fix_first_qm31(const u32* in_a, const u32* in_b, const u32* in_c, const u32* in_d, u32* out_a,
                           u32* out_b, u32* out_c, u32* out_d, u64 half, u64 count, qm31 r) {
    planes in = {{in_a, in_b, in_c, in_d}};
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u64 low = i + (i & ~(half - 1));
        planes_store(out, i, qm31_lerp(planes_load(in, low), planes_load(in, low + half), r));
    }
}

// The same of one row of M31, half elements of output.
//
// Launch: one-dimensional, any grid. Per element of the output: 8 bytes read, 16 written, one multiplication of QM31
// by M31 and two additions.
KERNEL void fix_first_m31(const u32* values, u32* out_a, u32* out_b, u32* out_c, u32* out_d, u64 half, qm31 r) {
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < half; i += grid_threads())
        planes_store(out, i, qm31_add_m31(qm31_mul_m31(r, m31_sub(values[i + half], values[i])), values[i]));
}

// Partial sums of values[i] * weights[i], values of M31.
//
// Launch: one-dimensional, whole warps; a partial per block. Per element: 20 bytes
// read, one multiplication of QM31 by M31 and one addition.
KERNEL void dot_m31(const u32* values, const u32* weights_a, const u32* weights_b, const u32* weights_c,
                    const u32* weights_d, u64 count, u32* partials) {
    planes weights = {{weights_a, weights_b, weights_c, weights_d}};
    qm31 sum[1] = {qm31_zero()};
    for (u64 i = grid_thread(); i < count; i += grid_threads())
        sum[0] = qm31_add(sum[0], qm31_mul_m31(planes_load(weights, i), values[i]));
    write_partials(sum, partials);
}

// Adds the partials of all blocks, in words: out[k] = sum over b < blocks of partials[b words + k].
//
// Launch: a block of 32 threads per word. Per word of a partial: 4 bytes read, one addition.
KERNEL void sum_partials(const u32* partials, u32 blocks, u32 words, u32* out) {
    u32 sum = 0;
    for (u32 b = threadIdx.x; b < blocks; b += 32) sum = m31_add(sum, partials[(u64)b * words + blockIdx.x]);
    sum = warp_sum_m31(sum);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

// Replaces 32-bit signed integers by the elements of M31 that they stand for.
//
// Launch: one-dimensional, any grid. Per element: 4 bytes read, 4 written, about 6 instructions.
KERNEL void integers_to_m31(u32* values, u64 count) {
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        u32 v = values[i];
        // 2^32 is 2 modulo P.
        if (v >> 31) v -= 2;
        v = (v & M31_P) + (v >> 31);
        values[i] = min(v, v - M31_P);
    }
}

// Sets every element to `value`.
//
// Launch: one-dimensional, any grid. Per element: 16 bytes written.
KERNEL void fill_qm31(u32* out_a, u32* out_b, u32* out_c, u32* out_d, u64 count, qm31 value) {
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) planes_store(out, i, value);
}

// The first `count` elements of a column as consecutive words, for the host.
//
// Launch: one-dimensional, any grid. Per element: 16 bytes read, 16 written.
KERNEL void to_entries(const u32* in_a, const u32* in_b, const u32* in_c, const u32* in_d, u64 count, u32* out) {
    planes in = {{in_a, in_b, in_c, in_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) qm31_store(out, i, planes_load(in, i));
}

// Adds `value` to every element.
//
// Launch: one-dimensional, any grid. Per element: 16 bytes read, 16 written, one addition of QM31.
KERNEL void add_constant(u32* values_a, u32* values_b, u32* values_c, u32* values_d, u64 count, qm31 value) {
    planes in = {{values_a, values_b, values_c, values_d}};
    planes_mut out = {{values_a, values_b, values_c, values_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads())
        planes_store(out, i, qm31_add(planes_load(in, i), value));
}
