//! The bugs: the case that meets each, the file it is in, what it replaces and by what.

pub(crate) type Bug = (&'static str, &'static str, &'static str, &'static str);

/// Bugs of which no check can know: the result differs.
#[rustfmt::skip]
pub(crate) const WRONG: [Bug; 25] = [
    ("sum", "include/m31.cuh", "return min(s, s - M31_P);", "return s;"),
    ("sum", "accumulate.cu", "m31_add(a3[i], b3[i])", "m31_add(a3[i], b2[i])"),
    ("inverse", "include/m31.cuh", "m31_square_times(t5, 7), t2)", "m31_square_times(t5, 7), t1)"),
    ("fix", "include/qm31.cuh", "m31_mul(x.c, f), m31_mul(x.d, f)", "m31_mul(x.d, f), m31_mul(x.c, f)"),
    ("leaves", "include/blake2s.cuh", "rotate_right(b ^ c, 12)", "rotate_right(b ^ c, 11)"),
    ("leaves", "merkle.cu", "last ? 4ull * n_columns : 64ull * (block + 1)", "64ull * (block + 1)"),
    // The seventeenth column is left out.
    ("leaves", "merkle.cu", "block < end_block; block++", "block < first_block + 1; block++"),
    ("leaves", "merkle.cu", "columns[c][lift(i, log - column_logs[c])]", "columns[c][i >> (log - column_logs[c])]"),
    ("fold", "include/twiddle.cuh", "negative = (h ^ h >> 1) & 1;", "negative = h & 1;"),
    ("grind", "grind.cu", "(u32)(nonce >> 32), 0, 0", "(u32)nonce, 0, 0"),
    // Values left out of a sum.
    ("partials", "mle.cu", "b = threadIdx.x; b < blocks; b += 32", "b = threadIdx.x; b + 32 < blocks; b += 32"),
    ("scan", "prefix_sum.cu", "if (lane == 31) scratch[warp] = x;", "if (lane == 0) scratch[warp] = x;"),
    // Layers of fractions.
    ("layer", "gkr.cu", "qm31_mul(n1, d0));", "qm31_mul(n1, d1));"),
    ("layer", "gkr.cu", "line(qm31 low, qm31 high) { return qm31_sub(high, low); }", "line(qm31 low, qm31 high) { return high; }"),
    ("next", "gkr.cu", "qm31_mul(n.at(first), d1)", "qm31_mul(n.at(first), d0)"),
    ("fractions", "gkr.cu", "? m31_neg(multiplicities[i]) : 1", "? multiplicities[i] : 1"),
    ("fractions", "gkr.cu", "(int)min(row, last)", "(int)row"),
    // Unsigned: negative values are above the least one.
    ("fractions", "gkr.cu", "v = v < (int)lo ?", "v = (u32)v < lo ?"),
    // Products, forms, openings.
    ("round", "sumcheck.cu", "qm31_sub(f1, f0), i, i + half", "qm31_sub(f0, f1), i, i + half"),
    ("form", "sumcheck.cu", "p = chunk[2]; p < chunk[3]; p++", "p = chunk[2]; p < chunk[2] + 1; p++"),
    ("replace", "sumcheck.cu", "(high << old_bits << shift)", "(high << new_bits << shift)"),
    ("spread", "sumcheck.cu", "fields[3 * f + 2] + digit", "fields[3 * f + 2] + (digit & 1)"),
    ("combine", "opening.cu", "cells1[((u64)c << log_rows) + row]", "cells1[row]"),
    ("word", "opening.cu", "1u << 30", "1u << 29"),
    ("cosets", "opening.cu", "in.p[k][i]", "in.p[k & 2][i]"),
];

/// Bugs that the checks find, whatever the result is, and a word of the finding.
#[rustfmt::skip]
pub(crate) const FORBIDDEN: [(Bug, &str); 26] = [
    (("fft", "circle_fft.cu", "tile[l] = (place.start + offset) >> log_in ? 0 : input[offset];", "tile[l] = input[offset];"), "outside of memory"),
    (("sum", "accumulate.cu", "i < n; i +=", "i <= n; i +="), "outside of memory"),
    (("gather", "gather.cu", "(u64)rows[i] * words + w", "(u64)rows[i] * (words + 4) + w"), "outside of memory"),
    (("inverse", "batch_inverse.cu", "i + k * stride < n ? values[i + k * stride] : 1", "values[i + k * stride]"), "outside of memory"),
    (("dot", "include/mle.cuh", "__shared__ u32 scratch[128];", "__shared__ u32 scratch[8];"), "outside of memory"),
    (("scan", "prefix_sum.cu", "inside ? column[at] : 0", "column[at + 1]"), "outside of memory"),
    // Not written, or not by all.
    (("eq", "mle.cu", "if (threadIdx.x == 0) qm31_store(table, 0, qm31_one());", ""), "uninitialised"),
    (("eq", "mle.cu", "tile < 1ull << high_bits; tile +=", "tile + 1 < 1ull << high_bits; tile +="), "uninitialised"),
    (("inverse", "batch_inverse.cu", "k = PER_THREAD - 1; k >= 0; k--", "k = PER_THREAD - 1; k > 0; k--"), "uninitialised"),
    (("dot", "include/reduce.cuh", "lane < warps ? qm31_load(scratch, lane) : qm31_zero()", "lane <= warps ? qm31_load(scratch, lane) : qm31_zero()"), "uninitialised"),
    // A barrier that is missing, or reached too late.
    (("eq", "mle.cu", "upper);\n        }\n        __syncthreads();", "upper);\n        }"), "race in shared|uninitialised"),
    (("scan", "prefix_sum.cu", "scratch[warp] = x;\n    __syncthreads();", "scratch[warp] = x;"), "race in shared|uninitialised"),
    (("dot", "include/reduce.cuh", "warp, x);\n    __syncthreads();", "warp, x);"), "race in shared|uninitialised"),
    (("subtree", "merkle.cu", "        __syncthreads();\n        if (active) {\n            blake2s state", "        if (active) {\n            blake2s state"), "race in shared|uninitialised"),
    (("fft", "circle_fft.cu", "k -= 2;\n        __syncthreads();", "k -= 2;"), "race in shared|uninitialised"),
    // Threads of one launch at the same word.
    (("reverse", "bit_reverse.cu", "if (i < j) {", "if (i != j) {"), "race in global"),
    (("grind", "grind.cu", "atomicMin(best, nonce);", "*best = min((u32)*best, (u32)nonce);"), "race in global"),
    // Warps and barriers.
    (("partials", "include/reduce.cuh", "__shfl_down_sync(FULL_WARP, x, step)", "__shfl_down_sync(0xffffu, x, step)"), "mask"),
    (("scan", "prefix_sum.cu", "if (lane == 31) scratch[warp] = x;\n    __syncthreads();", "if (lane == 31) { scratch[warp] = x; __syncthreads(); }"), "barrier|uninitialised|race"),
    (("scan", "prefix_sum.cu", "if (lane >= step) x = m31_add(x, before);", "if (lane >= step) x = m31_add(x, before); if (step == 4 && lane == 9) __syncthreads();"), "barrier|lanes"),
    // 16 bytes at once, 4 bytes too far.
    (("subtree", "merkle.cu", "u32* nodes = (u32*)tile;", "u32* nodes = (u32*)tile + 1;"), "unaligned"),
    // Layers, forms, openings: weights beyond their table, a cell or an entry too many, a value left out, a barrier.
    (("layer", "gkr.cu", "planes_load(d, low + offset), e = planes_load(eq, i);", "planes_load(d, low + offset), e = planes_load(eq, low + offset);"), "outside of memory"),
    (("form", "sumcheck.cu", "cell < chunk[1]; cell +=", "cell <= chunk[1]; cell +="), "race in global|outside of memory"),
    (("cosets", "opening.cu", "i < count << log_coset; i +=", "i <= count << log_coset; i +="), "outside of memory"),
    (("folding", "opening.cu", "planes_store(rest, i, e);", "if (i > 0) planes_store(rest, i, e);"), "uninitialised"),
    (("layer", "include/mle.cuh", "if (k > 0) __syncthreads();", ""), "race in shared"),
];
