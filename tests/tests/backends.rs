//! All backends produce the values, and so the proof bytes, of the reference backend.

use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, Scalar, Simd};
use stwo_ml::prove::Prover;
use stwo_ml_tests::backends::agrees;
use stwo_ml_tests::linear;
use stwo_ml_verifier::{Level, encode_file};

#[test]
fn simd_agrees_with_the_reference() {
    // More tries than the 2^20 after which the search order turns.
    agrees(&Simd, &[0, 9, 20]);
}

#[test]
fn proofs_are_the_same_bytes() {
    fn prove(backend: &impl Backend, level: Level) -> Vec<u8> {
        let model = Model::assemble(linear(10), level, backend).unwrap();
        let prover = Prover::new(model, backend).unwrap();
        let inputs = [vec![100, -100, 3, 0, -7, 55, 12]];
        let proven = prover.prove(&inputs, &|_| ()).unwrap();
        encode_file(&proven.statement, &proven.proof)
    }
    for level in [Level::Standard, Level::Provable96, Level::TestTiny] {
        assert!(prove(&Scalar, level) == prove(&Simd, level), "{level:?}");
    }
}
