//! Circle polynomials: interpolation and evaluation, many columns of a size per launch.

use std::collections::BTreeMap;
use std::sync::Arc;

use stwo::core::ColumnVec;
use stwo::core::circle::{CirclePoint, Coset};
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::poly::circle::{CanonicCoset, CircleDomain};
use stwo::prover::Poly;
use stwo::prover::backend::{Backend, Column};
use stwo::prover::mempool::BaseColumnPool;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{CircleCoefficients, CircleEvaluation, PolyOps};
use stwo::prover::poly::twiddles::TwiddleTree;

use super::{CudaBackend, Openings, Twiddles, doubled, out_of_domain, twiddles};
use crate::column::{BaseColumn, SecureColumn};
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

type Evaluation = CircleEvaluation<CudaBackend, BaseField, BitReversedOrder>;
type Coefficients = CircleCoefficients<CudaBackend>;

/// Layers of the pass over consecutive values: 16 KiB of shared memory.
const FIRST_LAYERS: u32 = 12;
/// Layers of the other passes, over rows of 2^INNER consecutive values: 32 KiB of shared memory.
const MORE_LAYERS: u32 = 10;
const INNER: u32 = 3;

/// A pass over the layers `first .. first + layers`, rows of 2^inner consecutive values.
pub(crate) struct Pass {
    pub(crate) first: u32,
    pub(crate) layers: u32,
    pub(crate) inner: u32,
}

impl Pass {
    /// The passes of a transform of 2^log values, from the circle layer on.
    pub(crate) fn plan(log: u32) -> Vec<Self> {
        let mut passes = vec![Self {
            first: 0,
            layers: log.min(FIRST_LAYERS),
            inner: 0,
        }];
        let mut first = FIRST_LAYERS;
        while first < log {
            let layers = (log - first).min(MORE_LAYERS);
            passes.push(Self {
                first,
                layers,
                inner: INNER,
            });
            first += layers;
        }
        passes
    }

    pub(crate) fn grid(&self, log: u32, columns: usize) -> Grid {
        let tile = 1u32 << (self.layers + self.inner);
        Grid {
            blocks: (1 << (log - self.layers - self.inner), columns as u32),
            // A thread takes four values at a time.
            threads: (tile / 4).clamp(32, 512),
            shared_bytes: 4 * tile,
        }
    }
}

/// Most columns of a launch: the limit of a grid's second dimension.
pub(crate) const MAX_COLUMNS: usize = 65535;

/// Interpolates columns over `domain` in place.
pub(crate) fn interpolate_in_place(
    context: &Arc<CudaContext>,
    mut columns: Vec<&mut Words>,
    domain: CircleDomain,
    inverse_twiddles: &Twiddles,
) -> Result<(), CudaError> {
    let log = domain.log_size();
    let scale = doubled(BaseField::from(domain.size()).inverse());
    for columns in columns.chunks_mut(MAX_COLUMNS) {
        let count = columns.len();
        let pointers = Pointers::new_mut(context, columns.iter_mut().map(|words| &mut **words))?;
        for pass in Pass::plan(log) {
            let last = pass.first + pass.layers == log;
            launch::circle_ifft_pass(
                context,
                pass.grid(log, count),
                pointers.ptr_mut(),
                inverse_twiddles.end(),
                log,
                pass.first,
                pass.layers,
                pass.inner,
                twiddles::small_inverse_y(domain),
                if last { scale } else { 0 },
            )?;
        }
    }
    Ok(())
}

/// Evaluates polynomials of equal size over `domain`, each into its output.
pub(crate) fn evaluate_columns(
    context: &Arc<CudaContext>,
    inputs: &[&Words],
    mut outputs: Vec<&mut Words>,
    domain: CircleDomain,
    tree: &Twiddles,
) -> Result<(), CudaError> {
    let log = domain.log_size();
    for (inputs, outputs) in inputs
        .chunks(MAX_COLUMNS)
        .zip(outputs.chunks_mut(MAX_COLUMNS))
    {
        let count = inputs.len();
        let log_in = inputs[0].len().ilog2();
        let sources = Pointers::new(context, inputs.iter().copied())?;
        let targets = Pointers::new_mut(context, outputs.iter_mut().map(|words| &mut **words))?;
        for (done, pass) in Pass::plan(log).into_iter().rev().enumerate() {
            // Only the first pass reads the coefficients; the others work in place.
            let (source, log_source) = if done == 0 {
                (sources.ptr(), log_in)
            } else {
                (targets.ptr(), log)
            };
            launch::circle_fft_pass(
                context,
                pass.grid(log, count),
                source,
                log_source,
                targets.ptr_mut(),
                tree.end(),
                log,
                pass.first,
                pass.layers,
                pass.inner,
                twiddles::small_y(domain),
            )?;
        }
    }
    Ok(())
}

fn interpolate_columns(
    mut columns: Vec<Evaluation>,
    tree: &TwiddleTree<CudaBackend>,
) -> Result<Vec<Coefficients>, CudaError> {
    let mut groups: BTreeMap<(u32, usize), (CircleDomain, Vec<&mut Words>)> = BTreeMap::new();
    for column in &mut columns {
        let domain = column.domain;
        assert!(domain.log_size() <= tree.root_coset.log_size() + 1);
        groups
            .entry((domain.log_size(), domain.half_coset.initial_index.0))
            .or_insert_with(|| (domain, Vec::new()))
            .1
            .push(column.values.words_mut());
    }
    for (domain, group) in groups.into_values() {
        let context = Arc::clone(group[0].context());
        interpolate_in_place(&context, group, domain, &tree.itwiddles)?;
    }
    Ok(columns
        .into_iter()
        .map(|column| Coefficients::new(column.values))
        .collect())
}

fn evaluate_into(
    poly: &Coefficients,
    domain: CircleDomain,
    tree: &TwiddleTree<CudaBackend>,
    mut buffer: BaseColumn,
) -> Result<Evaluation, CudaError> {
    assert!(domain.half_coset.is_doubling_of(tree.root_coset));
    assert!(
        poly.log_size() <= domain.log_size(),
        "a polynomial has no more coefficients than there are points"
    );
    assert_eq!(buffer.len(), domain.size());
    let context = Arc::clone(buffer.context());
    evaluate_columns(
        &context,
        &[poly.coeffs.words()],
        vec![buffer.words_mut()],
        domain,
        &tree.twiddles,
    )?;
    Ok(Evaluation::new(domain, buffer))
}

fn evaluate_polynomials(
    polynomials: &[Coefficients],
    log_blowup: u32,
    tree: &TwiddleTree<CudaBackend>,
    mut buffers: Vec<BaseColumn>,
) -> Result<Vec<Evaluation>, CudaError> {
    let mut groups: BTreeMap<u32, (Vec<&Words>, Vec<&mut Words>)> = BTreeMap::new();
    for (poly, buffer) in polynomials.iter().zip(&mut buffers) {
        let group = groups.entry(poly.log_size()).or_default();
        group.0.push(poly.coeffs.words());
        group.1.push(buffer.words_mut());
    }
    for (log, (inputs, outputs)) in groups {
        let domain = CanonicCoset::new(log + log_blowup).circle_domain();
        assert!(domain.half_coset.is_doubling_of(tree.root_coset));
        let context = Arc::clone(inputs[0].context());
        evaluate_columns(&context, &inputs, outputs, domain, &tree.twiddles)?;
    }
    let domain =
        |poly: &Coefficients| CanonicCoset::new(poly.log_size() + log_blowup).circle_domain();
    Ok(polynomials
        .iter()
        .zip(buffers)
        .map(|(poly, buffer)| Evaluation::new(domain(poly), buffer))
        .collect())
}

impl PolyOps for CudaBackend {
    type Twiddles = Twiddles;

    fn interpolate(eval: Evaluation, tree: &TwiddleTree<Self>) -> Coefficients {
        Self::interpolate_columns(vec![eval], tree)
            .pop()
            .expect("one column in, one out")
    }

    fn interpolate_columns(
        columns: Vec<Evaluation>,
        tree: &TwiddleTree<Self>,
    ) -> Vec<Coefficients> {
        interpolate_columns(columns, tree).or_raise()
    }

    fn eval_at_point(poly: &Coefficients, point: CirclePoint<SecureField>) -> SecureField {
        out_of_domain::at_point(&poly.coeffs, point).or_raise()
    }

    fn barycentric_weights(coset: CanonicCoset, p: CirclePoint<SecureField>) -> SecureColumn {
        out_of_domain::barycentric_weights(coset, p).or_raise()
    }

    fn barycentric_eval_at_point(evals: &Evaluation, weights: &SecureColumn) -> SecureField {
        out_of_domain::barycentric_sum(&evals.values, weights).or_raise()
    }

    fn eval_at_point_by_folding(
        evals: &Evaluation,
        point: CirclePoint<SecureField>,
        tree: &TwiddleTree<Self>,
    ) -> SecureField {
        out_of_domain::by_folding(evals, point, tree)
    }

    fn extend(poly: &Coefficients, log_size: u32) -> Coefficients {
        assert!(log_size >= poly.log_size());
        let words = Words::zeros(poly.coeffs.context(), 1 << log_size).and_then(|mut words| {
            words.copy_from(0, poly.coeffs.words())?;
            Ok(words)
        });
        Coefficients::new(BaseColumn::new(words.or_raise()))
    }

    fn evaluate(poly: &Coefficients, domain: CircleDomain, tree: &TwiddleTree<Self>) -> Evaluation {
        BaseColumn::allocate(poly.coeffs.context(), domain.size())
            .and_then(|buffer| evaluate_into(poly, domain, tree, buffer))
            .or_raise()
    }

    fn evaluate_into(
        poly: &Coefficients,
        domain: CircleDomain,
        tree: &TwiddleTree<Self>,
        buffer: BaseColumn,
    ) -> Evaluation {
        evaluate_into(poly, domain, tree, buffer).or_raise()
    }

    fn evaluate_polynomials(
        polynomials: ColumnVec<Coefficients>,
        log_blowup_factor: u32,
        tree: &TwiddleTree<Self>,
        store_polynomials_coefficients: bool,
        pool: &BaseColumnPool<Self>,
    ) -> Vec<Poly<Self>>
    where
        Self: Backend,
    {
        let buffers = polynomials
            .iter()
            .map(|poly| pool.take_or_alloc(poly.log_size() + log_blowup_factor))
            .collect();
        let evaluations =
            evaluate_polynomials(&polynomials, log_blowup_factor, tree, buffers).or_raise();
        if let Some(first) = evaluations.first() {
            let columns = evaluations.iter().map(|evals| &evals.values);
            Openings::note_columns(first.values.context(), columns);
        }
        polynomials
            .into_iter()
            .zip(evaluations)
            .map(|(poly, evals)| Poly::new(store_polynomials_coefficients.then_some(poly), evals))
            .collect()
    }

    fn precompute_twiddles(coset: Coset) -> TwiddleTree<Self> {
        twiddles::precompute(coset).or_raise()
    }

    fn split_at_mid(poly: Coefficients) -> (Coefficients, Coefficients) {
        let (left, right) = poly.coeffs.split_at_mid();
        (Coefficients::new(left), Coefficients::new(right))
    }
}
