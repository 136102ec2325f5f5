//! Small circuits, proven and verified at every level.

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::prove::Prover;
use stwo_ml_tests::{
    INPUT, LINEAR_BIAS, linear, linear_prover, linear_weights, mixed, mixed_function, mixed_inputs,
    mixed_weights,
};
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

/// The outputs of [`mixed`], from its description.
fn mixed_outputs(x: &[i32], u: &[i32]) -> Vec<Vec<i32>> {
    let [matrix, kernel, small] = mixed_weights();
    let y: Vec<i32> = (0..5)
        .map(|i| {
            let product: i32 = (0..12).map(|k| matrix[12 * i + k] * x[k]).sum();
            let tap = |k: usize| (3 * i + k).checked_sub(1).and_then(|j| x.get(j));
            let window: i32 = (0..3).map(|k| kernel[k] * tap(k).unwrap_or(&0)).sum();
            (2 * product - 3 * window + 8).div_euclid(16).clamp(0, 255)
        })
        .collect();
    let f = y.iter().map(|y| mixed_function(*y)).collect();
    let p = vec![y[0] * x[0], -2 * y[1] * x[3], 0, 0, 5 * y[4] * x[11]];
    let z = (0..12)
        .map(|flat| {
            let (row, column) = (flat / 3, flat % 3);
            let sum: i32 = (0..2)
                .map(|k| small[2 * row + k] * 3 * u[3 * k + column])
                .sum();
            (sum + 2).div_euclid(4).clamp(-10, 20)
        })
        .collect();
    vec![f, p, z]
}

#[test]
fn proves_every_kind_of_relation_and_wiring() {
    for level in Level::ALL {
        let model = Model::assemble(mixed(), *level, &Simd).unwrap();
        let vk = Vk::decode(&model.vk.encode()).unwrap();
        assert_eq!(vk, model.vk);
        let prover = Prover::new(model, &Simd).unwrap();
        let inputs = mixed_inputs();
        let proven = prover.prove(&inputs, &|_| ()).unwrap();
        let expected = mixed_outputs(&inputs[0], &inputs[1]);
        assert_eq!(proven.statement.outputs, expected);
        let file = encode_file(&proven.statement, &proven.proof);
        let (statement, _) = verify_file(&vk, &file).unwrap();
        assert_eq!(statement, proven.statement);
    }
}

/// A proof that is not admitted is made again with the next nonce.
#[test]
fn a_refused_proof_is_made_again() {
    let prover = linear_prover(Level::Standard);
    let inputs = [INPUT.to_vec()];
    let first = prover.prove(&inputs, &|_| ()).unwrap();
    let nonces = std::cell::RefCell::new(Vec::new());
    let again = prover
        .prove_admitted(&inputs, &|_| (), &|_, proof| {
            nonces.borrow_mut().push(proof.lookup_nonce);
            nonces.borrow().len() == 3
        })
        .unwrap();
    let nonces = nonces.into_inner();
    assert_eq!(nonces[0], first.proof.lookup_nonce);
    assert_eq!(nonces[2], again.proof.lookup_nonce);
    assert!(nonces[0] < nonces[1] && nonces[1] < nonces[2]);
    assert_ne!(first.proof.opening.caps, again.proof.opening.caps);
    assert_eq!(again.statement, first.statement);
    assert_eq!(again.phases.len(), first.phases.len());
}
