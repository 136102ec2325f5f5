//! One statement proved with any backend, checked by stwo's verifier, as bytes.

use stwo::core::air::Component;
use stwo::core::channel::{Channel, MerkleChannel};
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::fri::FriConfig;
use stwo::core::pcs::{CommitmentSchemeVerifier, PcsConfig};
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::proof::StarkProof;
use stwo::core::verifier::verify;
use stwo::prover::backend::{BackendForChannel, Column as _};
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::CircleEvaluation;
use stwo::prover::{
    CommitmentSchemeProver, ComponentProver, ComponentProvers, ProvingError, prove,
};
use stwo_constraint_framework::{FrameworkComponent, FrameworkEval, TraceLocationAllocator};

/// Parameters of a proof.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub log_blowup: u32,
    pub fold_step: u32,
    pub log_last_layer: u32,
    pub pow_bits: u32,
    /// Keep coefficients: values out of the domain come from them, and constraints may be
    /// evaluated beyond the committed domain.
    pub coefficients: bool,
}

impl Setting {
    pub fn new(log_blowup: u32, fold_step: u32) -> Self {
        Self {
            log_blowup,
            fold_step,
            log_last_layer: 0,
            pow_bits: 4,
            coefficients: false,
        }
    }

    /// The parameters as stwo takes them, with trees over `2^lifting_log_size` leaves.
    pub fn config(&self, lifting_log_size: Option<u32>) -> PcsConfig {
        PcsConfig {
            pow_bits: self.pow_bits,
            fri_config: FriConfig::new(self.log_last_layer, self.log_blowup, 5, self.fold_step),
            lifting_log_size,
        }
    }
}

type Column = Vec<BaseField>;

/// What is proved: columns, and the constraints, which may need challenges and further columns.
pub trait Statement: Sync {
    type Eval: FrameworkEval + Sync;
    fn log(&self) -> u32;
    fn preprocessed(&self) -> Vec<Column> {
        Vec::new()
    }
    fn trace(&self) -> Vec<Column>;
    /// The constraints, the columns of the interaction and their claimed sum.
    fn interact(&self, channel: &mut impl Channel) -> (Self::Eval, Vec<Column>, SecureField);
}

/// Commits to columns of any lengths.
pub fn commit<B, MC>(
    scheme: &mut CommitmentSchemeProver<'_, B, MC>,
    columns: Vec<Column>,
    channel: &mut MC::C,
) where
    B: BackendForChannel<MC>,
    MC: MerkleChannel,
{
    let evaluations = columns.into_iter().map(|column| {
        let domain = CanonicCoset::new(column.len().ilog2()).circle_domain();
        CircleEvaluation::<B, BaseField, BitReversedOrder>::new(
            domain,
            column.into_iter().collect(),
        )
    });
    let mut tree = scheme.tree_builder();
    tree.extend_evals(evaluations.collect());
    tree.commit(channel);
}

/// The coefficients of the composition of a statement without interaction, from the trace's
/// coefficients where it is evaluated beyond the committed domain.
pub fn composition<B, MC, S>(statement: &S, log_blowup: u32) -> [Column; 4]
where
    B: BackendForChannel<MC>,
    MC: MerkleChannel,
    S: Statement,
    FrameworkComponent<S::Eval>: ComponentProver<B>,
{
    let config = PcsConfig {
        pow_bits: 0,
        fri_config: FriConfig::new(0, log_blowup, 1, 1),
        lifting_log_size: None,
    };
    let largest = CanonicCoset::new(statement.log() + 3).circle_domain();
    let twiddles = B::precompute_twiddles(largest.half_coset);
    let channel = &mut MC::C::default();
    let mut scheme = CommitmentSchemeProver::<B, MC>::new(config, &twiddles);
    scheme.set_store_polynomials_coefficients();
    commit(&mut scheme, Vec::new(), channel);
    commit(&mut scheme, statement.trace(), channel);
    let (eval, _, claimed_sum) = statement.interact(channel);
    let component =
        FrameworkComponent::new(&mut TraceLocationAllocator::default(), eval, claimed_sum);
    let provers = ComponentProvers::<B> {
        components: vec![&component],
        n_preprocessed_columns: 0,
    };
    let random = channel.draw_secure_felt();
    provers
        .compute_composition_polynomial(random, &scheme.trace(), &twiddles, log_blowup)
        .0
        .map(|poly| poly.coeffs.to_cpu())
}

/// The bytes of stwo's proof.
pub fn proof_bytes<B, MC, S>(statement: &S, setting: Setting) -> Result<Vec<u8>, ProvingError>
where
    B: BackendForChannel<MC>,
    MC: MerkleChannel<H: serde::Serialize>,
    S: Statement,
    FrameworkComponent<S::Eval>: ComponentProver<B>,
{
    proof_bytes_by(statement, setting, prove::<B, MC>)
}

/// The bytes of the proof that `prover` makes.
pub fn proof_bytes_by<B, MC, S>(
    statement: &S,
    setting: Setting,
    prover: impl FnOnce(
        &[&dyn ComponentProver<B>],
        &mut MC::C,
        CommitmentSchemeProver<'_, B, MC>,
    ) -> Result<StarkProof<MC::H>, ProvingError>,
) -> Result<Vec<u8>, ProvingError>
where
    B: BackendForChannel<MC>,
    MC: MerkleChannel<H: serde::Serialize>,
    S: Statement,
    FrameworkComponent<S::Eval>: ComponentProver<B>,
{
    let config = setting.config(None);
    let log = statement.log();
    let largest = CanonicCoset::new(log + 2 + setting.log_blowup).circle_domain();
    let twiddles = B::precompute_twiddles(largest.half_coset);
    let channel = &mut MC::C::default();
    config.mix_into(channel);
    let mut scheme = CommitmentSchemeProver::<B, MC>::new(config, &twiddles);
    if setting.coefficients {
        scheme.set_store_polynomials_coefficients();
    }
    commit(&mut scheme, statement.preprocessed(), channel);
    commit(&mut scheme, statement.trace(), channel);
    let (eval, interaction, claimed_sum) = statement.interact(channel);
    let interactions = !interaction.is_empty();
    if interactions {
        channel.mix_felts(&[claimed_sum]);
        commit(&mut scheme, interaction, channel);
    }
    let component =
        FrameworkComponent::new(&mut TraceLocationAllocator::default(), eval, claimed_sum);
    let proof = prover(&[&component], channel, scheme)?;
    let bytes = serde_json::to_vec(&proof).expect("a proof is data");

    let channel = &mut MC::C::default();
    config.mix_into(channel);
    let mut scheme = CommitmentSchemeVerifier::<MC>::new(config);
    let sizes = component.trace_log_degree_bounds();
    scheme.commit(proof.commitments[0], &sizes[0], channel);
    scheme.commit(proof.commitments[1], &sizes[1], channel);
    if interactions {
        statement.interact(channel);
        channel.mix_felts(&[claimed_sum]);
        scheme.commit(proof.commitments[2], &sizes[2], channel);
    }
    verify(&[&component as &dyn Component], channel, &mut scheme, proof).expect("stwo accepts it");
    Ok(bytes)
}
