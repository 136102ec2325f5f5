//! A small circuit, proven and verified at every level.

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::prove::Prover;
use stwo_ml_tests::{LINEAR_BIAS, linear, linear_weights};
use stwo_ml_verifier::{Level, Vk, encode_file, verify_file};

#[test]
fn proves_a_linear_layer() {
    for level in Level::ALL {
        let model = Model::assemble(linear(10), *level, &Simd).unwrap();
        assert_eq!(Model::decode(&model.encode()).unwrap(), model);
        let vk = Vk::decode(&model.vk.encode()).unwrap();
        assert_eq!(vk, model.vk);
        let prover = Prover::new(model, &Simd).unwrap();
        let x = vec![100, -100, 3, 0, -7, 55, 12];
        let proven = prover.prove(std::slice::from_ref(&x), &|_| ()).unwrap();
        let y: Vec<i32> = linear_weights()
            .chunks(7)
            .zip(LINEAR_BIAS)
            .map(|(w, b)| w.iter().zip(&x).map(|(w, x)| w * x).sum::<i32>() + b + 8)
            .map(|acc| acc.div_euclid(16).clamp(0, 255))
            .collect();
        let z: Vec<i32> = (0..5)
            .map(|i| if i == 0 { y[0] } else { y[i].max(y[i - 1]) })
            .collect();
        assert_eq!(proven.statement.outputs, vec![z]);
        let file = encode_file(&proven.statement, &proven.proof);
        let (statement, _) = verify_file(&vk, &file).unwrap();
        assert_eq!(statement, proven.statement);
    }
}
