//! What one launch of each kernel moves and executes, by its sizes.
//!
//! Bytes are those of distinct words: what is read and what is left, each once. Instructions are those of PTX
//! that lanes execute. `tests/cuda/tests/roofline.rs` compares all three with what the interpreter counts in
//! whole proofs.

use super::Work;
use crate::backend::{BLOCK, Pass, Subtrees, coefficients_grid, window};
use crate::launch::Grid;

/// Bytes of a word, of a secure value, of a hash and of an address.
const WORD: u64 = 4;
const SECURE: u64 = 16;
const HASH: u64 = 32;
const ADDRESS: u64 = 8;

fn threads(grid: Grid) -> u64 {
    u64::from(grid.blocks.0) * u64::from(grid.blocks.1) * u64::from(grid.threads)
}

/// Threads of a one-dimensional launch over `n` elements: each takes some instructions to begin.
fn linear(n: u64) -> u64 {
    threads(Grid::linear(n as usize))
}

/// Words of twiddles that the layers from `first` on read: layer 0 shares those of layer 1.
fn twiddles(log: u32, first: u32, layers: u32) -> u64 {
    (first.max(1)..first + layers)
        .map(|layer| 1 << (log - 1 - layer))
        .sum()
}

/// Instructions of a transform, by what they are for.
struct Transform {
    kernel: &'static str,
    /// A value, read and written.
    value: u64,
    /// Four values in two layers, and what the circle layer takes more.
    two_layers: u64,
    circle: u64,
    /// Two values in the last layer of an odd number.
    one_layer: u64,
    /// What a thread takes before its values in two layers and in one, and once.
    step: u64,
    last: u64,
    thread: u64,
}

impl Transform {
    /// One pass over `columns` columns of 2^log values.
    fn instructions(&self, pass: &Pass, columns: u64, log: u32) -> u64 {
        let values = columns << log;
        let threads = threads(pass.grid(log, columns as usize));
        let (steps, last) = (u64::from(pass.layers / 2), u64::from(pass.layers % 2));
        let circle = if pass.first == 0 { self.circle } else { 0 };
        values * self.value
            + values / 4 * (steps * self.two_layers + circle)
            + values / 2 * last * self.one_layer
            + threads * (steps * self.step + last * self.last + self.thread)
    }
}

const INVERSE: Transform = Transform {
    kernel: "circle_ifft_pass",
    value: 27,
    two_layers: 81,
    circle: 13,
    one_layer: 38,
    step: 32,
    last: 23,
    thread: 36,
};
/// Instructions of the division of a value in the last pass.
const DIVISION: u64 = 9;

const FORWARD: Transform = Transform {
    kernel: "circle_fft_pass",
    value: 34,
    two_layers: 81,
    circle: 13,
    one_layer: 39,
    step: 30,
    last: 24,
    thread: 45,
};
/// Instructions that a value beyond the input saves, for it is not read.
const NOT_READ: u64 = 3;

/// The interpolation of columns of 2^log values in place.
pub(super) fn interpolate(columns: u64, log: u32) -> Work {
    let values = columns << log;
    let mut work = Work::new(INVERSE.kernel);
    for pass in Pass::plan(log) {
        let last = pass.first + pass.layers == log;
        work.add(
            WORD * (values + twiddles(log, pass.first, pass.layers)) + ADDRESS * columns,
            WORD * values,
            INVERSE.instructions(&pass, columns, log) + if last { DIVISION * values } else { 0 },
        );
    }
    work
}

/// The evaluation of columns of 2^log_in coefficients at 2^log points.
pub(super) fn evaluate(columns: u64, log_in: u32, log: u32) -> Work {
    let values = columns << log;
    let mut work = Work::new(FORWARD.kernel);
    for (done, pass) in Pass::plan(log).into_iter().rev().enumerate() {
        // The first pass reads the coefficients, from buffers of their own.
        let (input, lists) = if done == 0 {
            (columns << log_in, 2)
        } else {
            (values, 1)
        };
        work.add(
            WORD * (input + twiddles(log, pass.first, pass.layers)) + lists * ADDRESS * columns,
            WORD * values,
            FORWARD.instructions(&pass, columns, log) - NOT_READ * (values - input),
        );
    }
    work
}

/// The 2^log leaves of a tree over columns of that length.
pub(super) fn leaves(columns: u64, log: u32) -> Work {
    let leaves = 1u64 << log;
    let blocks = columns.div_ceil(BLOCK as u64).max(1);
    let mut work = Work::new("merkle_leaves");
    work.add(
        columns * (WORD * leaves + ADDRESS + WORD),
        HASH * leaves,
        leaves * (65 + 1212 * blocks + 12 * columns) + 11 * linear(leaves),
    );
    work
}

/// The nodes above 2^log leaves.
pub(super) fn nodes(log: u32) -> Work {
    let mut work = Work::new("merkle_subtree");
    for subtrees in Subtrees::plan(log) {
        let nodes = subtrees.nodes() as u64;
        work.add(
            HASH << (subtrees.log_parents + 1),
            HASH * nodes,
            1212 * nodes + threads(subtrees.grid()) * (15 * u64::from(subtrees.levels) + 29),
        );
    }
    work
}

/// Four secure values to a row of 16 columns, 2^log rows.
pub(super) fn pack(log: u32) -> Work {
    let rows = 1u64 << log;
    let mut work = Work::new("pack_leaves");
    work.add(
        4 * SECURE * rows + 20 * ADDRESS,
        4 * SECURE * rows,
        160 * rows + 10 * threads(Grid::rows(rows as usize, 4)),
    );
    work
}

/// The constraints of `columns` columns, each beyond the second the sum of the squares of the two before it, on
/// 2^log rows of which 2^trace_log are the trace's.
pub(super) fn constraints(columns: u64, trace_log: u32, log: u32) -> Work {
    let (rows, constraints) = (1u64 << log, columns - 2);
    let mut work = Work::new("constraints");
    work.add(
        rows * (WORD * columns + SECURE)
            + columns * ADDRESS
            + constraints * SECURE
            + (WORD << (log - trace_log)),
        rows * SECURE,
        rows * (114 + 62 * constraints),
    );
    work
}

/// A table of 2^log entries of the basis at a point out of the domain.
pub(super) fn basis(log: u32) -> Work {
    let entries = 1u64 << log;
    let mut work = Work::new("fft_basis");
    work.add(
        SECURE * u64::from(log),
        SECURE * entries,
        entries * (39 + 96 * u64::from(log)) + 11 * linear(entries),
    );
    work
}

/// The value of 2^log coefficients at a point.
pub(super) fn value(log: u32) -> Work {
    let (grid, log_low) = coefficients_grid(log);
    let (low, high) = (1u64 << log_low, 1u64 << (log - log_low));
    let mut work = Work::new("evaluate_coefficients");
    work.add(
        (WORD << log) + SECURE * (low + high) + ADDRESS,
        SECURE * u64::from(grid.blocks.0),
        (54 << log)
            + 160 * high * u64::from(grid.threads)
            + 161 * threads(grid)
            + 2763 * u64::from(grid.blocks.0),
    );
    work
}

/// The numerators of quotients of `columns` columns at one point, 2^log rows.
pub(super) fn numerators(columns: u64, log: u32) -> Work {
    let rows = 1u64 << log;
    let mut work = Work::new("quotient_numerators");
    work.add(
        columns * (WORD * rows + ADDRESS + SECURE),
        SECURE * rows,
        rows * (66 + 53 * columns),
    );
    work
}

/// The quotients at one point, 2^log rows.
pub(super) fn quotients(log: u32) -> Work {
    let rows = 1u64 << log;
    let mut work = Work::new("combine_quotients");
    work.add(
        SECURE * rows + 4 * ADDRESS + 13 * WORD + 2 * WORD * u64::from(log - 1),
        SECURE * rows,
        rows * (625 + 61 * u64::from(log) / 2),
    );
    work
}

/// The fold of 2^log secure values on the circle to half as many on a line.
pub(super) fn fold_circle(log: u32) -> Work {
    let outputs = 1u64 << (log - 1);
    let mut work = Work::new("fold_circle");
    let twiddles = if log > 2 { outputs / 2 } else { 0 };
    work.add(
        2 * SECURE * outputs + WORD * twiddles,
        SECURE * outputs,
        340 * outputs,
    );
    work
}

/// `step` (1 to 3) folds of 2^log secure values on a line.
pub(super) fn fold_lines(step: u32, log: u32) -> Work {
    let outputs = 1u64 << (log - step);
    let (kernel, instructions) = match step {
        1 => ("fold_lines_1", 306),
        2 => ("fold_lines_2", 960),
        _ => ("fold_lines_3", 2084),
    };
    let twiddles: u64 = (0..step).map(|fold| 1 << (log - 1 - fold)).sum();
    let mut work = Work::new(kernel);
    work.add(
        (SECURE << log) + WORD * twiddles,
        SECURE * outputs,
        instructions * outputs + 12 * linear(outputs),
    );
    work
}

/// A window of nonces of a proof of work. Most likely a second one is not needed.
pub(super) fn grind(bits: u32) -> Work {
    let mut work = Work::new("grind");
    work.add(HASH, ADDRESS, 1912 * window(bits));
    work
}
