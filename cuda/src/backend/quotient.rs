//! FRI quotients: numerators per sample point, denominators, and their extension to the domain.

use std::sync::Arc;

use stwo::core::constraints::complex_conjugate_line_coeffs;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::pcs::quotients::{ColumnSampleBatch, PointSample};
use stwo::core::poly::circle::CanonicCoset;
use stwo::prover::QuotientOps;
use stwo::prover::pcs::quotient_ops::AccumulatedNumerators;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{CircleEvaluation, SecureEvaluation};
use stwo::prover::poly::twiddles::{TwiddleBuffer, TwiddleTree};

use super::poly::{evaluate_columns, interpolate_in_place};
use super::{CudaBackend, Openings, coset_steps, planes_mut, qm31};
use crate::column::SecureColumn;
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

type Evaluation = CircleEvaluation<CudaBackend, BaseField, BitReversedOrder>;

/// The numerators of one sample point over the first `rows` rows.
fn numerators(
    columns: &[&Evaluation],
    batch: &ColumnSampleBatch,
    rows: usize,
) -> Result<AccumulatedNumerators<CudaBackend>, CudaError> {
    let context = Arc::clone(columns[0].values.context());
    let lines: Vec<_> = batch
        .cols_vals_randpows
        .iter()
        .map(|term| {
            let sample = PointSample {
                point: batch.point,
                value: term.sample_value,
            };
            complex_conjugate_line_coeffs(&sample, term.random_coeff)
        })
        .collect();
    let first_linear_term_acc: SecureField = lines.iter().map(|(a, ..)| *a).sum();
    let constant: SecureField = lines.iter().map(|(_, b, _)| *b).sum();
    let coefficients: Vec<u32> = lines.iter().flat_map(|(.., c)| qm31(*c).0).collect();

    let coefficients = Words::list(&context, coefficients)?;
    let pointers = Pointers::new(
        &context,
        batch
            .cols_vals_randpows
            .iter()
            .map(|term| columns[term.column_index].values.words()),
    )?;
    let mut out = SecureColumn::allocate(&context, rows)?;
    let [o0, o1, o2, o3] = planes_mut(&mut out.planes)?;
    launch::quotient_numerators(
        &context,
        Grid::linear(rows),
        pointers.ptr(),
        coefficients.ptr(),
        lines.len() as u32,
        qm31(constant),
        rows as u64,
        o0,
        o1,
        o2,
        o3,
    )?;
    Ok(AccumulatedNumerators {
        sample_point: batch.point,
        partial_numerators_acc: out.into(),
        first_linear_term_acc,
    })
}

fn combine(
    accumulations: &[AccumulatedNumerators<CudaBackend>],
    lifting_log: u32,
    log_blowup: u32,
    tree: &TwiddleTree<CudaBackend>,
) -> Result<SecureEvaluation<CudaBackend, BitReversedOrder>, CudaError> {
    let context = CudaContext::current()?;
    let domain = CanonicCoset::new(lifting_log).circle_domain();
    let (subdomain, _) = domain.split(log_blowup);
    let log = subdomain.log_size();

    let samples: Vec<u32> = accumulations
        .iter()
        .flat_map(|accumulation| {
            let point = accumulation.sample_point;
            let words = [point.x, point.y, accumulation.first_linear_term_acc].map(|v| qm31(v).0);
            let rows = accumulation.partial_numerators_acc.len();
            words.into_iter().flatten().chain([rows.ilog2()])
        })
        .collect();
    let samples = Words::list(&context, samples)?;
    let pointers = Pointers::new(
        &context,
        accumulations
            .iter()
            .flat_map(|accumulation| &accumulation.partial_numerators_acc.columns)
            .map(|plane| plane.words()),
    )?;
    let (initial, steps) = coset_steps(&context, subdomain.half_coset)?;
    let mut quotients = SecureColumn::allocate(&context, 1 << log)?;
    let [o0, o1, o2, o3] = planes_mut(&mut quotients.planes)?;
    launch::combine_quotients(
        &context,
        Grid::linear(1 << log),
        pointers.ptr(),
        samples.ptr(),
        accumulations.len() as u32,
        initial,
        steps.ptr(),
        log,
        o0,
        o1,
        o2,
        o3,
    )?;

    let inverse = tree.itwiddles.extract_subdomain_twiddles(lifting_log, log);
    let planes = quotients.planes.each_mut().map(|plane| plane.words_mut());
    interpolate_in_place(&context, planes.into(), subdomain, &inverse)?;
    let mut out = SecureColumn::allocate(&context, domain.size())?;
    let inputs = quotients.planes.each_ref().map(|plane| plane.words());
    let outputs = out.planes.each_mut().map(|plane| plane.words_mut());
    evaluate_columns(&context, &inputs, outputs.into(), domain, &tree.twiddles)?;
    Openings::note_columns(&context, &out.planes);
    Ok(SecureEvaluation::new(domain, out.into()))
}

impl QuotientOps for CudaBackend {
    fn accumulate_numerators(
        columns: &[&Evaluation],
        sample_batches: &[ColumnSampleBatch],
        accumulated: &mut Vec<AccumulatedNumerators<Self>>,
        log_blowup_factor: u32,
    ) {
        let rows = columns[0].values.len() >> log_blowup_factor;
        for batch in sample_batches {
            accumulated.push(numerators(columns, batch, rows).or_raise());
        }
    }

    fn compute_quotients_and_combine(
        accumulations: Vec<AccumulatedNumerators<Self>>,
        lifting_log_size: u32,
        log_blowup_factor: u32,
        tree: &TwiddleTree<Self>,
    ) -> SecureEvaluation<Self, BitReversedOrder> {
        combine(&accumulations, lifting_log_size, log_blowup_factor, tree).or_raise()
    }
}
