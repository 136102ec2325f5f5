//! Proofs of several components, byte for byte those of SIMD: of different lengths, with a shared column and far
//! rows, one of them disabled.

mod proof;
mod support;

use std::sync::Arc;

use proof::clang::compiler;
use proof::prove::{Setting, Statement, commit};
use proof::statements::{Lookups, LookupsEval, WideFibonacci};
use stwo::core::air::{Component, Components};
use stwo::core::channel::{Channel, MerkleChannel};
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::pcs::CommitmentSchemeVerifier;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::vcs_lifted::blake2_merkle::{Blake2sM31MerkleChannel, Blake2sMerkleChannel};
use stwo::core::verifier::verify;
use stwo::prover::backend::BackendForChannel;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::{CommitmentSchemeProver, ComponentProver, prove};
use stwo_constraint_framework::preprocessed_columns::PreProcessedColumnId;
use stwo_constraint_framework::{
    EvalAtRow, FrameworkComponent, FrameworkEval, ORIGINAL_TRACE_IDX, TraceLocationAllocator,
};
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};
use support::{bases, rng};

type Column = Vec<BaseField>;

/// A column made of far rows of another and of the fixed column that [`Lookups`] reads too.
struct FarRows {
    log: u32,
}

impl FrameworkEval for FarRows {
    fn log_size(&self) -> u32 {
        self.log
    }
    fn max_constraint_log_degree_bound(&self) -> u32 {
        self.log + 1
    }
    fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
        let [before, here, after] = eval.next_interaction_mask(ORIGINAL_TRACE_IDX, [-3, 0, 2]);
        let fixed = eval.get_preprocessed_column(PreProcessedColumnId {
            id: "fixed".to_owned(),
        });
        let made = eval.next_trace_mask();
        eval.add_constraint(made - (before * after + here * fixed));
        eval
    }
}

impl FarRows {
    fn trace(&self, fixed: &[BaseField]) -> [Column; 2] {
        let n = 1 << self.log;
        let lookups = Lookups { log: self.log };
        let position = |row: usize| lookups.position(row % n);
        let column = bases(&mut rng(), n);
        let mut made = column.clone();
        for row in 0..n {
            let at = |offset: usize| column[position(row + offset)];
            made[position(row)] = at(n - 3) * at(2) + at(0) * fixed[position(row)];
        }
        [column, made]
    }
}

/// What differs from proof to proof.
#[derive(Clone, Copy, Debug)]
struct Case {
    setting: Setting,
    /// Log 2 of how often the trees' leaves repeat the longest column.
    log_lifts: u32,
    /// Whether one more component is there and disabled.
    disabled: bool,
}

fn case(log_blowup: u32, fold_step: u32) -> Case {
    Case {
        setting: Setting::new(log_blowup, fold_step),
        log_lifts: 0,
        disabled: false,
    }
}

/// The bytes of a proof of all components, which stwo's verifier accepts.
fn proof_bytes<B, MC>(case: Case) -> Vec<u8>
where
    B: BackendForChannel<MC>,
    MC: MerkleChannel<H: serde::Serialize>,
    FrameworkComponent<WideFibonacci>: ComponentProver<B>,
    FrameworkComponent<LookupsEval>: ComponentProver<B>,
    FrameworkComponent<FarRows>: ComponentProver<B>,
{
    let setting = case.setting;
    let fibonacci = |(log, columns)| WideFibonacci { log, columns };
    let [small, large, off] = [(3, 5), (7, 4), (6, 3)].map(fibonacci);
    let lookups = Lookups { log: 5 };
    let far = FarRows { log: 5 };
    let fixed = lookups.preprocessed();

    let lifting = large.log + setting.log_blowup + case.log_lifts;
    let config = setting.config(Some(lifting));
    let largest = CanonicCoset::new(lifting + 1);
    let twiddles = B::precompute_twiddles(largest.circle_domain().half_coset);
    let channel = &mut MC::C::default();
    let mut scheme = CommitmentSchemeProver::<B, MC>::new(config, &twiddles);
    if setting.coefficients {
        scheme.set_store_polynomials_coefficients();
    }
    commit(&mut scheme, fixed.clone(), channel);
    let mut traces = [
        small.trace(),
        lookups.trace(),
        far.trace(&fixed[0]).into(),
        large.trace(),
    ]
    .concat();
    if case.disabled {
        // Columns of the least length.
        traces.extend(vec![vec![BaseField::from(0); 2]; off.columns]);
    }
    commit(&mut scheme, traces, channel);
    let (lookups, interaction, claimed_sum) = lookups.interact(channel);
    channel.mix_felts(&[claimed_sum]);
    commit(&mut scheme, interaction, channel);

    let places = &mut TraceLocationAllocator::default();
    let none = SecureField::default();
    let small = FrameworkComponent::new(places, small, none);
    let lookups = FrameworkComponent::new(places, lookups, claimed_sum);
    let far = FrameworkComponent::new(places, far, none);
    let large = FrameworkComponent::new(places, large, none);
    let off = FrameworkComponent::disabled(places, off);
    let mut provers: Vec<&dyn ComponentProver<B>> = vec![&small, &lookups, &far, &large];
    if case.disabled {
        provers.push(&off);
    }
    let proof = prove(&provers, channel, scheme).expect("the statements are true");
    let bytes = serde_json::to_vec(&proof).expect("a proof is data");

    let components: Vec<_> = provers.iter().map(|p| *p as &dyn Component).collect();
    let sizes = Components {
        components: components.clone(),
        n_preprocessed_columns: 1,
    }
    .column_log_sizes();
    let channel = &mut MC::C::default();
    let mut scheme = CommitmentSchemeVerifier::<MC>::new(config);
    scheme.commit(proof.commitments[0], &sizes[0], channel);
    scheme.commit(proof.commitments[1], &sizes[1], channel);
    Lookups { log: 5 }.interact(channel);
    channel.mix_felts(&[claimed_sum]);
    scheme.commit(proof.commitments[2], &sizes[2], channel);
    verify(&components, channel, &mut scheme, proof).expect("stwo accepts it");
    bytes
}

/// Proves on a device that keeps its kernels from one proof to the next.
fn check<MC: MerkleChannel<H: serde::Serialize>>(context: &Arc<CudaContext>, case: Case)
where
    CudaBackend: BackendForChannel<MC>,
    SimdBackend: BackendForChannel<MC>,
{
    let simd = proof_bytes::<SimdBackend, MC>(case);
    let cuda = context.scope(|| proof_bytes::<CudaBackend, MC>(case));
    assert!(
        cuda.expect("no operation fails") == simd,
        "the proofs differ: {case:?}"
    );
}

fn context() -> Arc<CudaContext> {
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    context
}

#[test]
fn of_different_lengths() {
    let context = context();
    check::<Blake2sMerkleChannel>(&context, case(1, 1));
    check::<Blake2sM31MerkleChannel>(&context, case(2, 3));
    let mut lifted = case(1, 2);
    lifted.setting.coefficients = true;
    lifted.log_lifts = 2;
    check::<Blake2sMerkleChannel>(&context, lifted);
}

/// stwo extends all columns then, and needs their coefficients.
#[test]
fn beside_a_disabled_one() {
    let mut case = case(2, 1);
    case.setting.coefficients = true;
    case.disabled = true;
    check::<Blake2sMerkleChannel>(&context(), case);
}

/// A fixed column that is shorter than the trace.
struct Short(Lookups);

impl Statement for Short {
    type Eval = LookupsEval;
    fn log(&self) -> u32 {
        self.0.log
    }
    fn preprocessed(&self) -> Vec<Column> {
        vec![bases(&mut rng(), 1 << (self.0.log - 1))]
    }
    fn trace(&self) -> Vec<Column> {
        self.0.trace()
    }
    fn interact(&self, channel: &mut impl Channel) -> (LookupsEval, Vec<Column>, SecureField) {
        self.0.interact(channel)
    }
}

#[test]
fn a_column_shorter_than_its_component_is_an_error() {
    let short = Short(Lookups { log: 5 });
    let prove = || {
        let setting = Setting::new(1, 1);
        proof::prove::proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(&short, setting).is_ok()
    };
    let error = context().scope(prove).unwrap_err();
    assert!(matches!(error, CudaError::Unsupported { .. }), "{error}");
}
