//! Every operation of the prover's CUDA backend, and whole proofs of networks, byte for byte those of SIMD.

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, Cuda, Simd};
use stwo_ml::circuit::Circuit;
use stwo_ml::compile::{CompileOptions, compile, reshape_inputs};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::prove::{Corruption, ProveError, Prover};
use stwo_ml_cuda_tests::compile::repository;
use stwo_ml_tests::backends::agrees;
use stwo_ml_tests::{INPUT, linear, mixed, mixed_inputs};
use stwo_ml_verifier::{Level, VerifyError, encode_file};

fn cuda() -> Cuda {
    Cuda::new_or_stand_in(0).expect("the tests' driver has a device")
}

#[test]
fn cuda_agrees_with_the_reference() {
    let cuda = cuda();
    let grinding: &[u32] = if cuda.context().is_stand_in() {
        &[0, 9]
    } else {
        &[0, 9, 20]
    };
    agrees(&cuda, grinding);
}

/// The key and the proof file.
fn prove(
    backend: &impl Backend,
    circuit: &Circuit,
    level: Level,
    inputs: &[Vec<i32>],
) -> (Vec<u8>, Vec<u8>) {
    let model = Model::assemble(circuit.clone(), level, backend).unwrap();
    let key = model.vk.encode();
    let prover = Prover::new(model, backend).unwrap();
    let proven = prover.prove(inputs, &|_| ()).unwrap();
    (key, encode_file(&proven.statement, &proven.proof))
}

/// Proves on both at the levels, or at all of them where no interpreter works on the proofs of work.
fn check(circuit: &Circuit, inputs: &[Vec<i32>], interpreted: &[Level]) {
    let cuda = cuda();
    let levels = if cuda.context().is_stand_in() {
        interpreted
    } else {
        Level::ALL
    };
    for level in levels {
        let simd = prove(&Simd, circuit, *level, inputs);
        let device = prove(&cuda, circuit, *level, inputs);
        assert!(simd.0 == device.0, "the keys differ at {level:?}");
        assert!(simd.1 == device.1, "the proofs differ at {level:?}");
    }
}

#[test]
fn a_linear_layer() {
    check(
        &linear(10),
        &[INPUT.to_vec()],
        &[Level::TestTiny, Level::Standard],
    );
}

#[test]
fn a_refused_proof_is_made_again_and_the_search_counted() {
    let cuda = cuda();
    fn second(backend: &impl Backend) -> Vec<u8> {
        let model = Model::assemble(linear(10), Level::TestTiny, backend).unwrap();
        let prover = Prover::new(model, backend).unwrap();
        let refuse_one = std::cell::Cell::new(true);
        let admits = |_: &_, _: &_| !refuse_one.take();
        let proven = prover.prove_admitted(&[INPUT.to_vec()], &|_| (), &admits);
        let proven = proven.unwrap();
        encode_file(&proven.statement, &proven.proof)
    }
    assert!(second(&cuda) == second(&Simd), "the proofs differ");
    assert_eq!(cuda.operations().unwrap().host["next nonce"], 1);
}

#[test]
fn every_relation_operand_and_wiring() {
    check(&mixed(), &mixed_inputs(), &[Level::TestTiny]);
}

/// A bundled network, and its first calibration digit.
fn bundled(name: &str) -> (Circuit, Vec<Vec<i32>>) {
    let models = repository().join("tests/models");
    let onnx = std::fs::read(models.join(name)).unwrap();
    let graph = import(&onnx, ImportOptions::default()).unwrap();
    let digits = std::fs::File::open(models.join("digits.npz")).unwrap();
    let digits: ArrayD<f32> = NpzReader::new(digits).unwrap().by_index(0).unwrap();
    let examples: Vec<_> = digits
        .axis_iter(Axis(0))
        .map(|digit| reshape_inputs(&graph, &[digit.to_owned()]).unwrap())
        .collect();
    let compiled = compile(&graph, &examples, &CompileOptions::default()).unwrap();
    let inputs = compiled.quantize_inputs(&examples[0]).unwrap();
    (compiled.circuit, inputs)
}

#[test]
fn the_mlp() {
    let (circuit, inputs) = bundled("mlp.onnx");
    check(&circuit, &inputs, &[Level::TestTiny]);
}

#[test]
fn lenet5() {
    let (circuit, inputs) = bundled("lenet5.onnx");
    check(&circuit, &inputs, &[Level::TestTiny]);
}

/// A device that folds wrongly yields no proof: what SIMD's dishonest openings meet in `tests/tests/cheat.rs`.
#[test]
fn the_prover_refuses_an_opening_that_is_not_the_fold() {
    let cuda = cuda();
    for (corruption, error) in [
        (
            Corruption::FoldedWord,
            VerifyError::Folding { query: 0, layer: 0 },
        ),
        (
            Corruption::ClearPolynomial,
            VerifyError::LastFold { query: 0 },
        ),
    ] {
        let model = Model::assemble(linear(13), Level::TestTiny, &cuda).unwrap();
        let mut prover = Prover::new(model, &cuda).unwrap();
        prover.corruption = Some(corruption);
        let refused = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap_err();
        assert_eq!(refused, ProveError::SelfCheck(error));
    }
}
