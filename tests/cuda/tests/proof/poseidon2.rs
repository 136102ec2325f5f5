//! Poseidon2 over M31 of width 16, twice: as constraints, by the addition chains of the paper, and
//! as a reference in plain integers with explicit matrices, which shares nothing with the field
//! arithmetic or the linear layers that it checks.
//!
//! 8 full and 14 partial rounds, x^5. The round constants are words of Blake2s of the round's name;
//! the internal matrix is all ones plus the diagonal 2, 4, ..., 2^16.

use std::array::from_fn;

use stwo::core::fields::FieldExpOps;
use stwo::core::fields::m31::BaseField;
use stwo::core::vcs::blake2_hash::Blake2sHasher;
use stwo_constraint_framework::EvalAtRow;

pub const P: u64 = (1 << 31) - 1;
const WIDTH: usize = 16;
const HALF_FULL: usize = 4;
const PARTIAL: usize = 14;

/// Constant `index` of round `round`.
fn constant(round: usize, index: usize) -> u64 {
    let hash = Blake2sHasher::hash(format!("round {round} constant {index}").as_bytes());
    u64::from_le_bytes(hash.0[..8].try_into().expect("eight bytes")) % P
}

/// The inputs, then of every S-box in their order the cube and the output: a row of the trace.
pub fn reference_row(input: [u64; WIDTH]) -> Vec<u64> {
    const M4: [[u64; 4]; 4] = [[5, 7, 1, 3], [4, 6, 1, 1], [1, 3, 5, 7], [1, 1, 4, 6]];
    let external = |row: usize, column: usize| {
        M4[row % 4][column % 4] * if row / 4 == column / 4 { 2 } else { 1 }
    };
    let internal = |row: usize, column: usize| 1 + if row == column { 2 << row } else { 0 };
    let times = |matrix: &dyn Fn(usize, usize) -> u64, state: [u64; WIDTH]| -> [u64; WIDTH] {
        from_fn(|row| {
            (0..WIDTH)
                .map(|column| matrix(row, column) * state[column] % P)
                .sum::<u64>()
                % P
        })
    };
    let power = |x: u64, exponent: u32| (1..exponent).fold(x, |product, _| product * x % P);

    let mut row = input.to_vec();
    let mut state = times(&external, input);
    for round in 0..2 * HALF_FULL + PARTIAL {
        let full = !(HALF_FULL..HALF_FULL + PARTIAL).contains(&round);
        for (index, value) in state.iter_mut().enumerate() {
            if full || index == 0 {
                let x = (*value + constant(round, index)) % P;
                *value = power(x, 5);
                row.extend([power(x, 3), *value]);
            }
        }
        state = if full {
            times(&external, state)
        } else {
            times(&internal, state)
        };
    }
    row
}

fn m4<F: Clone + std::ops::Add<Output = F>>(x: [F; 4]) -> [F; 4] {
    let [a, b, c, d] = x;
    let double = |v: F| v.clone() + v;
    let t0 = a + b.clone();
    let t1 = c + d.clone();
    let t2 = double(b) + t1.clone();
    let t3 = double(d) + t0.clone();
    let t4 = double(double(t1)) + t3.clone();
    let t5 = double(double(t0)) + t2.clone();
    let t6 = t3 + t5.clone();
    let t7 = t2 + t4.clone();
    [t6, t5, t7, t4]
}

fn external<F: Clone + std::ops::Add<Output = F>>(state: [F; WIDTH]) -> [F; WIDTH] {
    let blocks: [[F; 4]; 4] = from_fn(|block| m4(from_fn(|k| state[4 * block + k].clone())));
    let sums: [F; 4] = from_fn(|k| {
        blocks[0][k].clone() + blocks[1][k].clone() + blocks[2][k].clone() + blocks[3][k].clone()
    });
    from_fn(|i| blocks[i / 4][i % 4].clone() + sums[i % 4].clone())
}

/// Constrains the columns of a row to be those of [`reference_row`].
pub fn constrain<E: EvalAtRow>(eval: &mut E) {
    let mut state: [E::F; WIDTH] = external(from_fn(|_| eval.next_trace_mask()));
    for round in 0..2 * HALF_FULL + PARTIAL {
        let full = !(HALF_FULL..HALF_FULL + PARTIAL).contains(&round);
        for (index, value) in state.iter_mut().enumerate() {
            if full || index == 0 {
                let mut x = value.clone();
                x += BaseField::from(constant(round, index) as u32);
                let cube = eval.next_trace_mask();
                let output = eval.next_trace_mask();
                eval.add_constraint(x.square() * x.clone() - cube.clone());
                eval.add_constraint(cube * x.square() - output.clone());
                *value = output;
            }
        }
        state = if full {
            external(state)
        } else {
            let sum = state[1..]
                .iter()
                .cloned()
                .fold(state[0].clone(), |a, b| a + b);
            from_fn(|i| sum.clone() + state[i].clone() * BaseField::from(2u32 << i))
        };
    }
}
