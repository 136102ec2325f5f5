//! What the cross-crate tests share: small circuits, their provers, the vectors, and what backends must agree on.

pub mod backends;
pub mod vectors;

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::circuit::{Circuit, axis_ranges, box_bits, embed};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::Level;
use stwo_ml_verifier::vk::{Bits, Entry, Factor, Term, Wiring};

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
                    .map(|i| Entry {
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

/// The weights of [`mixed`]: a matrix 5 x 12, a kernel of 3 taps, a matrix 4 x 2.
pub fn mixed_weights() -> [Vec<i32>; 3] {
    let matrix = |count: i32, modulus: i32| {
        let half = modulus / 2;
        (0..count).map(|i| i * 41 % modulus - half).collect()
    };
    [matrix(60, 19), vec![4, -3, 2], matrix(8, 7)]
}

/// The function of the table of [`mixed`] whose outputs are committed.
pub fn mixed_function(y: i32) -> i32 {
    y * y / 200 - 100
}

/// A circuit with every kind of relation, operand and wiring, and two inputs and three outputs of
/// different sizes: from `x` of 12 and `u` of 3 x 2,
///
/// * `y = clamp(floor((2 W x - 3 (K * x) + 8) / 16), 0, 255)`, where `*` has stride 3 and padding on
///   both sides;
/// * `f = mixed_function(y)`;
/// * `p[j] = w y[j] x[i]` for the three entries of a sparse wiring;
/// * `z = clamp(floor((V t + 2) / 4), -10, 20)`, where `t` is `3 u` as 2 x 3.
pub fn mixed() -> Circuit {
    let mut circuit = Circuit::new("mixed");
    let bits = |shift, count| Bits { shift, count };
    let none = Bits::default();
    let x = circuit.input("x", &[12], 0, -50, 50);
    let u = circuit.input("u", &[3, 2], 0, -5, 5);
    let [matrix, kernel, small] = mixed_weights();
    let matrix = circuit.weight(embed(&matrix, &[5, 12]));
    let kernel = circuit.weight(embed(&kernel, &[3]));
    let small = circuit.weight(embed(&small, &[4, 2]));
    let bilinear = |coefficient, left, right, factors, bound: i64| Term {
        coefficient,
        left: Some(left),
        right,
        factors,
        lo: -bound,
        hi: bound,
    };
    let factor = |out, left, right, wiring| Factor {
        out,
        left,
        right,
        wiring,
    };
    let product = vec![
        diagonal(bits(0, 3), bits(4, 3), none, 5),
        diagonal(none, bits(0, 4), bits(0, 4), 12),
    ];
    let window = Wiring::Window {
        out_len: 5,
        taps: 3,
        right_len: 12,
        stride: 3,
        dilation: 1,
        padding: 1,
    };
    let window = vec![factor(bits(0, 3), bits(0, 2), bits(0, 4), window)];
    let sums = vec![
        bilinear(2, matrix, x, product, 5400),
        bilinear(-3, kernel, x, window, 450),
    ];
    let relu = circuit.clamp_table(-1000, 2000, 0, 255);
    let y = circuit.lookup(3, sums, 8, 16, relu);
    let function = circuit.column_table(-2, (-2..257).map(mixed_function).collect());
    let read = circuit.read(1, y);
    let looked_up = circuit.lookup(3, vec![read], 0, 1, function);
    // A public tensor is zero where it is padded; the function of zero is not.
    let real = vec![diagonal(bits(0, 3), none, bits(0, 3), 5)];
    let real = Term {
        factors: real,
        ..circuit.read(1, looked_up)
    };
    let f = circuit.equal(3, vec![real], -100, 226);

    let entry = |out, right, weight| Entry {
        out,
        left: out,
        right,
        weight,
    };
    let sparse = Wiring::Entries(vec![entry(0, 0, 1), entry(1, 3, -2), entry(4, 11, 5)]);
    let sparse = vec![factor(bits(0, 3), bits(0, 3), bits(0, 4), sparse)];
    let p = circuit.equal(3, vec![bilinear(1, y, x, sparse, 63_750)], -63_750, 63_750);

    let reshape = Wiring::Reshape {
        out_dims: vec![2, 3],
        right_dims: vec![3, 2],
    };
    let reshaped = Term {
        coefficient: 3,
        left: None,
        right: u,
        factors: vec![factor(bits(0, 3), none, bits(0, 3), reshape)],
        lo: -5,
        hi: 5,
    };
    let t = circuit.equal(3, vec![reshaped], -15, 15);
    let axes = vec![
        diagonal(bits(2, 2), bits(1, 2), none, 4),
        diagonal(none, bits(0, 1), bits(2, 1), 2),
        diagonal(bits(0, 2), none, bits(0, 2), 3),
    ];
    let clip = circuit.clamp_table(-32, 64, -10, 20);
    let z = circuit.lookup(4, vec![bilinear(1, small, t, axes, 90)], 2, 4, clip);

    circuit.output("f", &[5], 0, f);
    circuit.output("p", &[5], 0, p);
    circuit.output("z", &[4, 3], 0, z);
    circuit
}

/// An input of [`linear`].
pub const INPUT: [i32; 7] = [100, -100, 3, 0, -7, 55, 12];

/// Inputs of [`mixed`].
pub fn mixed_inputs() -> Vec<Vec<i32>> {
    vec![
        vec![50, -50, 31, 7, -2, 0, 1, 49, -13, 20, -44, 9],
        vec![5, -5, 4, 1, 0, -3],
    ]
}

fn prover(circuit: Circuit, level: Level) -> Prover<'static> {
    let model = Model::assemble(circuit, level, &Simd).expect("a valid circuit");
    Prover::new(model, &Simd).expect("the model's own weights")
}

/// A prover of [`linear`] with a table of `2^13` rows.
pub fn linear_prover(level: Level) -> Prover<'static> {
    prover(linear(13), level)
}

/// A prover of [`mixed`].
pub fn mixed_prover(level: Level) -> Prover<'static> {
    prover(mixed(), level)
}
