//! Small circuits, proven and verified.

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::circuit::{Circuit, axis_ranges, box_bits, embed};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::vk::{Bits, Factor, Term, Vk, Wiring};
use stwo_ml_verifier::{Level, encode_file, verify_file};

fn diagonal(out: Bits, left: Bits, right: Bits, len: u32) -> Factor {
    Factor {
        out,
        left,
        right,
        wiring: Wiring::Diagonal { len },
    }
}

/// `relu((W x + b + 8) / 16)` with W 5 x 7.
fn linear() -> Circuit {
    let mut circuit = Circuit::new("linear");
    let none = Bits::default();
    let x = circuit.input("x", &[7], 0, -100, 100);
    let weights: Vec<i32> = (0..35).map(|i| (i * 37 % 19) - 9).collect();
    let w = circuit.weight(embed(&weights, &[5, 7]));
    let b = circuit.weight(embed(&[5, -3, 900, -700, 1], &[5]));
    let [o, k] = axis_ranges(&[5, 7]).try_into().unwrap();
    let (out, right) = (axis_ranges(&[5])[0], axis_ranges(&[7])[0]);
    let product = Term {
        coefficient: 1,
        left: Some(w),
        right: x,
        factors: vec![diagonal(out, o, none, 5), diagonal(none, k, right, 7)],
        lo: -7000,
        hi: 7000,
    };
    let bias = Term {
        coefficient: 1,
        left: None,
        right: b,
        factors: vec![diagonal(out, none, out, 5)],
        lo: -700,
        hi: 900,
    };
    let relu = circuit.clamp_table(-512, 1024, 0, 255);
    let y = circuit.lookup(box_bits(&[5]), vec![product, bias], 8, 16, relu);
    circuit.output("y", &[5], -4, y);
    circuit
}

#[test]
fn proves_a_linear_layer() {
    for level in [Level::TestTiny, Level::Standard, Level::Provable96] {
        let model = Model::assemble(linear(), level, &Simd).unwrap();
        assert_eq!(Model::decode(&model.encode()).unwrap(), model);
        let vk = Vk::decode(&model.vk.encode()).unwrap();
        assert_eq!(vk, model.vk);
        let prover = Prover::new(model, &Simd).unwrap();
        let x = vec![100, -100, 3, 0, -7, 55, 12];
        let proven = prover.prove(std::slice::from_ref(&x), &|_| ()).unwrap();
        let weights: Vec<i32> = (0..35).map(|i| (i * 37 % 19) - 9).collect();
        let expected: Vec<i32> = weights
            .chunks(7)
            .zip([5, -3, 900, -700, 1])
            .map(|(w, b)| w.iter().zip(&x).map(|(w, x)| w * x).sum::<i32>() + b + 8)
            .map(|acc| acc.div_euclid(16).clamp(0, 255))
            .collect();
        assert_eq!(proven.statement.outputs, vec![expected]);
        let file = encode_file(&proven.statement, &proven.proof);
        let (statement, verified) = verify_file(&vk, &file).unwrap();
        assert_eq!(statement, proven.statement);
        println!(
            "{}: {} bytes, {:?}",
            level.name(),
            file.len(),
            verified.security
        );
        println!("{:?}", proven.phases);
    }
}
