//! `stwo-ml compile`.

use std::path::PathBuf;

use ndarray::{ArrayD, Axis};
use serde_json::json;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Backend;
use stwo_ml::compile::{CompileOptions, Compiled, compile, counts, reshape_inputs};
use stwo_ml::model::graph::Graph;
use stwo_ml::model::onnx::{ImportOptions, MAX_ONNX_BYTES, import};
use stwo_ml::model::report::accuracy;
use stwo_ml_verifier::Level;

use super::backend::{Choice, with_backend};
use super::{Failure, Output, read, read_arrays, read_vk, write};

/// Arguments of `compile`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ONNX file.
    onnx: PathBuf,
    /// Calibration examples: `.npy` or `.npz` of 32-bit floats, examples along the first axis,
    /// one array per input of the network.
    #[arg(long, value_name = "FILE")]
    calibrate: PathBuf,
    /// Where to write the model; the key goes beside it with the extension `vk`. Default: the
    /// ONNX file's name with the extension `stwoml`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Batch size, where the network leaves it open.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Security level: standard, onchain128, compat96 or provable96.
    #[arg(long, default_value = "standard")]
    level: String,
    /// Bits of the activation tables' domain (4 to 16).
    #[arg(long, default_value_t = CompileOptions::default().table_bits)]
    table_bits: u8,
    /// Bits of the activations (below the table bits).
    #[arg(long, default_value_t = CompileOptions::default().activation_bits)]
    activation_bits: u8,
    /// Binary digits dropped after a product with weights.
    #[arg(long, default_value_t = CompileOptions::default().shift)]
    shift: u8,
    /// Compare the integer network with the float one on the calibration examples.
    #[arg(long)]
    report: bool,
    /// Write nothing; fail unless the compilation gives this key.
    #[arg(long, value_name = "VK")]
    check: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
}

/// Per example, one array per input.
type Examples = Vec<Vec<ArrayD<f32>>>;

/// Cuts a file's arrays into examples for a graph: as many leading positions per example as the
/// batch needs.
pub(super) fn examples(graph: &Graph, arrays: &[ArrayD<f32>]) -> Result<Examples, String> {
    if arrays.len() != graph.inputs.len() {
        return Err(format!(
            "it holds {} arrays, the network has {} inputs",
            arrays.len(),
            graph.inputs.len()
        ));
    }
    let mut examples: Examples = Vec::new();
    for (number, (id, array)) in graph.inputs.iter().zip(arrays).enumerate() {
        let need: usize = graph.shape(*id).iter().product();
        let rows = array.shape().first().copied().unwrap_or(0);
        let each = array.len().checked_div(rows).unwrap_or(0);
        if each == 0 || !need.is_multiple_of(each) {
            return Err(format!(
                "its array of shape {:?} does not fit the input shape {:?}",
                array.shape(),
                graph.shape(*id)
            ));
        }
        let per_example = need / each;
        let count = rows / per_example;
        if number > 0 && count != examples.len() {
            return Err("its arrays hold different numbers of examples".into());
        }
        for i in 0..count {
            let part = array.slice_axis(
                Axis(0),
                ndarray::Slice::from(i * per_example..(i + 1) * per_example),
            );
            let part = part.to_owned();
            match examples.get_mut(i) {
                Some(example) => example.push(part),
                None => examples.push(vec![part]),
            }
        }
    }
    if examples.is_empty() {
        return Err("it holds too few examples for one batch".into());
    }
    examples
        .iter()
        .map(|e| reshape_inputs(graph, e).map_err(|e| e.to_string()))
        .collect()
}

/// Imports and compiles.
pub(super) fn build(
    onnx: &[u8],
    arrays: &[ArrayD<f32>],
    batch: usize,
    level: Level,
    options: &CompileOptions,
    backend: &impl Backend,
) -> Result<(Graph, Examples, Compiled, Model), String> {
    let graph = import(onnx, ImportOptions { batch }).map_err(|e| e.to_string())?;
    let examples = examples(&graph, arrays).map_err(|e| format!("calibration: {e}"))?;
    let compiled = compile(&graph, &examples, options).map_err(|e| e.to_string())?;
    let model =
        Model::assemble(compiled.circuit.clone(), level, backend).map_err(|e| e.to_string())?;
    Ok((graph, examples, compiled, model))
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let level = Level::from_name(&args.level).ok_or_else(|| {
        let names: Vec<_> = Level::ALL.iter().map(|l| l.name()).collect();
        Failure::Unusable(format!(
            "unknown level `{}`; there are: {}",
            args.level,
            names.join(", ")
        ))
    })?;
    let options = CompileOptions {
        table_bits: args.table_bits,
        activation_bits: args.activation_bits,
        shift: args.shift,
    };
    let chosen = args.choice.open()?;
    let bar = out.progress(3);
    bar.set_message("reading");
    let onnx = read(&args.onnx, MAX_ONNX_BYTES)?;
    let arrays = read_arrays(&args.calibrate)?;
    bar.inc(1);
    bar.set_message("calibrating and compiling");
    let built = with_backend!(&chosen.backend, backend => {
        build(&onnx, &arrays, args.batch, level, &options, backend)
    });
    let (graph, examples, compiled, model) = built.map_err(|e| Failure::file(&args.onnx, e))?;
    bar.inc(1);
    let report = if args.report {
        bar.set_message("comparing with the float network");
        let report = accuracy(&graph, &compiled, &examples);
        Some(report.map_err(|e| Failure::file(&args.calibrate, e))?)
    } else {
        None
    };
    bar.finish_and_clear();
    let digest = model.vk.digest();
    if let Some(path) = &args.check {
        let expected = read_vk(path)?.digest();
        if expected != digest {
            return Err(Failure::Mismatch(format!(
                "the compilation gives the key {digest}, {} is {expected}",
                path.display()
            )));
        }
        out.print(
            format!(
                "{}: the key is that of this compilation ({digest})",
                path.display()
            ),
            &json!({ "ok": true, "digest": digest.to_string() }),
        );
        return Ok(());
    }
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| args.onnx.with_extension("stwoml"));
    let vk_path = path.with_extension("vk");
    let (model_bytes, vk_bytes) = (model.encode(), model.vk.encode());
    write(&path, &model_bytes)?;
    write(&vk_path, &vk_bytes)?;
    let counts = counts(&model.vk);
    let mut text = format!(
        "compiled {} ({} nodes)\n  model  {} ({} bytes)\n  key    {} ({} bytes)\n  digest {digest}\n  level  {}\n  {} multiply-accumulates, {} lookups over {} table rows, {} witness cells and {} weight cells committed\n  weights committed on the {}",
        args.onnx.display(),
        graph.nodes.len(),
        path.display(),
        model_bytes.len(),
        vk_path.display(),
        vk_bytes.len(),
        level.name(),
        counts.multiply_accumulates,
        counts.lookups,
        counts.table_rows,
        counts.witness_cells,
        counts.weight_cells,
        chosen.text(),
    );
    if let Some(report) = &report {
        text += &format!(
            "\n  top-1 agreement with the float network on {} examples: {:.2} %\n  {:<24} {:>6} {:>12} {:>12} {:>12}",
            report.examples,
            100.0 * report.top1_agreement,
            "value",
            "scale",
            "magnitude",
            "max error",
            "mean error",
        );
        for v in &report.values {
            text += &format!(
                "\n  {:<24} {:>6} {:>12.5} {:>12.6} {:>12.6}",
                v.name, v.scale, v.magnitude, v.max_error, v.mean_error
            );
        }
    }
    let value = json!({
        "ok": true,
        "model": path, "model_bytes": model_bytes.len(),
        "vk": vk_path, "vk_bytes": vk_bytes.len(),
        "digest": digest.to_string(), "level": level.name(),
        "counts": counts, "report": report,
        "backend": chosen.name(), "backend_reason": chosen.reason,
    });
    out.print(text, &value);
    Ok(())
}
