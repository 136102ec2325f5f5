//! `stwo-ml inspect`.

use std::path::PathBuf;

use serde_json::{Value, json};
use stwo_ml::artifact::{MAX_MODEL_BYTES, MODEL_MAGIC, Model};
use stwo_ml::compile::{counts, step_counts};
use stwo_ml_verifier::security::regimes;
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::verify::PROOF_MAGIC;
use stwo_ml_verifier::vk::{Port, VK_MAGIC};
use stwo_ml_verifier::{Vk, decode_file};

use super::{
    Failure, Output, outputs_text, read, read_vk, security_json, security_text, statement_json,
};

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A model, a verifying key or a proof.
    file: PathBuf,
    /// The verifying key of a proof, without which a proof cannot be read.
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
}

fn describe(vk: &Vk) -> (String, Value) {
    let shape = Shape::new(vk);
    let security = regimes(vk.level.parameters(), &shape);
    let counts = counts(vk);
    let port = |kind: &str, p: &Port| {
        let tensor = &vk.tensors[p.tensor as usize];
        format!(
            "  {kind:<6} {} {:?}, integers {}..={} times 2^{}",
            p.name, p.dims, tensor.lo, tensor.hi, -p.scale
        )
    };
    let ports: Vec<String> = vk
        .inputs
        .iter()
        .map(|p| port("input", p))
        .chain(vk.outputs.iter().map(|p| port("output", p)))
        .collect();
    let text = format!(
        "verifying key of {}\n  digest {}\n  level  {}\n{}\n  {} tensors, {} tables, {} lookups, {} vanishing expressions, {} bilinear terms\n  witness: {} cells in 2^{} columns of 2^{}; weights: {} cells in 2^{} columns\n{}",
        vk.name,
        vk.digest(),
        vk.level.name(),
        ports.join("\n"),
        vk.tensors.len(),
        vk.tables.len(),
        vk.lookups.len(),
        vk.zeros.len(),
        shape.bilinear,
        counts.witness_cells,
        vk.log_witness_columns,
        vk.log_rows,
        counts.weight_cells,
        vk.log_weight_columns,
        security_text(&security),
    );
    let value = json!({
        "kind": "vk", "name": vk.name, "digest": vk.digest().to_string(), "level": vk.level.name(),
        "counts": counts, "security": security_json(&security),
    });
    (text, value)
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let bytes = read(&args.file, MAX_MODEL_BYTES)?;
    let (text, value) = if bytes.starts_with(VK_MAGIC) {
        describe(&read_vk(&args.file)?)
    } else if bytes.starts_with(MODEL_MAGIC) {
        let model = Model::decode(&bytes).map_err(|e| Failure::file(&args.file, e))?;
        let (text, mut value) = describe(&model.vk);
        let (lookups, copies) = step_counts(&model.steps);
        value["kind"] = "model".into();
        (
            format!(
                "model: {} steps that look up, {} that copy, {} weight cells stored\n{text}",
                lookups,
                copies,
                model.weights.len()
            ),
            value,
        )
    } else if bytes.starts_with(PROOF_MAGIC) {
        let path = args.vk.as_ref().ok_or_else(|| {
            Failure::file(
                &args.file,
                "a proof is read under its verifying key: pass --vk",
            )
        })?;
        let vk = read_vk(path)?;
        let (statement, proof) =
            decode_file(&vk, &bytes).map_err(|e| Failure::file(&args.file, e))?;
        let text = format!(
            "proof under {} (NOT verified here: use `stwo-ml verify`)\n{}\n  {} bytes, {} queries",
            vk.name,
            outputs_text(&vk, &statement),
            bytes.len(),
            proof.opening.queries.len(),
        );
        (
            text,
            json!({ "kind": "proof", "verified": false, "bytes": bytes.len(), "statement": statement_json(&vk, &statement) }),
        )
    } else {
        return Err(Failure::file(
            &args.file,
            "neither a model, a verifying key nor a proof of stwo-ml",
        ));
    };
    out.print(text, &value);
    Ok(())
}
