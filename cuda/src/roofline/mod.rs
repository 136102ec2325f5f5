//! Lower bounds of the time of a stwo proof on a named device, stage by stage.
//!
//! The launches are those that [`crate::CudaBackend`] makes, planned by the same functions. What each moves and
//! executes was counted: a test compares [`works`] with what the interpreter of PTX counts in whole proofs. A
//! device needs at least the time of the bytes at its peak bandwidth and that of the instructions at its peak
//! issue, ALU or multiplier rate, whichever is longest. Nothing here was measured on a GPU.
//!
//! Not counted: the latency of launches and of the host, and the transfer of openings.

mod device;
mod kernels;

use crate::backend::MAX_STEP;

pub use device::{DEVICES, Device};

/// A statement and the parameters of its proof: columns of 2^log_rows rows, each beyond the second the sum of the
/// squares of the two before it, whose coefficients are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// log 2 of the rows, at least 7: fewer leave threads of a warp idle, which is not counted.
    pub log_rows: u32,
    /// Columns, at least 3.
    pub columns: u64,
    /// log 2 of the committed domain's length over the rows, at least 1.
    pub log_blowup: u32,
    /// Folds between two commitments of FRI, at least 1; with the last layer's bound at most `log_rows`.
    pub fold_step: u32,
    /// log 2 of the degree bound of FRI's last layer.
    pub log_last_layer: u32,
    /// Bits of the proof of work.
    pub pow_bits: u32,
}

/// A part of a proof, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Interpolation of the trace.
    Interpolation,
    /// Evaluation of the trace on the committed domain.
    Evaluation,
    /// The trees over the trace.
    Commitment,
    /// The constraints on all rows.
    Constraints,
    /// Interpolation and evaluation of the composition polynomial.
    Composition,
    /// The tree over the composition polynomial.
    CompositionCommitment,
    /// Values out of the domain.
    OutOfDomain,
    /// FRI quotients.
    Quotients,
    /// The trees of FRI.
    FriCommitment,
    /// The folds of FRI.
    FriFolds,
    /// The proof of work.
    ProofOfWork,
}

/// What launches of one kernel move and execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The kernel.
    pub kernel: &'static str,
    /// Its launches.
    pub launches: u64,
    /// Bytes of the distinct words that each launch reads from what was there before it.
    pub read: u64,
    /// Bytes of the distinct words that each launch writes.
    pub written: u64,
    /// Instructions of PTX that lanes execute.
    pub instructions: u64,
}

impl Work {
    fn new(kernel: &'static str) -> Self {
        Self {
            kernel,
            launches: 0,
            read: 0,
            written: 0,
            instructions: 0,
        }
    }

    /// Adds a launch.
    fn add(&mut self, read: u64, written: u64, instructions: u64) {
        self.launches += 1;
        self.read += read;
        self.written += written;
        self.instructions += instructions;
    }

    fn times(self, count: u64) -> Self {
        Self {
            kernel: self.kernel,
            launches: count * self.launches,
            read: count * self.read,
            written: count * self.written,
            instructions: count * self.instructions,
        }
    }
}

/// Coordinates of a secure column, and columns of a composition polynomial.
const COORDINATES: u64 = 4;
const COMPOSITION: u64 = 2 * COORDINATES;

/// The work of a proof, launch by launch of the host's plan.
///
/// Twiddles are not in it: they are made once per size. Nor are openings, which are copies.
///
/// # Panics
/// Where a parameter is out of the range that [`Shape`] says.
pub fn works(shape: &Shape) -> Vec<(Stage, Work)> {
    assert!(shape.log_rows >= 7 && shape.columns >= 3);
    assert!(shape.log_blowup >= 1 && shape.fold_step >= 1);
    assert!(shape.fold_step + shape.log_last_layer <= shape.log_rows);
    let (rows, columns) = (shape.log_rows, shape.columns);
    let domain = rows + shape.log_blowup;
    let mut works = Vec::new();
    let mut stage =
        |stage, parts: Vec<Work>| works.extend(parts.into_iter().map(|work| (stage, work)));

    stage(
        Stage::Interpolation,
        vec![kernels::interpolate(columns, rows)],
    );
    stage(
        Stage::Evaluation,
        vec![kernels::evaluate(columns, rows, domain)],
    );
    // The first tree holds no columns.
    let empty = kernels::leaves(0, 0);
    let tree = |columns, log| [kernels::leaves(columns, log), kernels::nodes(log)];
    stage(
        Stage::Commitment,
        [vec![empty], tree(columns, domain).into()].concat(),
    );
    stage(
        Stage::Constraints,
        vec![kernels::constraints(columns, rows, rows + 1)],
    );
    stage(
        Stage::Composition,
        vec![
            kernels::interpolate(1, rows + 1).times(COORDINATES),
            kernels::evaluate(COMPOSITION, rows, domain),
        ],
    );
    stage(
        Stage::CompositionCommitment,
        tree(COMPOSITION, domain).into(),
    );
    let low = crate::backend::coefficients_grid(rows).1;
    stage(
        Stage::OutOfDomain,
        vec![
            kernels::basis(low),
            kernels::basis(rows - low),
            kernels::value(rows).times(columns + COMPOSITION),
        ],
    );
    stage(
        Stage::Quotients,
        vec![
            kernels::numerators(columns + COMPOSITION, rows),
            kernels::quotients(rows),
            kernels::interpolate(COORDINATES, rows),
            kernels::evaluate(COORDINATES, rows, domain),
        ],
    );
    let (commitments, folds) = fri(shape, domain);
    stage(Stage::FriCommitment, commitments);
    stage(Stage::FriFolds, folds);
    stage(Stage::ProofOfWork, vec![kernels::grind(shape.pow_bits)]);
    works
}

/// The trees and the folds of FRI from 2^domain values on the circle, as stwo's prover orders them.
fn fri(shape: &Shape, domain: u32) -> (Vec<Work>, Vec<Work>) {
    let (mut commitments, mut folds) = (Vec::new(), Vec::new());
    // Leaves hold four values where several folds follow.
    let mut commit = |log: u32, step: u32| {
        if step > 1 && log >= 2 {
            commitments.extend([
                kernels::pack(log - 2),
                kernels::leaves(4 * COORDINATES, log - 2),
                kernels::nodes(log - 2),
            ]);
        } else {
            commitments.extend([kernels::leaves(COORDINATES, log), kernels::nodes(log)]);
        }
    };
    let mut fold = |mut log: u32, mut step: u32| {
        while step > 0 {
            let now = step.min(MAX_STEP);
            folds.push(kernels::fold_lines(now, log));
            (log, step) = (log - now, step - now);
        }
    };
    commit(domain, shape.fold_step);
    let mut log = domain - 1;
    fold(log, shape.fold_step - 1);
    log -= shape.fold_step - 1;
    let last = shape.log_last_layer + shape.log_blowup;
    while log > last {
        let step = shape.fold_step.min(log - last);
        commit(log, step);
        fold(log, step);
        log -= step;
    }
    folds.insert(0, kernels::fold_circle(domain));
    (commitments, folds)
}

/// Bytes of the trace, which the host sends.
pub fn trace_bytes(shape: &Shape) -> u64 {
    (4 * shape.columns) << shape.log_rows
}

/// What bounds a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The bandwidth of device memory.
    Memory,
    /// The issue of instructions.
    Issue,
    /// The ALU.
    Alu,
    /// The multiplier.
    Multiplier,
}

/// Seconds that a device needs at least for some work.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bound {
    /// Seconds.
    pub seconds: f64,
    /// What sets them.
    pub limit: Limit,
}

/// The bound of one kernel's work.
///
/// Lanes' instructions of PTX count for as many machine instructions as the kernel's longest innermost loop has in
/// machine code over what it has in PTX, but at most for one each (loops that the assembler unrolls are longer in its
/// text, not in time), and use the pipes in that loop's proportions. The generated kernel of constraints is taken
/// instruction for instruction.
pub fn bound(device: &Device, work: &Work) -> Bound {
    let machine = Machine::of(work.kernel, device.architecture);
    let instructions = work.instructions as f64 * machine.per_ptx;
    let clock = device.clock * 1e9 * device.multiprocessors;
    let times = [
        (
            Limit::Memory,
            (work.read + work.written) as f64 / (device.bandwidth * 1e9),
        ),
        (Limit::Issue, instructions / (clock * device::ISSUE)),
        (
            Limit::Alu,
            instructions * machine.alu / (clock * device::PIPE),
        ),
        (
            Limit::Multiplier,
            instructions * machine.multiplier / (clock * device::PIPE),
        ),
    ];
    let (limit, seconds) = times
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("four limits");
    Bound { seconds, limit }
}

/// How a kernel's PTX becomes machine code.
struct Machine {
    /// Machine instructions of one of PTX, at most 1.
    per_ptx: f64,
    /// Shares of the ALU and of the multiplier.
    alu: f64,
    multiplier: f64,
}

impl Machine {
    fn of(kernel: &str, architecture: &str) -> Self {
        if kernel == "constraints" {
            return Self {
                per_ptx: 1.0,
                alu: 0.0,
                multiplier: 0.0,
            };
        }
        let line = RESOURCES
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|words| words[..2] == [kernel, architecture])
            .unwrap_or_else(|| panic!("cuda/ptx/RESOURCES has no {kernel} for {architecture}"));
        let number = |column: usize| line[column].parse::<f64>().expect("a number");
        let [ptx, machine, alu, multiplier] = [5, 6, 7, 8].map(number);
        Self {
            per_ptx: (machine / ptx).min(1.0),
            alu: alu / machine,
            multiplier: multiplier / machine,
        }
    }
}

/// What `tests/scripts/assemble-ptx.py` counted.
const RESOURCES: &str = include_str!("../../ptx/RESOURCES");
