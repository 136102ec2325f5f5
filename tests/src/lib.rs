//! What the cross-crate tests share: small circuits.

use stwo_ml::circuit::{Circuit, axis_ranges, box_bits, embed};
use stwo_ml_verifier::vk::{Bits, Factor, Term, Wiring};

/// The wiring of an axis of `len` positions.
pub fn diagonal(out: Bits, left: Bits, right: Bits, len: u32) -> Factor {
    Factor {
        out,
        left,
        right,
        wiring: Wiring::Diagonal { len },
    }
}

/// The weights of [`linear`], 5 x 7.
pub fn linear_weights() -> Vec<i32> {
    (0..35).map(|i| (i * 37 % 19) - 9).collect()
}

/// The bias of [`linear`].
pub const LINEAR_BIAS: [i32; 5] = [5, -3, 900, -700, 1];

/// `z = max(y, previous y)` over `y = clamp(floor((W x + b + 8) / 16), 0, 255)`: a matrix product,
/// a bias, a requantisation, an activation, a maximum and a copy. The table has `2^table_bits`
/// rows.
pub fn linear(table_bits: u32) -> Circuit {
    let mut circuit = Circuit::new("linear");
    let none = Bits::default();
    let x = circuit.input("x", &[7], 0, -100, 100);
    let w = circuit.weight(embed(&linear_weights(), &[5, 7]));
    let b = circuit.weight(embed(&LINEAR_BIAS, &[5]));
    let [o, k] = axis_ranges(&[5, 7]).try_into().expect("two axes");
    let (out, right) = (axis_ranges(&[5])[0], axis_ranges(&[7])[0]);
    let product = Term {
        coefficient: 1,
        left: Some(w),
        right: x,
        factors: vec![diagonal(out, o, none, 5), diagonal(none, k, right, 7)],
        lo: -6300,
        hi: 6300,
    };
    let bias = Term {
        coefficient: 1,
        left: None,
        right: b,
        factors: vec![diagonal(out, none, out, 5)],
        lo: -700,
        hi: 900,
    };
    let half = 1 << (table_bits - 1);
    let relu = circuit.clamp_table(-half, 2 * half as u32, 0, 255);
    let log_size = box_bits(&[5]);
    let y = circuit.lookup(log_size, vec![product, bias], 8, 16, relu);
    // y shifted by one position: entry 0 reads nothing.
    let shifted = Term {
        coefficient: 1,
        left: None,
        right: y,
        factors: vec![Factor {
            out,
            left: none,
            right: out,
            wiring: Wiring::Entries(
                (1..5)
                    .map(|i| stwo_ml_verifier::vk::Entry {
                        out: i,
                        left: 0,
                        right: i - 1,
                        weight: 1,
                    })
                    .collect(),
            ),
        }],
        lo: 0,
        hi: 255,
    };
    let previous = circuit.equal(log_size, vec![shifted], 0, 255);
    let side = |circuit: &Circuit, t| (vec![circuit.read(1, t)], 0, 255);
    let (a, b) = (side(&circuit, y), side(&circuit, previous));
    let z = circuit.maximum(log_size, a, b, relu);
    circuit.output("z", &[5], -4, z);
    circuit
}
