//! `stwo-ml verify`.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use stwo_ml::compile::quantize_for;
use stwo_ml_verifier::vk::Port;
use stwo_ml_verifier::{Stage, verify::MAX_PROOF_BYTES, verify_file};

use super::{
    Failure, Output, outputs_text, read, read_arrays, read_vk, reals, security_json, security_text,
    statement_json,
};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verifying key, from the model's owner.
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    /// The proof.
    proof: PathBuf,
    /// Require this input (`.npy` or `.npz` of 32-bit floats).
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Require this output (`.npy` of 32-bit floats, exactly the numbers that `prove` wrote).
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Require this digest of the key, in hexadecimal.
    #[arg(long, value_name = "HEX")]
    model_digest: Option<String>,
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let vk = read_vk(&args.vk)?;
    let digest = vk.digest();
    if args
        .model_digest
        .as_ref()
        .is_some_and(|d| !d.eq_ignore_ascii_case(&digest.to_string()))
    {
        return Err(Failure::Unusable(format!(
            "{}: its digest is {digest}, not the required one",
            args.vk.display()
        )));
    }
    let bytes = read(&args.proof, MAX_PROOF_BYTES)?;
    let start = Instant::now();
    let (statement, verified) = verify_file(&vk, &bytes).map_err(|e| match e.stage() {
        Stage::Soundness | Stage::Statement => Failure::Invalid(e),
        _ => Failure::file(
            &args.proof,
            format!("not a usable proof under this key: {e}"),
        ),
    })?;
    let time = start.elapsed();
    if let Some(path) = &args.input {
        let expected =
            quantize_for(&vk, &read_arrays(path)?).map_err(|e| Failure::file(path, e))?;
        if expected != statement.inputs {
            return Err(Failure::Mismatch(format!(
                "its input is not {}",
                path.display()
            )));
        }
    }
    if let Some(path) = &args.output {
        let expected = read_arrays(path)?;
        let same = |(array, (port, values)): (&ndarray::ArrayD<f32>, (&Port, &Vec<i32>))| {
            array.iter().copied().eq(reals(port, values))
        };
        let ports = vk.outputs.iter().zip(&statement.outputs);
        if expected.len() != vk.outputs.len() || !expected.iter().zip(ports).all(same) {
            return Err(Failure::Mismatch(format!(
                "its output is not {}",
                path.display()
            )));
        }
    }
    let ms = time.as_secs_f64() * 1e3;
    let text = format!(
        "valid: {} (model {digest}) gave this output for the proof's input\n{}\n  verified in {ms:.2} ms, {} bytes\n{}",
        vk.name,
        outputs_text(&vk, &statement),
        bytes.len(),
        security_text(&verified.security),
    );
    let value = json!({
        "ok": true, "digest": digest.to_string(), "ms": ms, "proof_bytes": bytes.len(),
        "statement": statement_json(&vk, &statement), "security": security_json(&verified.security),
    });
    out.print(text, &value);
    Ok(())
}
