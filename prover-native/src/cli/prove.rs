//! `stwo-ml prove`.

use std::path::PathBuf;
use std::time::Instant;

use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;
use serde_json::json;
use stwo_ml::artifact::{MAX_MODEL_BYTES, Model};
use stwo_ml::backend::Backend;
use stwo_ml::compile::quantize_for;
use stwo_ml::prove::{PHASES, Proven, Prover};
use stwo_ml_verifier::encode_file;

use super::backend::{Choice, with_backend};
use super::{
    Failure, Output, outputs_text, phases_json, phases_text, read, read_arrays, reals,
    security_json, security_text, shape, write,
};

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The compiled model.
    model: PathBuf,
    /// The input: `.npy`, or `.npz` with one array per input, of 32-bit floats.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where to write the proof.
    #[arg(short, long, default_value = "proof.bin", value_name = "FILE")]
    out: PathBuf,
    /// Where to write the output tensor, as 32-bit floats. Default: the proof's name with the
    /// extension `output.npy`.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
}

/// Proves with a progress bar.
pub(super) fn prove(
    prover: &Prover<'_, impl Backend>,
    inputs: &[Vec<i32>],
    out: Output,
) -> Result<Proven, String> {
    let bar = out.progress(PHASES.len() as u64);
    let proven = prover.prove(inputs, &|phase| {
        bar.set_message(phase);
        bar.inc(1);
    });
    bar.finish_and_clear();
    proven.map_err(|e| e.to_string())
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let start = Instant::now();
    let model = Model::decode(&read(&args.model, MAX_MODEL_BYTES)?)
        .map_err(|e| Failure::file(&args.model, e))?;
    let arrays = read_arrays(&args.input)?;
    let inputs = quantize_for(&model.vk, &arrays).map_err(|e| Failure::file(&args.input, e))?;
    let chosen = args.choice.open()?;
    let vk = model.vk.clone();
    let (setup, proven) = with_backend!(&chosen.backend, backend => {
        let prover = Prover::new(model, backend).map_err(|e| Failure::file(&args.model, e))?;
        let setup = start.elapsed();
        (setup, prove(&prover, &inputs, out).map_err(Failure::Unusable)?)
    });
    let bytes = encode_file(&proven.statement, &proven.proof);
    let output_path = args
        .output
        .clone()
        .unwrap_or_else(|| args.out.with_extension("output.npy"));
    let (port, values) = (&vk.outputs[0], &proven.statement.outputs[0]);
    let array =
        ArrayD::from_shape_vec(shape(port), reals(port, values)).expect("a value per index");
    let mut npy = Vec::new();
    array
        .write_npy(&mut npy)
        .map_err(|e| Failure::file(&output_path, e))?;
    write(&output_path, &npy)?;
    write(&args.out, &bytes)?;
    let mut phases = vec![("setup", setup)];
    phases.extend(proven.phases.iter().copied());
    let text = format!(
        "proved one run of {} (model {})\n{}\n  proof  {} ({} bytes)\n  output {}\n  time, {}:\n{}{}\n{}",
        vk.name,
        vk.digest(),
        outputs_text(&vk, &proven.statement),
        args.out.display(),
        bytes.len(),
        output_path.display(),
        chosen.text(),
        phases_text(&phases),
        chosen.operations_text(),
        security_text(&proven.verified.security),
    );
    let value = json!({
        "ok": true, "digest": vk.digest().to_string(), "backend": chosen.name(),
        "backend_reason": chosen.reason, "operations": chosen.operations_json(),
        "proof": args.out, "proof_bytes": bytes.len(), "output": output_path,
        "phases": phases_json(&phases), "security": security_json(&proven.verified.security),
    });
    out.print(text, &value);
    Ok(())
}
