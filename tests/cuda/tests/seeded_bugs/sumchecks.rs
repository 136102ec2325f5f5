//! Launches of the kernels of GKR layers, sumchecks, forms and openings.

use rand::Rng;
use rand::rngs::StdRng;

use super::cases::Argument::*;
use super::cases::{Argument, Case, P, case, outputs, words};

/// `columns` columns of `n` words.
fn planes(rng: &mut StdRng, columns: usize, n: usize) -> Vec<Argument> {
    (0..columns).map(|_| Words(words(rng, n))).collect()
}

fn element(rng: &mut StdRng) -> Argument {
    Qm31(std::array::from_fn(|_| rng.random_range(1..P)))
}

/// A clamped ramp: base, last row that differs, least and greatest value.
fn ramp(base: i32, last: i32, lo: i32, hi: i32) -> [Argument; 4] {
    [base, last, lo, hi].map(|v| U32(v.cast_unsigned()))
}

pub(crate) fn cases(rng: &mut StdRng) -> Vec<Case> {
    vec![
        // 100 gates that pair the halves of a layer, their highest variable not bound.
        case("layer", "gkr", "layer_sum_infinity", (2, 1), 64, {
            let mut list = planes(rng, 8, 200);
            list.extend(planes(rng, 4, 50));
            list.extend([element(rng), U64(50), U64(1), U64(100), Output(16)]);
            list
        }),
        // 50 gates that pair neighbours.
        case("next", "gkr", "next_layer_generic", (1, 1), 32, {
            let mut list = planes(rng, 8, 100);
            list.extend(outputs(50).chain(outputs(50)));
            list.extend([U64(50), U64(2), U64(1)]);
            list
        }),
        // Multiplicities, a column of values and a ramp.
        case("fractions", "gkr", "fraction_leaves", (1, 1), 32, {
            let mut list = planes(rng, 8, 60);
            list.extend([U64(10), U64(50), U32(1), Words(words(rng, 50))]);
            list.extend([element(rng), element(rng), element(rng)]);
            list.extend([U32(0), Words(words(rng, 50))]);
            list.extend(ramp(0, 0, 0, 0));
            list.extend([U32(1), U64(0)]);
            list.extend(ramp(-20, 40, -7, 1000));
            list
        }),
        case("round", "sumcheck", "product_round_qm31", (2, 1), 32, {
            let mut list = planes(rng, 8, 100);
            list.extend([U64(50), Output(24)]);
            list
        }),
        // A part over all 40 cells, and one over cells 8 to 24.
        case("form", "sumcheck", "write_form", (3, 1), 32, {
            let (all, some) = ([0, 2, 0, 4], [8, 3, 14, 22]);
            let mut list: Vec<_> = outputs(40).collect();
            list.extend([
                Words([[0, 8, 0, 1], [8, 24, 1, 3], [24, 40, 3, 4]].concat()),
                Words([all, all, some, all].concat()),
                Words(words(rng, 4 * 24)),
            ]);
            list
        }),
        // A digit of two bits above one bit becomes one of one bit; two shares of three and four entries.
        case("replace", "sumcheck", "replace_digit_m31", (1, 2), 32, {
            let mut list = vec![
                Words(words(rng, 64)),
                Words(vec![0, 3, 7]),
                Words(vec![0, 1, 3, 0, 1, 2, 3]),
                Words(words(rng, 28)),
                U32(1),
                U32(2),
                U32(1),
            ];
            list.extend(outputs(64));
            list.push(U64(32));
            list
        }),
        // Bits 0 and 1 spread, bit 2 is read from no table, bits 3 to 5 gathered to bit 1.
        case("spread", "sumcheck", "spread_form", (1, 1), 32, {
            let mut list = planes(rng, 4, 16);
            list.extend([
                Words(vec![3, 3, 1, 0, 2, 0]),
                U32(1),
                U32(1),
                Words(words(rng, 16)),
                element(rng),
            ]);
            list.extend(outputs(64));
            list.push(U64(64));
            list
        }),
        case("combine", "opening", "combine_columns", (1, 1), 32, {
            let mut list = vec![Words(words(rng, 96)), Words(words(rng, 12)), U32(3)];
            list.extend([Words(words(rng, 64)), Words(words(rng, 8)), U32(2), U32(5)]);
            list.extend(outputs(32));
            list
        }),
        case("folding", "opening", "folding_round", (2, 1), 32, {
            let mut list = planes(rng, 8, 100);
            list.extend(outputs(50));
            list.extend([U64(50), Output(16)]);
            list
        }),
        case("word", "opening", "fold_word", (1, 1), 32, {
            let mut list = planes(rng, 4, 100);
            list.push(Words(words(rng, 50)));
            list.extend(outputs(50));
            list.extend([U64(50), element(rng)]);
            list
        }),
        case("cosets", "opening", "split_cosets", (1, 1), 32, {
            let mut list = planes(rng, 4, 80);
            list.extend([Output(320), U32(3), U64(10)]);
            list
        }),
    ]
}
