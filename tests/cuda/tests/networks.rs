//! Every operation of the prover's CUDA backend, and whole proofs of networks, byte for byte those of SIMD.

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, Cuda, Simd};
use stwo_ml::circuit::Circuit;
use stwo_ml::compile::{CompileOptions, compile, reshape_inputs};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::prove::Prover;
use stwo_ml_cuda_tests::compile::repository;
use stwo_ml_tests::backends::agrees;
use stwo_ml_tests::{INPUT, linear, mixed, mixed_inputs};
use stwo_ml_verifier::{Level, encode_file};

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

/// Proves on both, at every level where no proof of work is interpreted.
fn check(circuit: &Circuit, inputs: &[Vec<i32>]) {
    let cuda = cuda();
    let levels = if cuda.context().is_stand_in() {
        &[Level::TestTiny]
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
    check(&linear(10), &[INPUT.to_vec()]);
}

#[test]
fn every_relation_operand_and_wiring() {
    check(&mixed(), &mixed_inputs());
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
    check(&circuit, &inputs);
}

#[test]
fn lenet5() {
    let (circuit, inputs) = bundled("lenet5.onnx");
    check(&circuit, &inputs);
}
