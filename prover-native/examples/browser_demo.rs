//! Makes what the demo page in `web/demo` shows: a key of LeNet-5, proofs of runs on test digits,
//! and `digits.json`, which lists them.
//!
//!     cargo run -p stwo-ml --example browser_demo -- FOLDER
//!
//! The digits are the first test digit of every class, whatever the network says of it, and the
//! first one that the network gets wrong.

use std::error::Error;
use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::{NpzReader, ReadableElement};
use serde_json::json;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, compile, quantize_for, reshape_inputs};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::model::report::argmax;
use stwo_ml::prove::{Prover, solve};
use stwo_ml_verifier::{Level, encode_file};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/models");

fn array<T: ReadableElement>(file: &str, name: &str) -> Result<ArrayD<T>> {
    let file = std::fs::File::open(Path::new(MODELS).join(file))?;
    Ok(NpzReader::new(file)?.by_name(&format!("{name}.npy"))?)
}

/// A compiled network, by name.
fn model(name: &str) -> Result<Model> {
    let onnx = std::fs::read(Path::new(MODELS).join(format!("{name}.onnx")))?;
    let graph = import(&onnx, ImportOptions::default())?;
    let examples = array::<f32>("digits.npz", "input")?
        .axis_iter(Axis(0))
        .map(|digit| reshape_inputs(&graph, &[digit.to_owned()]))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let circuit = compile(&graph, &examples, &CompileOptions::default())?.circuit;
    Ok(Model::assemble(circuit, Level::Standard, &Simd)?)
}

/// Indices of the digits to prove: the first of every class, then the first mistake.
fn chosen(model: &Model, inputs: &[Vec<Vec<i32>>], labels: &[u8]) -> Result<Vec<usize>> {
    let mut indices = Vec::new();
    for class in 0..10 {
        let first = labels.iter().position(|label| *label == class);
        indices.push(first.ok_or("a class has no test digit")?);
    }
    for (index, input) in inputs.iter().enumerate() {
        let witness = solve(&model.vk, &model.steps, &model.weights, input)?;
        let logits = &witness.tensors[model.vk.outputs[0].tensor as usize];
        if argmax(&logits[..10]) != usize::from(labels[index]) {
            indices.push(index);
            break;
        }
    }
    Ok(indices)
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let pixels: ArrayD<u8> = array("test_digits.npz", "pixels")?;
    let labels: Vec<u8> = array("test_digits.npz", "labels")?.into_iter().collect();
    let images: Vec<ArrayD<f32>> = pixels
        .axis_iter(Axis(0))
        .map(|digit| digit.mapv(|pixel| f32::from(pixel) / 255.0))
        .collect();
    let mut models = serde_json::Map::new();
    for name in ["lenet5", "mlp"] {
        let model = model(name)?;
        let inputs = images
            .iter()
            .map(|image| quantize_for(&model.vk, std::slice::from_ref(image)))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        // The demo picks among LeNet-5's runs; one run of the other network is for the benchmark.
        let indices = match name {
            "lenet5" => chosen(&model, &inputs, &labels)?,
            _ => vec![0],
        };
        let prover = Prover::new(model, &Simd)?;
        let mut runs = Vec::new();
        for index in indices {
            let proven = prover.prove(&inputs[index], &|_| {})?;
            let proof = format!("{name}-{index}.proof");
            let bytes = encode_file(&proven.statement, &proven.proof);
            std::fs::write(folder.join(&proof), bytes)?;
            let input = &proven.statement.inputs[0];
            runs.push(
                json!({ "proof": proof, "index": index, "label": labels[index], "input": input }),
            );
        }
        let vk = &prover.model().vk;
        std::fs::write(folder.join(format!("{name}.vk")), vk.encode())?;
        if name == "lenet5" {
            // For the visitor who proves a drawing.
            std::fs::write(folder.join("lenet5.stwoml"), prover.model().encode())?;
        }
        models.insert(
            name.into(),
            json!({ "vk": format!("{name}.vk"), "digest": vk.digest().to_string(), "scale": vk.inputs[0].scale, "runs": runs }),
        );
    }
    std::fs::write(folder.join("digits.json"), serde_json::to_vec(&models)?)?;
    Ok(())
}
