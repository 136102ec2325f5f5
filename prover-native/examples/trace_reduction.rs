//! Prints, for square matrix products, the rows of a trace with one row per multiply-add against
//! the cells that a proof commits to, counted from the compiled key, and the time of a proof: the
//! median of three after a first one.
//!
//!     cargo run --release -p stwo-ml --example trace_reduction
//!
//! With the feature `cuda`, on device 0 too. With the feature `test-operations`, one proof runs on the
//! scalar backend instead, whose field counts every multiplication and addition of base-field elements
//! (hashing is not among them):
//!
//!     cargo run --release -p stwo-ml --example trace_reduction --features test-operations

use std::time::Instant;

use ndarray::{ArrayD, IxDyn};
use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, Scalar, Simd};
use stwo_ml::compile::{CompileOptions, compile, counts};
use stwo_ml::model::graph::{Graph, Node, Op};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::{Level, encode_file};

/// Numbers in -1..1 that follow from their index.
fn numbers(n: usize, seed: u64) -> ArrayD<f32> {
    let mut state = seed;
    ArrayD::from_shape_simple_fn(IxDyn(&[n, n]), || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

/// Base-field multiplications and additions so far; none where they are not counted.
fn operations() -> [u64; 2] {
    #[cfg(feature = "test-operations")]
    {
        use std::sync::atomic::Ordering::Relaxed;
        use stwo_ml_verifier::field::operations::{ADDITIONS, MULTIPLICATIONS};
        [MULTIPLICATIONS.load(Relaxed), ADDITIONS.load(Relaxed)]
    }
    #[cfg(not(feature = "test-operations"))]
    [0; 2]
}

fn main() {
    if cfg!(feature = "test-operations") {
        run(&Scalar, 1);
    } else {
        let simd = run(&Simd, 4);
        on_device(&simd);
    }
}

/// The same on a device, whose proofs are those of the SIMD backend.
#[cfg(feature = "cuda")]
fn on_device(simd: &[Vec<u8>]) {
    match stwo_ml::backend::Cuda::new(0) {
        Ok(cuda) => assert!(run(&cuda, 4) == simd, "the proofs of the backends differ"),
        Err(error) => println!("\nCUDA: not measured: {error}"),
    }
}

#[cfg(not(feature = "cuda"))]
fn on_device(_: &[Vec<u8>]) {
    println!("\nCUDA: not measured: built without the feature cuda");
}

/// The files of the proofs.
fn run(backend: &impl Backend, runs: usize) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    println!("Backend: {}", backend.name());
    println!(
        "| product | naive rows | witness cells | weight cells (once) | ratio | multiplications | additions | prove | proof |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for n in [128, 768] {
        let mut graph = Graph {
            name: format!("matmul {n}"),
            ..Graph::default()
        };
        let x = graph.value("x", vec![n, n]);
        let y = graph.value("y", vec![n, n]);
        graph.inputs.push(x);
        graph.outputs.push(y);
        let op = Op::Linear {
            weight: numbers(n, 1),
            bias: None,
        };
        let (name, op_type) = ("matmul".into(), "MatMul".into());
        graph.nodes.push(Node {
            name,
            op_type,
            op,
            inputs: vec![x],
            output: y,
        });
        let example = vec![numbers(n, 2)];
        let compiled = compile(
            &graph,
            std::slice::from_ref(&example),
            &CompileOptions::default(),
        )
        .expect("a supported network");
        let inputs = compiled.quantize_inputs(&example).expect("in range");
        let model = Model::assemble(compiled.circuit, Level::Standard, backend).expect("fits");
        let counts = counts(&model.vk);
        let prover = Prover::new(model, backend).expect("its weights");
        let before = operations();
        let mut timed: Vec<_> = (0..runs)
            .map(|_| {
                let start = Instant::now();
                let proven = prover.prove(&inputs, &|_| ()).expect("a proof");
                (start.elapsed().as_secs_f64(), proven)
            })
            .collect();
        let after = operations();
        // The first proof warms up.
        let counted = &mut timed[usize::from(runs > 1)..];
        counted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (time, proven) = &counted[counted.len() / 2];
        let file = encode_file(&proven.statement, &proven.proof);
        println!(
            "| {n} x {n} x {n} | {} | {} | {} | {:.0} | {} | {} | {:.2} s | {} bytes |",
            counts.multiply_accumulates,
            counts.witness_cells,
            counts.weight_cells,
            counts.multiply_accumulates as f64 / counts.witness_cells as f64,
            after[0] - before[0],
            after[1] - before[1],
            time,
            file.len(),
        );
        files.push(file);
        for (phase, time) in &proven.phases {
            eprintln!("  {phase}: {:.1} ms", time.as_secs_f64() * 1e3);
        }
    }
    files
}
