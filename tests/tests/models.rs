//! The real models on real digits.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::{NpzReader, read_npy};
use rayon::prelude::*;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, Compiled, compile, counts, quantize_for, reshape_inputs};
use stwo_ml::model::graph::Graph;
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::model::report::{accuracy, argmax};
use stwo_ml::prove::{Prover, solve};
use stwo_ml_verifier::{Level, encode_file, verify_file};

fn models() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
}

fn npz<T: ndarray_npy::ReadableElement>(file: &str, name: &str) -> ArrayD<T> {
    let file = std::fs::File::open(models().join(file)).unwrap();
    NpzReader::new(file)
        .unwrap()
        .by_name(&format!("{name}.npy"))
        .unwrap()
}

fn load(name: &str) -> (Graph, Compiled) {
    let bytes = std::fs::read(models().join(format!("{name}.onnx"))).unwrap();
    let graph = import(&bytes, ImportOptions::default()).unwrap();
    let digits: ArrayD<f32> = npz("digits.npz", "input");
    let examples: Vec<_> = digits
        .axis_iter(Axis(0))
        .map(|d| reshape_inputs(&graph, &[d.to_owned()]).unwrap())
        .collect();
    let compiled = compile(&graph, &examples, &CompileOptions::default()).unwrap();
    let report = accuracy(&graph, &compiled, &examples).unwrap();
    assert!(report.top1_agreement >= 0.98, "{report:?}");
    (graph, compiled)
}

/// Float and quantised accuracy on the test digits.
fn accuracies(graph: &Graph, compiled: &Compiled) -> (f64, f64) {
    let pixels: ArrayD<u8> = npz("test_digits.npz", "pixels");
    let labels: ArrayD<u8> = npz("test_digits.npz", "labels");
    let digits: Vec<_> = pixels.axis_iter(Axis(0)).zip(&labels).collect();
    let right = digits.par_iter().map(|(digit, label)| {
        let input = digit.mapv(|p| f32::from(p) / 255.0);
        let input = reshape_inputs(graph, &[input]).unwrap();
        let logits = &graph.evaluate_float(&input).unwrap()[graph.outputs[0]];
        let float = argmax(logits.as_slice().unwrap()) == usize::from(**label);
        let integers = compiled.quantize_inputs(&input).unwrap();
        let logits = &compiled.integers.run(&integers)[&graph.outputs[0]];
        (
            usize::from(float),
            usize::from(argmax(logits) == usize::from(**label)),
        )
    });
    let (float, integer) = right.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let share = |n: usize| n as f64 / labels.len() as f64;
    (share(float), share(integer))
}

fn proves(name: &str) {
    let (graph, compiled) = load(name);
    let (float, integer) = accuracies(&graph, &compiled);
    println!(
        "{name}: float {:.2} %, quantised {:.2} %",
        100.0 * float,
        100.0 * integer
    );
    assert!((float - integer).abs() <= 0.005, "{float} {integer}");

    let model = Model::assemble(compiled.circuit.clone(), Level::Standard, &Simd).unwrap();
    println!(
        "{:?} {} {:?}",
        counts(&model.vk),
        model.vk.log_rows,
        model.vk.encode().len()
    );
    let digit: ArrayD<f32> = read_npy(models().join("digit.npy")).unwrap();
    let inputs = quantize_for(&model.vk, &[digit]).unwrap();

    // The interpreter and the prover's witness agree on every value that both have.
    let reference = compiled.integers.run(&inputs);
    let witness = solve(&model.vk, &model.steps, &model.weights, &inputs).unwrap();
    let port = &model.vk.outputs[0];
    let dims: Vec<usize> = port.dims.iter().map(|d| *d as usize).collect();
    let output = stwo_ml::circuit::extract(&witness.tensors[port.tensor as usize], &dims);
    assert_eq!(vec![output], compiled.integers.outputs(&reference));

    let prover = Prover::new(model, &Simd).unwrap();
    let proven = prover.prove(&inputs, &|_| ()).unwrap();
    let vk = &prover.model().vk;
    let file = encode_file(&proven.statement, &proven.proof);
    println!("{name}: {} bytes {:?}", file.len(), proven.phases);
    let (statement, _) = verify_file(vk, &file).unwrap();
    assert_eq!(statement.outputs, compiled.integers.outputs(&reference));
}

#[test]
fn proves_the_mlp() {
    proves("mlp");
}

#[test]
fn proves_lenet5() {
    proves("lenet5");
}
