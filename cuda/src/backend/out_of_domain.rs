//! Values of polynomials at points of the circle over the secure field.

use std::sync::{Arc, Mutex, PoisonError};

use stwo::core::circle::CirclePoint;
use stwo::core::constraints::coset_vanishing;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::poly::utils::get_folding_alphas;
use stwo::prover::backend::Column;
use stwo::prover::fri::FriOps;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{CircleEvaluation, SecureEvaluation};
use stwo::prover::poly::twiddles::TwiddleTree;
use stwo::prover::secure_column::SecureColumnByCoords;

use super::{CudaBackend, coset_steps, planes, planes_mut, qm31, sum_partials};
use crate::column::{BaseColumn, SecureColumn};
use crate::context::CudaContext;
use crate::error::CudaError;
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

/// Entries of the low table of the FFT basis, log 2: its words stay in cache.
const LOG_LOW: u32 = 12;
/// Most blocks, so partial sums, of a sum over a column.
const MAX_BLOCKS: u32 = 256;

/// The FFT basis at a point: basis element i is low[i mod 2^log_low] high[i >> log_low].
pub(crate) struct FftBasis {
    point: CirclePoint<SecureField>,
    log: u32,
    log_low: u32,
    low: Words,
    high: Words,
}

impl FftBasis {
    fn new(
        context: &Arc<CudaContext>,
        point: CirclePoint<SecureField>,
        log: u32,
    ) -> Result<Self, CudaError> {
        // y, x, 2x^2 - 1, ...: the factors of bits 0, 1, 2, ...
        let mut factors = vec![point.y];
        let mut x = point.x;
        for _ in 1..log {
            factors.push(x);
            x = CirclePoint::double_x(x);
        }
        let log_low = coefficients_grid(log).1;
        let (low, high) = factors.split_at(log_low as usize);
        Ok(Self {
            point,
            log,
            log_low,
            low: Self::table(context, low)?,
            high: Self::table(context, high)?,
        })
    }

    fn table(context: &Arc<CudaContext>, factors: &[SecureField]) -> Result<Words, CudaError> {
        let words: Vec<u32> = factors.iter().flat_map(|&factor| qm31(factor).0).collect();
        let factors_words = Words::list(context, words)?;
        let mut table = Words::uninitialized(context, 4 << factors.len())?;
        launch::fft_basis(
            context,
            Grid::linear(1 << factors.len()),
            factors_words.ptr(),
            factors.len() as u32,
            table.ptr_mut()?,
        )?;
        Ok(table)
    }

    /// The basis at `point`, from the few that the context keeps or computed now.
    fn cached(
        context: &Arc<CudaContext>,
        point: CirclePoint<SecureField>,
        log: u32,
    ) -> Result<Arc<Self>, CudaError> {
        let kept: &Mutex<Vec<Arc<Self>>> = context.bases();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept
            .iter()
            .find(|basis| basis.log == log && basis.point == point);
        if let Some(basis) = found {
            return Ok(Arc::clone(basis));
        }
        let basis = Arc::new(Self::new(context, point, log)?);
        if kept.len() == 8 {
            kept.remove(0);
        }
        kept.push(Arc::clone(&basis));
        Ok(basis)
    }
}

/// The launch that evaluates 2^log coefficients, and log 2 of the basis' low table.
pub(crate) fn coefficients_grid(log: u32) -> (Grid, u32) {
    let log_low = log.min(LOG_LOW);
    let grid = Grid {
        blocks: ((1 << (log - log_low)).min(MAX_BLOCKS), 1),
        threads: (1u32 << log_low).clamp(32, Grid::THREADS),
        shared_bytes: 0,
    };
    (grid, log_low)
}

/// The value at `point` of the polynomial with these coefficients.
pub(super) fn at_point(
    coefficients: &BaseColumn,
    point: CirclePoint<SecureField>,
) -> Result<SecureField, CudaError> {
    if coefficients.len() == 1 {
        return Ok(coefficients.at(0).into());
    }
    let context = coefficients.context();
    let log = coefficients.len().ilog2();
    let basis = FftBasis::cached(context, point, log)?;
    let (grid, log_low) = coefficients_grid(log);
    debug_assert_eq!(log_low, basis.log_low);
    let columns = Pointers::new(context, [coefficients.words()])?;
    let mut partial = Words::uninitialized(context, 4 * grid.blocks.0 as usize)?;
    launch::evaluate_coefficients(
        context,
        grid,
        columns.ptr(),
        basis.low.ptr(),
        basis.high.ptr(),
        basis.log_low,
        log,
        partial.ptr_mut()?,
    )?;
    Ok(sum_partials(&partial.download()?))
}

/// Weights of barycentric interpolation at `p` over the canonic domain.
pub(super) fn barycentric_weights(
    coset: CanonicCoset,
    p: CirclePoint<SecureField>,
) -> Result<SecureColumn, CudaError> {
    let context = CudaContext::current()?;
    let domain = coset.circle_domain();
    let log = domain.log_size();
    let vanishing = coset_vanishing(CanonicCoset::new(log).coset, p);
    let (initial, steps) = coset_steps(&context, domain.half_coset)?;
    let mut weights = SecureColumn::allocate(&context, domain.size())?;
    let [w0, w1, w2, w3] = planes_mut(&mut weights.planes)?;
    launch::barycentric_weights(
        &context,
        Grid::linear(domain.size()),
        qm31(p.x),
        qm31(p.y),
        qm31(vanishing),
        initial,
        steps.ptr(),
        log,
        w0,
        w1,
        w2,
        w3,
    )?;
    Ok(weights)
}

/// The sum of weights times values.
pub(super) fn barycentric_sum(
    values: &BaseColumn,
    weights: &SecureColumn,
) -> Result<SecureField, CudaError> {
    assert_eq!(values.len(), weights.len());
    let context = values.context();
    let grid = sum_grid(values.len());
    let columns = Pointers::new(context, [values.words()])?;
    let mut partial = Words::uninitialized(context, 4 * grid.blocks.0 as usize)?;
    let [w0, w1, w2, w3] = planes(&weights.planes);
    launch::barycentric_sum(
        context,
        grid,
        columns.ptr(),
        w0,
        w1,
        w2,
        w3,
        values.len() as u64,
        partial.ptr_mut()?,
    )?;
    Ok(sum_partials(&partial.download()?))
}

/// The sum of the elements of a secure column, of the second half negated with `alternate`.
pub(super) fn sum(columns: &super::Planes, alternate: bool) -> Result<SecureField, CudaError> {
    let context = columns[0].context();
    let n = columns[0].len();
    let grid = sum_grid(n);
    let mut partial = Words::uninitialized(context, 4 * grid.blocks.0 as usize)?;
    let [x0, x1, x2, x3] = planes(columns);
    launch::secure_sum(
        context,
        grid,
        x0,
        x1,
        x2,
        x3,
        n as u64,
        u32::from(alternate),
        partial.ptr_mut()?,
    )?;
    Ok(sum_partials(&partial.download()?))
}

fn sum_grid(n: usize) -> Grid {
    let mut grid = Grid::linear(n);
    grid.blocks.0 = grid.blocks.0.min(MAX_BLOCKS);
    grid
}

/// The value at `point` by folding the evaluations down to one.
pub(super) fn by_folding(
    evals: &CircleEvaluation<CudaBackend, BaseField, BitReversedOrder>,
    point: CirclePoint<SecureField>,
    tree: &TwiddleTree<CudaBackend>,
) -> SecureField {
    let log = evals.domain.log_size();
    let mut alphas = get_folding_alphas(point, log as usize);
    let mut next = || alphas.pop().expect("one alpha per layer");
    let values = SecureColumnByCoords::from_base_field_col(&evals.values);
    let mut line = CudaBackend::fold_circle_into_line(
        &SecureEvaluation::<CudaBackend, BitReversedOrder>::new(evals.domain, values),
        next(),
        tree,
    );
    while line.len() > 1 {
        line = CudaBackend::fold_line(&line, next(), tree, 1);
    }
    line.values.at(0) / SecureField::from(BaseField::from(evals.domain.size()))
}
