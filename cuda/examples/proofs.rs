//! Times stwo proofs with the SIMD backend and, where there is a GPU, with the CUDA backend.
//!
//! `cargo run --release -p stwo-ml-cuda --example proofs`
//!
//! A statement is a trace of columns, each beyond the second the sum of the squares of the two before it, in host
//! memory. The time of a proof starts before the trace is sent to the backend and ends with the proof; twiddles,
//! made once per size, are left out. Every proof is verified, and the proofs of both backends are compared.

use std::time::Instant;

use clap::Parser;
use serde_json::json;
use stwo::core::air::Component;
use stwo::core::channel::Blake2sChannel;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::fri::FriConfig;
use stwo::core::pcs::{CommitmentSchemeVerifier, PcsConfig};
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::proof::StarkProof;
use stwo::core::vcs_lifted::blake2_merkle::{Blake2sMerkleChannel, Blake2sMerkleHasher};
use stwo::core::verifier::verify;
use stwo::prover::backend::BackendForChannel;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::CircleEvaluation;
use stwo::prover::poly::twiddles::TwiddleTree;
use stwo::prover::{CommitmentSchemeProver, ComponentProver, prove};
use stwo_constraint_framework::{
    EvalAtRow, FrameworkComponent, FrameworkEval, TraceLocationAllocator,
};
use stwo_ml_cuda::constraints::Compiler;
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};

/// Times of stwo proofs. Without --log-rows the sizes of docs/benchmarks.md.
#[derive(Debug, Parser)]
struct Arguments {
    /// log 2 of the rows; may be given several times.
    #[arg(long, value_parser = clap::value_parser!(u32).range(5..=24))]
    log_rows: Vec<u32>,
    /// Columns of the trace.
    #[arg(long, default_value_t = 26, value_parser = clap::value_parser!(u32).range(3..=4096))]
    columns: u32,
    /// Proofs of each size and backend.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Threads of the SIMD backend and of the CUDA backend's host part.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// Bits of the proof of work.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=32))]
    pow_bits: u32,
    /// Proves on the stand-in driver too, which is no GPU: to test this program.
    #[arg(long)]
    stand_in: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug)]
struct WideFibonacci {
    log_rows: u32,
    columns: u32,
}

impl FrameworkEval for WideFibonacci {
    fn log_size(&self) -> u32 {
        self.log_rows
    }
    fn max_constraint_log_degree_bound(&self) -> u32 {
        self.log_rows + 1
    }
    fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
        let (mut a, mut b) = (eval.next_trace_mask(), eval.next_trace_mask());
        for _ in 2..self.columns {
            let c = eval.next_trace_mask();
            eval.add_constraint(c.clone() - (a.clone() * a + b.clone() * b.clone()));
            (a, b) = (b, c);
        }
        eval
    }
}

impl WideFibonacci {
    fn trace(&self) -> Vec<Vec<BaseField>> {
        let rows = 1u32 << self.log_rows;
        let mut columns: Vec<Vec<BaseField>> = vec![
            vec![BaseField::from(1); rows as usize],
            (0..rows).map(BaseField::from).collect(),
        ];
        for k in 2..self.columns as usize {
            let square = |column: &[BaseField], row: usize| column[row] * column[row];
            let next = |row| square(&columns[k - 2], row) + square(&columns[k - 1], row);
            columns.push((0..rows as usize).map(next).collect());
        }
        columns
    }

    fn component(&self) -> FrameworkComponent<Self> {
        FrameworkComponent::new(
            &mut TraceLocationAllocator::default(),
            self.clone(),
            SecureField::default(),
        )
    }
}

/// Values of the trace that are sent together.
const PART: usize = 1 << 22;

type Proof = StarkProof<Blake2sMerkleHasher>;

fn config(pow_bits: u32) -> PcsConfig {
    PcsConfig {
        pow_bits,
        fri_config: FriConfig::new(0, 1, 70, 1),
        lifting_log_size: None,
    }
}

/// A proof and the milliseconds it took.
fn timed<B>(
    statement: &WideFibonacci,
    trace: &[Vec<BaseField>],
    twiddles: &TwiddleTree<B>,
    config: PcsConfig,
) -> (Proof, f64)
where
    B: BackendForChannel<Blake2sMerkleChannel>,
    FrameworkComponent<WideFibonacci>: ComponentProver<B>,
{
    let component = statement.component();
    let domain = CanonicCoset::new(statement.log_rows).circle_domain();
    let began = Instant::now();
    let channel = &mut Blake2sChannel::default();
    config.mix_into(channel);
    let mut scheme = CommitmentSchemeProver::<B, Blake2sMerkleChannel>::new(config, twiddles);
    scheme.set_store_polynomials_coefficients();
    scheme.tree_builder().commit(channel);
    let mut tree = scheme.tree_builder();
    // The device interpolates columns while the host sends the next.
    for columns in trace.chunks((PART >> statement.log_rows).max(1)) {
        let columns = columns.iter().map(|column| {
            let values = column.iter().copied().collect();
            CircleEvaluation::<B, BaseField, BitReversedOrder>::new(domain, values)
        });
        tree.extend_evals(columns.collect());
    }
    tree.commit(channel);
    let proof = prove::<B, Blake2sMerkleChannel>(&[&component], channel, scheme)
        .expect("the trace satisfies the constraints");
    (proof, began.elapsed().as_secs_f64() * 1e3)
}

fn check(statement: &WideFibonacci, proof: &Proof, config: PcsConfig) -> Vec<u8> {
    let bytes = serde_json::to_vec(proof).expect("a proof is data");
    let component = statement.component();
    let channel = &mut Blake2sChannel::default();
    config.mix_into(channel);
    let mut scheme = CommitmentSchemeVerifier::<Blake2sMerkleChannel>::new(config);
    let sizes = component.trace_log_degree_bounds();
    scheme.commit(proof.commitments[0], &sizes[0], channel);
    scheme.commit(proof.commitments[1], &sizes[1], channel);
    verify(
        &[&component as &dyn Component],
        channel,
        &mut scheme,
        proof.clone(),
    )
    .expect("stwo accepts the proof");
    bytes
}

/// Milliseconds of several proofs.
#[derive(Clone, Copy, Debug)]
struct Times {
    median: f64,
    fastest: f64,
}

/// The bytes of all proofs, which are the same, and their times.
fn series<B>(statement: &WideFibonacci, runs: u32, config: PcsConfig) -> (Vec<u8>, Times)
where
    B: BackendForChannel<Blake2sMerkleChannel>,
    FrameworkComponent<WideFibonacci>: ComponentProver<B>,
{
    let trace = statement.trace();
    let largest = CanonicCoset::new(statement.log_rows + 1).circle_domain();
    let twiddles = B::precompute_twiddles(largest.half_coset);
    let mut times = Vec::new();
    let mut proofs = Vec::new();
    for _ in 0..runs {
        let (proof, time) = timed::<B>(statement, &trace, &twiddles, config);
        proofs.push(check(statement, &proof, config));
        times.push(time);
    }
    proofs.dedup();
    assert_eq!(proofs.len(), 1, "the same statement has the same proof");
    times.sort_by(f64::total_cmp);
    let times = Times {
        median: times[times.len() / 2],
        fastest: times[0],
    };
    (proofs.remove(0), times)
}

/// The clang of `tests/scripts/build-ptx`, for the stand-in: NVRTC's output may run on NVIDIA's devices only.
#[derive(Debug)]
struct Clang;

impl Compiler for Clang {
    fn compile(&self, source: &str) -> Result<String, CudaError> {
        let compile = || {
            let folder = std::env::temp_dir().join(format!("constraints-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            let (file, ptx) = (
                folder.join("constraints.cu"),
                folder.join("constraints.ptx"),
            );
            std::fs::write(&file, source)?;
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/scripts/build-ptx");
            std::process::Command::new(script)
                .arg(&file)
                .arg(&ptx)
                .status()?;
            let text = std::fs::read_to_string(&ptx);
            std::fs::remove_dir_all(&folder)?;
            text
        };
        compile().map_err(|error| CudaError::Compile {
            reason: format!("tests/scripts/build-ptx: {error}"),
        })
    }
}

/// The device, if there is one; the stand-in counts only when it is asked for.
fn device(stand_in: bool) -> Result<Option<std::sync::Arc<CudaContext>>, CudaError> {
    match CudaContext::new(0) {
        Ok(context) if context.is_stand_in() != stand_in => Ok(None),
        Ok(context) => {
            if stand_in {
                context.set_compiler(std::sync::Arc::new(Clang));
            }
            Ok(Some(context))
        }
        Err(CudaError::NoDriver | CudaError::NoDevice { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    // The pools of the SIMD backend and of the device's scope take their size from here.
    let threads = arguments.threads.to_string();
    if std::env::var("RAYON_NUM_THREADS").as_deref() != Ok(&threads) {
        let status = std::process::Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env("RAYON_NUM_THREADS", &threads)
            .status()?;
        std::process::exit(status.code().unwrap_or(1));
    }
    let sizes = match &arguments.log_rows[..] {
        [] => vec![16, 18, 20],
        sizes => sizes.to_vec(),
    };
    let context = device(arguments.stand_in)?;
    let name = context.as_ref().map(|context| context.name().to_owned());
    let config = config(arguments.pow_bits);
    if !arguments.json {
        println!(
            "Milliseconds, medians of {}; {} threads; CUDA: {}\n",
            arguments.runs,
            threads,
            name.as_deref().unwrap_or("no GPU, not measured")
        );
        println!("| rows | columns | SIMD (fastest) | CUDA (fastest) |\n|---|---|---|---|");
    }
    let mut rows = Vec::new();
    for log_rows in sizes {
        let statement = WideFibonacci {
            log_rows,
            columns: arguments.columns,
        };
        let (simd, simd_times) = series::<SimdBackend>(&statement, arguments.runs, config);
        let cuda = context
            .as_ref()
            .map(|context| {
                context.scope(|| series::<CudaBackend>(&statement, arguments.runs, config))
            })
            .transpose()?;
        if let Some((cuda, _)) = &cuda {
            assert!(*cuda == simd, "the proofs of the two backends differ");
        }
        let cuda_times = cuda.map(|(_, times)| times);
        if !arguments.json {
            let cell = |times: Times| format!("{:.2} ({:.2})", times.median, times.fastest);
            let cuda = cuda_times.map_or("not measured".to_owned(), cell);
            let rows = 1u64 << log_rows;
            println!(
                "| {rows} | {} | {} | {cuda} |",
                arguments.columns,
                cell(simd_times)
            );
        }
        rows.push(json!({
            "log_rows": log_rows,
            "columns": arguments.columns,
            "simd_ms": simd_times.median,
            "simd_fastest_ms": simd_times.fastest,
            "cuda_ms": cuda_times.map(|times| times.median),
            "cuda_fastest_ms": cuda_times.map(|times| times.fastest),
            "proof_bytes": simd.len(),
        }));
    }
    if arguments.json {
        let report = json!({
            "threads": arguments.threads,
            "runs": arguments.runs,
            "pow_bits": arguments.pow_bits,
            "cuda_device": name,
            "proofs": rows,
        });
        println!("{report:#}");
    }
    Ok(())
}
