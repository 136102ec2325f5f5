//! The real models on real digits.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::{NpzReader, read_npy};
use rayon::prelude::*;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::circuit::Step;
use stwo_ml::compile::{CompileOptions, Compiled, compile, counts, quantize_for, reshape_inputs};
use stwo_ml::model::graph::Graph;
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::model::report::{accuracy, argmax};
use stwo_ml::prove::{Prover, Witness, solve};
use stwo_ml_verifier::vk::{Oracle, TableOutput};
use stwo_ml_verifier::{Level, VerifyError, encode_file, verify, verify_file};

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

/// Proves and verifies a digit; the proof has at most `max_bytes`.
fn proves(name: &str, max_bytes: usize) {
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
    assert!(file.len() <= max_bytes, "{} bytes", file.len());
    let (statement, _) = verify_file(vk, &file).unwrap();
    assert_eq!(statement.outputs, compiled.integers.outputs(&reference));
}

#[test]
fn proves_the_mlp() {
    proves("mlp", 200_000);
}

#[test]
fn proves_lenet5() {
    proves("lenet5", 300_000);
}

/// A prover that cheats once in every gadget of the network (convolutions and products with their
/// requantisation and activation, maxima of pools, copies) and is honest in all else.
#[test]
fn rejects_a_false_witness_in_every_gadget_of_lenet5() {
    let (_, compiled) = load("lenet5");
    let model = Model::assemble(compiled.circuit.clone(), Level::TestTiny, &Simd).unwrap();
    let digit: ArrayD<f32> = read_npy(models().join("digit.npy")).unwrap();
    let inputs = quantize_for(&model.vk, &[digit]).unwrap();
    let honest = solve(&model.vk, &model.steps, &model.weights, &inputs).unwrap();
    let prover = Prover::new(model, &Simd).unwrap();
    let (vk, steps) = (&prover.model().vk, &prover.model().steps);
    let refused = |witness: &Witness| {
        let statement = prover.statement(&inputs, witness);
        let (proof, _) = prover.prove_unchecked(&statement, witness).unwrap();
        verify(vk, &statement, &proof).expect_err("a false witness")
    };
    // 1. A cell of a tensor is not what the relations say.
    for (id, tensor) in vk.tensors.iter().enumerate() {
        if tensor.oracle == Oracle::Weights || vk.outputs.iter().any(|p| p.tensor as usize == id) {
            continue;
        }
        let mut witness = honest.clone();
        witness.tensors[id][(id * 37) % (1 << tensor.log_size)] += 1;
        let counts = vk.tables.iter().any(|t| t.multiplicity as usize == id);
        let expected = match counts {
            true => VerifyError::LookupSum,
            false => VerifyError::ReductionRound { round: 0 },
        };
        assert_eq!(refused(&witness), expected, "tensor {id}");
    }
    let mut gadgets = 0;
    for step in steps {
        let Step::Lookup {
            lookup,
            remainders,
            defines: Some(defines),
        } = step
        else {
            continue;
        };
        gadgets += 1;
        let defines = *defines as usize;
        let (l, table) = (&vk.lookups[*lookup], vk.lookups[*lookup].table as usize);
        let cell = (lookup * 41) % (1 << l.log_size);
        let base = vk.tables[table].base;
        // 2. An output, in the tensor and in the lookup, that the table does not hold.
        let mut witness = honest.clone();
        witness.lookup_outputs[*lookup][cell] += 1;
        witness.tensors[defines][cell] += 1;
        assert_eq!(refused(&witness), VerifyError::LookupSum, "lookup {lookup}");
        // 3. A quotient that is one too small, looked up and counted as such.
        let TableOutput::Clamp { lo, hi } = vk.tables[table].output else {
            panic!("the tables of LeNet-5 are clamps");
        };
        let mut witness = honest.clone();
        let quotient = witness.lookup_inputs[*lookup][cell];
        let counts = &mut witness.tensors[vk.tables[table].multiplicity as usize];
        counts[(quotient - base) as usize] -= 1;
        counts[(quotient - 1 - base) as usize] += 1;
        witness.lookup_inputs[*lookup][cell] -= 1;
        let change = (quotient - 1).clamp(lo, hi) - witness.lookup_outputs[*lookup][cell];
        witness.lookup_outputs[*lookup][cell] += change;
        witness.tensors[defines][cell] += change;
        let expected = VerifyError::ReductionRound { round: 0 };
        assert_eq!(refused(&witness), expected, "lookup {lookup}");
        // 4. The same with a remainder that makes up for it, out of its range.
        if let [remainder] = remainders[..] {
            witness.tensors[remainder.tensor as usize][cell] += l.input.divisor as i32;
            witness.lookup_inputs[remainder.lookup][cell] += l.input.divisor as i32;
            assert_eq!(refused(&witness), VerifyError::LookupSum, "lookup {lookup}");
        }
    }
    // Two convolutions, two pools of two steps each, two products; the logits are exact sums.
    assert_eq!(gadgets, 8);
}
