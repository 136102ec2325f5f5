//! Keys: what they bind, which are refused, and damaged files.

use stwo_ml_tests::{INPUT, linear_prover};
use stwo_ml_verifier::{Level, VerifyError, Vk, encode_file, verify, verify_file};

#[test]
fn rejects_a_proof_under_another_key() {
    let prover = linear_prover(Level::Standard);
    let proven = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let honest = &prover.model().vk;
    let mut edits: Vec<Vk> = Vec::new();
    let mut edit = |change: &dyn Fn(&mut Vk)| {
        let mut vk = honest.clone();
        change(&mut vk);
        edits.push(vk);
    };
    edit(&|vk| vk.name.push('x'));
    edit(&|vk| vk.weights[0].0[0] ^= 1);
    edit(&|vk| vk.inputs[0].scale += 1);
    edit(&|vk| vk.tensors[0].hi += 1);
    edit(&|vk| vk.lookups[1].input.constant += 1);
    edit(&|vk| vk.lookups[1].input.terms[0].coefficient += 1);
    edit(&|vk| vk.zeros[0].expression.terms[0].hi += 1);
    for vk in edits {
        let error = verify(&vk, &proven.statement, &proven.proof).unwrap_err();
        assert_eq!(error, VerifyError::LookupGrind);
    }
}

#[test]
fn refuses_keys_whose_integers_could_wrap() {
    let honest = linear_prover(Level::TestTiny).model().vk.clone();
    let refused = |change: &dyn Fn(&mut Vk)| {
        let mut vk = honest.clone();
        change(&mut vk);
        vk.validate().unwrap_err().code()
    };
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.terms[0].hi = 1 << 31),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.divisor = 1 << 20),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.zeros[0].expression.terms[0].hi = i64::MAX),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.terms[0].factors[0].out.count = 2),
        "invalid_key"
    );
    assert_eq!(
        refused(&|vk| vk.tensors[1].offset = vk.tensors[0].offset),
        "invalid_key"
    );
    assert_eq!(refused(&|vk| vk.tables[0].len = 1 << 14), "invalid_key");
    assert_eq!(refused(&|vk| vk.log_rows = 40), "invalid_key");
    assert_eq!(refused(&|vk| vk.weights.clear()), "invalid_key");
}

#[test]
fn never_panics_on_damaged_bytes() {
    let prover = linear_prover(Level::Standard);
    let vk = &prover.model().vk;
    let proven = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let (key, file) = (vk.encode(), encode_file(&proven.statement, &proven.proof));
    for i in (0..file.len()).step_by(97) {
        let mut damaged = file.clone();
        damaged[i] ^= 1 << (i % 8);
        assert!(verify_file(vk, &damaged).is_err(), "byte {i}");
        assert!(verify_file(vk, &file[..i]).is_err());
    }
    for i in 0..key.len() {
        let mut damaged = key.clone();
        damaged[i] ^= 1 << (i % 8);
        assert!(Vk::decode(&damaged).is_err(), "byte {i}");
        assert!(Vk::decode(&key[..i]).is_err());
        // With the digest made to fit, the content itself is met.
        let end = damaged.len() - 32;
        let digest = stwo_ml_verifier::hash::blake2s(&[&damaged[..end]]);
        damaged[end..].copy_from_slice(&digest.0);
        if let Ok(other) = Vk::decode(&damaged) {
            let _ = verify_file(&other, &file);
        }
    }
}
