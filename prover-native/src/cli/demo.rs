//! `stwo-ml demo`: everything on a bundled network.

use std::time::Instant;

use ndarray_npy::{NpzReader, ReadNpyExt};
use serde_json::json;
use stwo_ml::compile::{CompileOptions, quantize_for};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::{Level, Vk, encode_file, verify_file};

use super::backend::{Choice, with_backend};
use super::{
    Failure, Output, outputs_text, phases_json, phases_text, security_json, security_text,
};

const LENET5: &[u8] = include_bytes!("../../../tests/models/lenet5.onnx");
const DIGITS: &[u8] = include_bytes!("../../../tests/models/digits.npz");
const DIGIT: &[u8] = include_bytes!("../../../tests/models/digit.npy");

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Security level: standard, onchain128, compat96 or provable96.
    #[arg(long, default_value = "standard")]
    level: String,
    #[command(flatten)]
    choice: Choice,
}

/// The digit as two lines of text per pixel pair.
fn picture(pixels: &ndarray::ArrayD<f32>) -> String {
    let values: Vec<f32> = pixels.iter().copied().collect();
    let shade = |v: &f32| [' ', '.', 'o', '#'][((v * 3.99) as usize).min(3)];
    let row = |r: &[f32]| {
        format!(
            "    {}",
            r.iter().flat_map(|v| [shade(v); 2]).collect::<String>()
        )
    };
    values
        .chunks(28)
        .map(row)
        .filter(|r| !r.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let bundled = |e: &dyn std::fmt::Display| Failure::Unusable(format!("a bundled file: {e}"));
    let level = Level::from_name(&args.level)
        .ok_or_else(|| Failure::Unusable(format!("unknown level `{}`", args.level)))?;
    let mut npz = NpzReader::new(std::io::Cursor::new(DIGITS)).map_err(|e| bundled(&e))?;
    let digits = npz.by_index(0).map_err(|e| bundled(&e))?;
    let digit = ndarray::ArrayD::<f32>::read_npy(DIGIT).map_err(|e| bundled(&e))?;
    if !out.json {
        let digit = picture(&digit);
        super::print(format_args!(
            "LeNet-5, trained on MNIST, on this digit:\n{digit}"
        ));
    }

    let chosen = args.choice.open()?;
    let start = Instant::now();
    let options = CompileOptions::default();
    let built = with_backend!(&chosen.backend, backend => {
        super::compile::build(LENET5, &[digits], 1, level, &options, backend)
    });
    let (_, _, _, model) = built.map_err(Failure::Unusable)?;
    let vk_bytes = model.vk.encode();
    let compiled = start.elapsed();

    let start = Instant::now();
    let inputs = quantize_for(&model.vk, &[digit]).map_err(|e| bundled(&e))?;
    let (setup, proven) = with_backend!(&chosen.backend, backend => {
        let prover = Prover::new(model, backend).map_err(|e| bundled(&e))?;
        let setup = start.elapsed();
        let proven = super::prove::prove(&prover, &inputs, out).map_err(Failure::Unusable)?;
        (setup, proven)
    });
    let proof_bytes = encode_file(&proven.statement, &proven.proof);

    // The verifier starts from bytes, as it would elsewhere.
    let start = Instant::now();
    let vk = Vk::decode(&vk_bytes).map_err(|e| bundled(&e))?;
    let (statement, verified) = verify_file(&vk, &proof_bytes).map_err(Failure::Invalid)?;
    let verifying = start.elapsed();

    let mut phases = vec![("compile", compiled), ("setup", setup)];
    phases.extend(proven.phases);
    phases.push(("verify", verifying));
    let best = stwo_ml::model::report::argmax(&statement.outputs[0]);
    let text = format!(
        "proven and verified: the model {} says {best}\n{}\n  key {} bytes, proof {} bytes\n  time, {}:\n{}{}\n{}",
        vk.digest(),
        outputs_text(&vk, &statement),
        vk_bytes.len(),
        proof_bytes.len(),
        chosen.text(),
        phases_text(&phases),
        chosen.operations_text(),
        security_text(&verified.security),
    );
    let value = json!({
        "ok": true, "digest": vk.digest().to_string(), "digit": best,
        "vk_bytes": vk_bytes.len(), "proof_bytes": proof_bytes.len(),
        "backend": chosen.name(), "backend_reason": chosen.reason,
        "operations": chosen.operations_json(),
        "phases": phases_json(&phases), "security": security_json(&verified.security),
    });
    out.print(text, &value);
    Ok(())
}
