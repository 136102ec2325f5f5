//! FRI folding.

use std::sync::Arc;

use stwo::core::circle::Coset;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::poly::line::LineDomain;
use stwo::prover::fri::FriOps;
use stwo::prover::line::LineEvaluation;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::SecureEvaluation;
use stwo::prover::poly::twiddles::TwiddleTree;

use super::{CudaBackend, Openings, out_of_domain, planes, planes_mut, qm31, twiddles};
use crate::column::SecureColumn;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};

type Line = LineEvaluation<CudaBackend>;
type Circle = SecureEvaluation<CudaBackend, BitReversedOrder>;

/// Most folds of one launch.
pub(crate) const MAX_STEP: u32 = 3;

/// Folds by 2^step, at most 2^MAX_STEP; `step` >= 1.
fn fold_lines(
    eval: &Line,
    alpha: SecureField,
    tree: &TwiddleTree<CudaBackend>,
    step: u32,
) -> Result<Line, CudaError> {
    let log = eval.domain().log_size();
    assert!(step <= log, "a line of 2^{log} values folds {log} times");
    let context = Arc::clone(eval.values.columns[0].context());
    let mut out = SecureColumn::allocate(&context, 1 << (log - step))?;
    let [i0, i1, i2, i3] = planes(&eval.values.columns);
    let [o0, o1, o2, o3] = planes_mut(&mut out.planes)?;
    let kernel = match step {
        1 => launch::fold_lines_1,
        2 => launch::fold_lines_2,
        _ => launch::fold_lines_3,
    };
    let grid = Grid::linear(1 << (log - step));
    let end = tree.itwiddles.end();
    kernel(
        &context,
        grid,
        i0,
        i1,
        i2,
        i3,
        o0,
        o1,
        o2,
        o3,
        qm31(alpha),
        end,
        log,
    )?;
    let domain = (0..step).fold(eval.domain(), |domain, _| domain.double());
    Ok(Line::new(domain, out.into()))
}

fn fold_line(
    eval: &Line,
    alpha: SecureField,
    tree: &TwiddleTree<CudaBackend>,
    fold_step: u32,
) -> Result<Line, CudaError> {
    let mut line = fold_lines(eval, alpha, tree, fold_step.min(MAX_STEP))?;
    let (mut done, mut alpha) = (0, alpha);
    loop {
        let step = (fold_step - done).min(MAX_STEP);
        done += step;
        if done == fold_step {
            return Ok(line);
        }
        for _ in 0..step {
            alpha = alpha * alpha;
        }
        line = fold_lines(&line, alpha, tree, (fold_step - done).min(MAX_STEP))?;
    }
}

fn fold_circle(
    src: &Circle,
    alpha: SecureField,
    tree: &TwiddleTree<CudaBackend>,
) -> Result<Line, CudaError> {
    let log = src.domain.log_size();
    let context = Arc::clone(src.values.columns[0].context());
    let mut out = SecureColumn::allocate(&context, 1 << (log - 1))?;
    let [i0, i1, i2, i3] = planes(&src.values.columns);
    let [o0, o1, o2, o3] = planes_mut(&mut out.planes)?;
    launch::fold_circle(
        &context,
        Grid::linear(1 << (log - 1)),
        i0,
        i1,
        i2,
        i3,
        o0,
        o1,
        o2,
        o3,
        qm31(alpha),
        tree.itwiddles.end(),
        twiddles::small_inverse_y(src.domain),
        log,
    )?;
    Ok(Line::new(
        LineDomain::new(Coset::half_odds(log - 1)),
        out.into(),
    ))
}

fn decompose(eval: &Circle) -> Result<(Circle, SecureField), CudaError> {
    let n = eval.domain.size();
    let lambda =
        out_of_domain::sum(&eval.values.columns, true)? / SecureField::from(BaseField::from(n));
    let context = Arc::clone(eval.values.columns[0].context());
    let mut out = SecureColumn::allocate(&context, n)?;
    let [i0, i1, i2, i3] = planes(&eval.values.columns);
    let [o0, o1, o2, o3] = planes_mut(&mut out.planes)?;
    launch::decompose(
        &context,
        Grid::linear(n),
        i0,
        i1,
        i2,
        i3,
        o0,
        o1,
        o2,
        o3,
        qm31(lambda),
        n as u64,
    )?;
    Ok((Circle::new(eval.domain, out.into()), lambda))
}

/// A layer of FRI, which the proof opens.
fn noted(line: Line) -> Line {
    let columns = &line.values.columns;
    Openings::note_columns(columns[0].context(), columns);
    line
}

impl FriOps for CudaBackend {
    fn fold_line(
        eval: &Line,
        alpha: SecureField,
        tree: &TwiddleTree<Self>,
        fold_step: u32,
    ) -> Line {
        assert!(fold_step >= 1, "a fold halves the line at least once");
        noted(fold_line(eval, alpha, tree, fold_step).or_raise())
    }

    fn fold_circle_into_line(src: &Circle, alpha: SecureField, tree: &TwiddleTree<Self>) -> Line {
        noted(fold_circle(src, alpha, tree).or_raise())
    }

    fn decompose(eval: &Circle) -> (Circle, SecureField) {
        decompose(eval).or_raise()
    }
}
