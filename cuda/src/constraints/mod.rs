//! Constraints of any component of stwo's framework on the device.
//!
//! A component's constraints are a generic function of the host, which no kernel can call. So
//! [`record`] runs it once on symbols, which leaves a graph of field operations; [`source`] writes
//! that as CUDA C; a [`Compiler`] makes PTX of it; and the kernel runs over all rows. Values that
//! differ from proof to proof (lookup elements, claimed sums) are parameters of the kernel, so a
//! component is compiled once.

mod compile;
mod graph;
mod record;
mod source;

use std::sync::Arc;

use cudarc::driver::PushKernelArg;
use stwo::core::air::Component;
use stwo::core::constraints::coset_vanishing;
use stwo::core::fields::m31::BaseField;
use stwo::core::pcs::TreeVec;
use stwo::core::poly::circle::{CanonicCoset, CircleDomain};
use stwo::core::utils::bit_reverse;
use stwo::prover::poly::circle::PolyOps;
use stwo::prover::secure_column::SecureColumnByCoords;
use stwo::prover::{ComponentProver, DomainEvaluationAccumulator, EvaluationMode, Poly, Trace};
use stwo_constraint_framework::{FrameworkComponent, FrameworkEval, PREPROCESSED_TRACE_IDX};

use crate::backend::{CudaBackend, evaluate_columns, planes_mut, qm31};
use crate::column::BaseColumn;
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::Grid;
use crate::memory::{Pointers, Words};

pub use compile::{Compiler, Nvrtc};
pub use graph::Graph;
pub use record::record;
pub use source::source;

impl<E: FrameworkEval + Sync> ComponentProver<CudaBackend> for FrameworkComponent<E> {
    fn evaluate_constraint_quotients_on_domain(
        &self,
        trace: &Trace<'_, CudaBackend>,
        accumulator: &mut DomainEvaluationAccumulator<CudaBackend>,
    ) {
        if self.n_constraints() == 0 {
            return;
        }
        if self.is_disabled() {
            accumulator.skip_coeffs(self.n_constraints());
            return;
        }
        evaluate(self, trace, accumulator).or_raise();
    }
}

fn evaluate<E: FrameworkEval>(
    component: &FrameworkComponent<E>,
    trace: &Trace<'_, CudaBackend>,
    accumulator: &mut DomainEvaluationAccumulator<CudaBackend>,
) -> Result<(), CudaError> {
    let context = CudaContext::current()?;
    let trace_log = FrameworkEval::log_size(&**component);
    let bound = Component::max_constraint_log_degree_bound(component);
    let mode = accumulator.evaluation_mode();
    let domain = match mode {
        EvaluationMode::SubDomain { log_expansion } => {
            let committed = CanonicCoset::new(bound + log_expansion).circle_domain();
            committed.split(log_expansion).0
        }
        EvaluationMode::ExtendToEvalDomain => CanonicCoset::new(bound).circle_domain(),
    };
    let log = domain.log_size();

    let mut polys = trace.polys.sub_tree(component.trace_locations());
    polys[PREPROCESSED_TRACE_IDX] = component
        .preprocessed_column_indices()
        .iter()
        .map(|&index| &trace.polys[PREPROCESSED_TRACE_IDX][index])
        .collect();
    let graph = record(&**component, component.claimed_sum())?;
    let refused = match mode {
        _ if log > trace_log => None,
        _ if log < trace_log => Some("a degree bound below that of the trace"),
        EvaluationMode::ExtendToEvalDomain => Some("quotients on the domain of the trace"),
        EvaluationMode::SubDomain { .. } => graph
            .reads_other_rows()
            .then_some("neighbouring rows where the degree bound is the trace's"),
    };
    if let Some(reason) = refused {
        return Err(unsupported(reason.to_owned()));
    }

    let [mut accumulated] = accumulator.columns([(log, component.n_constraints())]);
    assert_eq!(graph.constraints.len(), component.n_constraints());
    accumulated.random_coeff_powers.reverse();
    let vanishing = |row| coset_vanishing(CanonicCoset::new(trace_log).coset(), domain.at(row));
    let mut denominators: Vec<BaseField> = (0..1 << (log - trace_log))
        .map(|row| vanishing(row).inverse())
        .collect();
    bit_reverse(&mut denominators);

    let extended;
    let columns: Vec<&Words> = match mode {
        EvaluationMode::SubDomain { .. } => graph
            .columns
            .iter()
            .map(|&(tree, column)| polys[tree][column].evals.values.words())
            .collect(),
        EvaluationMode::ExtendToEvalDomain => {
            extended = extend(&context, &graph, &polys, domain)?;
            extended.iter().map(BaseColumn::words).collect()
        }
    };
    // The kernel reads this many rows of every column: beyond a shorter one lies other memory.
    if let Some(short) = columns.iter().find(|words| words.len() < domain.size()) {
        let (rows, needed) = (short.len(), domain.size());
        return Err(unsupported(format!(
            "a column of {rows} rows where {needed} are read"
        )));
    }
    let inputs = Inputs {
        columns: Pointers::new(&context, columns)?,
        parameters: secure_words(&context, &graph.parameters)?,
        powers: secure_words(&context, &accumulated.random_coeff_powers)?,
        denominators: Words::list(&context, denominators.iter().map(|value| value.0).collect())?,
    };
    inputs.run(&context, &graph, trace_log, log, accumulated.col)
}

fn unsupported(reason: String) -> CudaError {
    CudaError::Unsupported {
        operation: "evaluating constraints",
        reason,
    }
}

/// The component's columns, evaluated over a domain that was not committed.
fn extend(
    context: &Arc<CudaContext>,
    graph: &Graph,
    polys: &TreeVec<Vec<&&Poly<CudaBackend>>>,
    domain: CircleDomain,
) -> Result<Vec<BaseColumn>, CudaError> {
    let tree = CudaBackend::precompute_twiddles(domain.half_coset);
    let mut outputs = Vec::with_capacity(graph.columns.len());
    for _ in &graph.columns {
        outputs.push(BaseColumn::allocate(context, domain.size())?);
    }
    let coefficients = graph
        .columns
        .iter()
        .map(|&(tree, column)| {
            let stored = polys[tree][column].coeffs.as_ref();
            stored
                .map(|poly| poly.coeffs.words())
                .ok_or_else(|| CudaError::Unsupported {
                    operation: "evaluating constraints beyond the committed domain",
                    reason: "columns without coefficients: call \
                             set_store_polynomials_coefficients before committing"
                        .to_owned(),
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (input, output) in coefficients.into_iter().zip(&mut outputs) {
        if input.len() > domain.size() {
            let (rows, points) = (input.len(), domain.size());
            return Err(unsupported(format!(
                "a column of {rows} rows over {points} points"
            )));
        }
        // One launch per column, for columns of a component may differ in length.
        let output = vec![output.words_mut()];
        evaluate_columns(context, &[input], output, domain, &tree.twiddles)?;
    }
    Ok(outputs)
}

fn secure_words(
    context: &Arc<CudaContext>,
    values: &[stwo::core::fields::qm31::SecureField],
) -> Result<Words, CudaError> {
    let words: Vec<u32> = values.iter().flat_map(|&value| qm31(value).0).collect();
    Words::list(context, words)
}

/// What a kernel of constraints reads.
struct Inputs<'a> {
    columns: Pointers<'a>,
    parameters: Words,
    powers: Words,
    denominators: Words,
}

impl Inputs<'_> {
    fn run(
        &self,
        context: &Arc<CudaContext>,
        graph: &Graph,
        trace_log: u32,
        log: u32,
        out: &mut SecureColumnByCoords<CudaBackend>,
    ) -> Result<(), CudaError> {
        let columns = self.columns.ptr();
        let (parameters, powers) = (self.parameters.ptr(), self.powers.ptr());
        let denominators = self.denominators.ptr();
        for part in graph.parts() {
            let text = source(graph, part);
            let function = context.compiled(&text, source::KERNEL)?;
            let [o0, o1, o2, o3] = planes_mut(&mut out.columns)?;
            context.launch(
                source::KERNEL,
                &function,
                Grid::linear(1 << log),
                |arguments| {
                    // The order of the parameters in `source`.
                    arguments.arg(&columns).arg(&parameters).arg(&powers);
                    arguments.arg(&denominators).arg(&trace_log).arg(&log);
                    arguments.arg(&o0).arg(&o1).arg(&o2).arg(&o3);
                },
            )?;
        }
        Ok(())
    }
}
