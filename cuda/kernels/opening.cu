// The opening of committed tables: combining columns, the folding rounds, cosets as leaves.
#include "mle.cuh"

// out[row] = sum over columns c of coefficients[c] * cells[c 2^log_rows + row], over both tables.
//
// Launch: one-dimensional, any grid. Per row and column: 4 bytes read and one multiplication of QM31 by M31; per
// row 16 bytes written.
KERNEL void combine_columns(const u32* cells0, const u32* coefficients0, u32 columns0, const u32* cells1,
                            const u32* coefficients1, u32 columns1, u32 log_rows, u32* out_a, u32* out_b,
                            u32* out_c, u32* out_d) {
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 row = grid_thread(); row < 1ull << log_rows; row += grid_threads()) {
        qm31 sum = qm31_zero();
        for (u32 c = 0; c < columns0; c++)
            sum = qm31_add(sum, qm31_mul_m31(qm31_load(coefficients0, c), cells0[((u64)c << log_rows) + row]));
        for (u32 c = 0; c < columns1; c++)
            sum = qm31_add(sum, qm31_mul_m31(qm31_load(coefficients1, c), cells1[((u64)c << log_rows) + row]));
        planes_store(out, row, sum);
    }
}

// A folding round: rest[i] = eq[i] + eq[i + half], which is eq over the later coordinates, and partial sums of
// message[i] rest[i] and message[i + half] rest[i].
//
// Launch: one-dimensional, whole warps; two partials per block. Per pair: 64 bytes read, 16 written, two
// multiplications of QM31.
KERNEL void folding_round(const u32* message_a, const u32* message_b, const u32* message_c,
                          const u32* message_d, const u32* eq_a, const u32* eq_b, const u32* eq_c,
                          const u32* eq_d, u32* rest_a, u32* rest_b, u32* rest_c, u32* rest_d, u64 half,
                          u32* partials) {
    planes message = {{message_a, message_b, message_c, message_d}}, eq = {{eq_a, eq_b, eq_c, eq_d}};
    planes_mut rest = {{rest_a, rest_b, rest_c, rest_d}};
    qm31 sums[2] = {qm31_zero(), qm31_zero()};
    for (u64 i = grid_thread(); i < half; i += grid_threads()) {
        qm31 e = qm31_add(planes_load(eq, i), planes_load(eq, i + half));
        planes_store(rest, i, e);
        sums[0] = qm31_add(sums[0], qm31_mul(e, planes_load(message, i)));
        sums[1] = qm31_add(sums[1], qm31_mul(e, planes_load(message, i + half)));
    }
    write_partials(sums, partials);
}

// Folds a word: out[i] = ((1 - r)(f0 + f1) + r (f0 - f1) inverses[i]) / 2 for the pair f0, f1 at 2i, 2i + 1.
//
// Launch: one-dimensional, any grid. Per pair: 36 bytes read, 16 written, one multiplication of QM31 and two by
// M31.
KERNEL void fold_word(const u32* in_a, const u32* in_b, const u32* in_c, const u32* in_d, const u32* inverses,
                      u32* out_a, u32* out_b, u32* out_c, u32* out_d, u64 count, qm31 r) {
    planes in = {{in_a, in_b, in_c, in_d}};
    planes_mut out = {{out_a, out_b, out_c, out_d}};
    for (u64 i = grid_thread(); i < count; i += grid_threads()) {
        qm31 f0 = planes_load(in, 2 * i), f1 = planes_load(in, 2 * i + 1);
        qm31 odd = qm31_mul_m31(qm31_sub(f0, f1), inverses[i]);
        // 2^30 is 1/2.
        planes_store(out, i, qm31_mul_m31(qm31_lerp(qm31_add(f0, f1), odd, r), 1u << 30));
    }
}

// The cosets of a word as rows: out[(4 j + k) count + i] is coordinate k of entry i 2^log_coset + j.
//
// Launch: one-dimensional over entries, any grid. Per entry: 16 bytes read, 16 written.
KERNEL void split_cosets(const u32* in_a, const u32* in_b, const u32* in_c, const u32* in_d, u32* out,
                         u32 log_coset, u64 count) {
    planes in = {{in_a, in_b, in_c, in_d}};
    for (u64 i = grid_thread(); i < count << log_coset; i += grid_threads()) {
        u64 coset = i >> log_coset, j = i & ((1ull << log_coset) - 1);
        #pragma unroll
        for (u32 k = 0; k < 4; k++) out[(4 * j + k) * count + coset] = in.p[k][i];
    }
}
