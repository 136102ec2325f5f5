//! The subcommands, one file each.

use std::fmt;
use std::io::{Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ndarray::{ArrayD, ArrayViewD};
use ndarray_npy::ViewNpyExt;
use serde_json::{Value, json};
use stwo_ml_verifier::vk::Port;
use stwo_ml_verifier::{Regime, Statement, VerifyError, Vk};
use zip::ZipArchive;

mod backend;
mod calldata;
#[cfg(feature = "starknet")]
mod client;
mod compile;
mod demo;
mod doctor;
#[cfg(feature = "starknet")]
mod estimate;
mod inspect;
mod precheck;
mod prove;
#[cfg(feature = "starknet")]
mod receipt;
mod starknet;
#[cfg(feature = "starknet")]
mod submit;
mod verify;

/// Proves that a neural network produced a given output, and checks such proofs.
#[derive(Debug, Parser)]
#[command(
    name = "stwo-ml",
    version,
    about,
    after_help = "Exit codes: 0 success (verify: the proof is valid), 1 the proof is invalid or the contract would refuse it, 2 unusable input. estimate, submit, resume, receipt: 0 accepted and paid, 1 rejected, reverted or contradictory on chain, 2 nothing was sent, 3 sent with unknown outcome (continue with resume)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile an ONNX file to a model and its verifying key.
    Compile(compile::Args),
    /// Run a model on an input and prove the run.
    Prove(prove::Args),
    /// Check a proof and print what it proves.
    Verify(verify::Args),
    /// Describe a model, a verifying key or a proof.
    Inspect(inspect::Args),
    /// Check a proof as `verify` does, and what Starknet's contract would say of it.
    Precheck(precheck::Args),
    /// Write the four Starknet calls that submit a proof and pay for it.
    Calldata(calldata::Args),
    /// Plan a submission: both verdicts, the state on chain, a simulation, the fee.
    #[cfg(feature = "starknet")]
    Estimate(estimate::Args),
    /// Submit a proof to Starknet, pay for it, and read the outcome from the events.
    #[cfg(feature = "starknet")]
    Submit(submit::Args),
    /// Finish the submissions of the journal that are open, or list the journal.
    #[cfg(feature = "starknet")]
    Resume(submit::ResumeArgs),
    /// Decode the transaction of any submission.
    #[cfg(feature = "starknet")]
    Receipt(receipt::Args),
    /// Compile, prove and verify a bundled network on a bundled digit.
    Demo(demo::Args),
    /// Say which backends this machine can use, and what is wrong with the others.
    Doctor(doctor::Args),
}

/// Why a command failed, with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The proof is invalid.
    Invalid(VerifyError),
    /// The proof is valid, but not of what was expected.
    Mismatch(String),
    /// The proof is valid, but the contract would not accept it.
    Contract(String),
    /// Files or arguments cannot be used.
    Unusable(String),
    /// Nothing was sent to Starknet.
    #[cfg(feature = "starknet")]
    Unsent { code: &'static str, message: String },
    /// A submission failed on chain.
    #[cfg(feature = "starknet")]
    OnChain {
        code: &'static str,
        text: String,
        value: Value,
    },
    /// The outcome of a submission is not known.
    #[cfg(feature = "starknet")]
    Outcome { code: &'static str, message: String },
}

impl Failure {
    /// An unusable file.
    fn file(path: &Path, reason: impl fmt::Display) -> Self {
        Self::Unusable(format!("{}: {reason}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(e) => write!(f, "the proof is invalid: {e}"),
            Self::Mismatch(m) | Self::Contract(m) => write!(f, "the proof is valid, but {m}"),
            Self::Unusable(m) => f.write_str(m),
            #[cfg(feature = "starknet")]
            Self::Unsent { message, .. } | Self::Outcome { message, .. } => f.write_str(message),
            #[cfg(feature = "starknet")]
            Self::OnChain { text, .. } => f.write_str(text),
        }
    }
}

/// Runs the command of the process's arguments.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let out = Output { json: cli.json };
    let result = match cli.command {
        Command::Compile(args) => compile::run(&args, out),
        Command::Prove(args) => prove::run(&args, out),
        Command::Verify(args) => verify::run(&args, out),
        Command::Inspect(args) => inspect::run(&args, out),
        Command::Precheck(args) => precheck::run(&args, out),
        Command::Calldata(args) => calldata::run(&args, out),
        #[cfg(feature = "starknet")]
        Command::Estimate(args) => estimate::run(&args, out),
        #[cfg(feature = "starknet")]
        Command::Submit(args) => submit::run(&args, out),
        #[cfg(feature = "starknet")]
        Command::Resume(args) => submit::run_resume(&args, out),
        #[cfg(feature = "starknet")]
        Command::Receipt(args) => receipt::run(&args, out),
        Command::Demo(args) => demo::run(&args, out),
        Command::Doctor(args) => doctor::run(&args, out),
    };
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    let (code, exit) = match &failure {
        Failure::Invalid(e) => (e.code(), 1),
        Failure::Mismatch(_) => ("mismatch", 1),
        Failure::Contract(_) => ("contract", 1),
        Failure::Unusable(_) => ("unusable", 2),
        #[cfg(feature = "starknet")]
        Failure::Unsent { code, .. } => (*code, 2),
        #[cfg(feature = "starknet")]
        Failure::OnChain { code, .. } => (*code, 1),
        #[cfg(feature = "starknet")]
        Failure::Outcome { code, .. } => (*code, 3),
    };
    if cli.json {
        let value = json!({ "ok": false, "code": code, "message": failure.to_string() });
        #[cfg(feature = "starknet")]
        let value = match &failure {
            Failure::OnChain { value: report, .. } => {
                let mut value = value;
                value["report"] = report.clone();
                value
            }
            _ => value,
        };
        print(value);
    } else {
        eprintln!("error: {failure}");
    }
    ExitCode::from(exit)
}

/// Prints a line. Who reads it may have gone (`| head`), which is no failure of the command.
fn print(text: impl fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Prints the text, or the JSON object.
    fn print(self, text: impl fmt::Display, value: &Value) {
        if self.json {
            print(value);
        } else {
            print(text);
        }
    }

    /// A progress bar over named phases; hidden with `--json` and where there is no terminal.
    fn progress(self, phases: u64) -> indicatif::ProgressBar {
        if self.json {
            return indicatif::ProgressBar::hidden();
        }
        let style = indicatif::ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}");
        let bar = indicatif::ProgressBar::new(phases);
        style.map_or(bar.clone(), |s| bar.with_style(s))
    }

    /// A counter of unknown length; hidden as a progress bar is.
    fn count(self, what: &'static str) -> indicatif::ProgressBar {
        let bar = self.progress(0);
        bar.unset_length();
        let style = indicatif::ProgressStyle::with_template("{spinner} {pos} {msg}");
        style
            .map_or(bar.clone(), |s| bar.with_style(s))
            .with_message(what)
    }
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path)
        .map_err(|e| Failure::file(path, e))?
        .len();
    if size > limit as u64 {
        return Err(Failure::file(
            path,
            format!("it has {size} bytes; the limit is {limit}"),
        ));
    }
    std::fs::read(path).map_err(|e| Failure::file(path, e))
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|e| Failure::file(path, e))
}

fn read_vk(path: &Path) -> Result<Vk, Failure> {
    let bytes = read(path, stwo_ml_verifier::vk::MAX_VK_BYTES)?;
    Vk::decode(&bytes).map_err(|e| Failure::file(path, format!("not a usable verifying key: {e}")))
}

/// Largest file of arrays that is read, and largest array in it, in bytes.
const MAX_ARRAY_BYTES: usize = 2 << 30;

/// Reads an array of 32-bit floats from `.npy`, or the arrays of `.npz` in the file's order.
fn read_arrays(path: &Path) -> Result<Vec<ArrayD<f32>>, Failure> {
    let fail = |e: &dyn fmt::Display| {
        Failure::file(path, format!("not a usable array of 32-bit floats: {e}"))
    };
    // A view compares the array's shape with the bytes that are there before anything is copied.
    let array = |bytes: &[u8]| match ArrayViewD::<f32>::view_npy(bytes) {
        Ok(array) => Ok(array.to_owned()),
        Err(e) => Err(fail(&e)),
    };
    let bytes = read(path, MAX_ARRAY_BYTES)?;
    if path.extension().is_none_or(|e| e != "npz") {
        return Ok(vec![array(&bytes)?]);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| fail(&e))?;
    let count = archive.len();
    let read = |i| {
        let mut bytes = Vec::new();
        let entry = archive.by_index(i).map_err(|e| fail(&e))?;
        let mut entry = entry.take(MAX_ARRAY_BYTES as u64);
        entry.read_to_end(&mut bytes).map_err(|e| fail(&e))?;
        array(&bytes)
    };
    (0..count).map(read).collect()
}

/// Integers of a public tensor as real numbers.
fn reals(port: &Port, values: &[i32]) -> Vec<f32> {
    let unit = f64::exp2(-f64::from(port.scale));
    values
        .iter()
        .map(|v| (f64::from(*v) * unit) as f32)
        .collect()
}

fn shape(port: &Port) -> Vec<usize> {
    port.dims.iter().map(|d| *d as usize).collect()
}

/// The statement as JSON: every tensor with its name, shape, scale and integers.
fn statement_json(vk: &Vk, statement: &Statement) -> Value {
    let tensors = |ports: &[Port], values: &[Vec<i32>]| -> Value {
        let tensor = |(p, v): (&Port, &Vec<i32>)| json!({ "name": p.name, "shape": p.dims, "scale": p.scale, "integers": v });
        ports.iter().zip(values).map(tensor).collect()
    };
    json!({
        "inputs": tensors(&vk.inputs, &statement.inputs),
        "outputs": tensors(&vk.outputs, &statement.outputs),
    })
}

/// The outputs as text; long tensors are cut, visibly.
fn outputs_text(vk: &Vk, statement: &Statement) -> String {
    const SHOWN: usize = 16;
    let tensor = |(port, values): (&Port, &Vec<i32>)| {
        let reals = reals(port, values);
        let shown: Vec<String> = reals
            .iter()
            .take(SHOWN)
            .map(|v| format!("{v:.4}"))
            .collect();
        let more = reals.len().saturating_sub(SHOWN);
        let rest = if more > 0 {
            format!(" ... and {more} more")
        } else {
            String::new()
        };
        format!(
            "  output {} {:?}: {}{rest}",
            port.name,
            port.dims,
            shown.join(" ")
        )
    };
    vk.outputs
        .iter()
        .zip(&statement.outputs)
        .map(tensor)
        .collect::<Vec<_>>()
        .join("\n")
}

fn security_json(regimes: &[Regime]) -> Value {
    let regime = |r: &Regime| {
        (
            r.name.to_owned(),
            json!({ "bits": f64::from(r.millibits) / 1000.0, "binding_term": r.binding_term }),
        )
    };
    Value::Object(regimes.iter().map(regime).collect())
}

fn security_text(regimes: &[Regime]) -> String {
    let line = |r: &Regime| {
        let (bits, tenth) = r.bits();
        format!(
            "    {:<16} {bits:>3}.{tenth} bits (bound by the {} term)",
            r.name, r.binding_term
        )
    };
    let lines: Vec<String> = regimes.iter().map(line).collect();
    format!(
        "  security, by what is assumed about proximity gaps (docs/security.md):\n{}",
        lines.join("\n")
    )
}

fn phases_json(phases: &[(&'static str, Duration)]) -> Value {
    let phase =
        |(name, time): &(&str, Duration)| json!({ "phase": name, "ms": time.as_secs_f64() * 1e3 });
    phases.iter().map(phase).collect()
}

fn phases_text(phases: &[(&'static str, Duration)]) -> String {
    let line = |(name, time): &(&str, Duration)| {
        format!("    {name:<12} {:>9.2} ms", time.as_secs_f64() * 1e3)
    };
    phases.iter().map(line).collect::<Vec<_>>().join("\n")
}
