//! Import of ONNX files: every operator against the reference evaluator's outputs, and refusals.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, compile};
use stwo_ml::model::onnx::{ImportError, ImportOptions, import};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::Level;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models/ops"))
}

fn files(unsupported: bool) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .filter(|p| p.to_string_lossy().contains("unsupported") == unsupported)
        .collect();
    files.sort();
    files
}

#[test]
fn every_operator_is_imported_computed_and_proven() {
    let files = files(false);
    assert!(files.len() > 50, "{} files", files.len());
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let graph = import(&std::fs::read(&path).unwrap(), ImportOptions::default())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let file = std::fs::File::open(path.with_extension("npz")).unwrap();
        let mut npz = NpzReader::new(file).unwrap();
        let x: ArrayD<f32> = npz.by_name("x.npy").unwrap();
        let y: ArrayD<f32> = npz.by_name("y.npy").unwrap();
        let examples: Vec<Vec<ArrayD<f32>>> =
            x.axis_iter(Axis(0)).map(|x| vec![x.to_owned()]).collect();
        // The float graph is the file's network.
        for (example, expected) in examples.iter().zip(y.axis_iter(Axis(0))) {
            let got = &graph.evaluate_float(example).unwrap()[graph.outputs[0]];
            assert_eq!(got.shape(), expected.shape(), "{name}");
            for (a, b) in got.iter().zip(expected.iter()) {
                assert!((a - b).abs() < 1e-4, "{name}: {a} {b}");
            }
        }
        // The integer network is proven, and near the float one.
        let options = CompileOptions::default();
        let compiled =
            compile(&graph, &examples, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
        let model = Model::assemble(compiled.circuit.clone(), Level::TestTiny, &Simd).unwrap();
        let prover = Prover::new(model, &Simd).unwrap();
        let scale = prover.model().vk.outputs[0].scale;
        for (example, expected) in examples.iter().zip(y.axis_iter(Axis(0))) {
            let inputs = compiled.quantize_inputs(example).unwrap();
            let reference = compiled.integers.outputs(&compiled.integers.run(&inputs));
            let proven = prover
                .prove(&inputs, &|_| ())
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(proven.statement.outputs, reference, "{name}");
            for (v, e) in reference[0].iter().zip(expected.iter()) {
                let real = f64::from(*v) * f64::exp2(-f64::from(scale));
                assert!((real - f64::from(*e)).abs() < 0.04, "{name}: {real} {e}");
            }
        }
    }
}

#[test]
fn unsupported_files_are_refused_by_name() {
    for path in files(true) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let error = import(&std::fs::read(&path).unwrap(), ImportOptions::default()).unwrap_err();
        let message = error.to_string();
        let names_the_cause = match &error {
            ImportError::UnsupportedOp { op, .. } => {
                message.contains(op) && message.contains("MaxPool")
            }
            ImportError::Unsupported { node, .. } => message.contains(node),
            ImportError::Graph(reason) => reason.contains("`c`") || reason.contains("operator set"),
            _ => false,
        };
        assert!(names_the_cause, "{name}: {message}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let bytes = std::fs::read(folder().join("conv.onnx")).unwrap();
    let options = ImportOptions::default();
    assert!(import(&[], options).is_err());
    assert!(import(b"not an onnx file", options).is_err());
    for end in 0..bytes.len() {
        // A prefix is at best another, smaller network; it never panics.
        let _ = import(&bytes[..end], options);
    }
}

#[test]
fn the_batch_is_an_option() {
    let bytes = std::fs::read(folder().join("../mlp.onnx")).unwrap();
    let graph = import(&bytes, ImportOptions { batch: 3 }).unwrap();
    assert_eq!(graph.shape(graph.outputs[0]), [3, 10]);
    assert!(import(&bytes, ImportOptions { batch: 0 }).is_err());
}
