//! Why nothing is submitted, or why it is not known what became of a submission.

use stwo_ml_verifier::starknet::{Felt, StarknetError, U256};

use super::account::AccountError;
use super::decimal;
use super::journal::JournalError;
use super::report::Verdict;
use super::rpc::RpcError;

/// Something on chain that makes a submission pointless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The verifier would revert or reject.
    #[error("StwoVerifier would refuse the proof: {reason}")]
    Contract {
        /// The contract's reason.
        reason: &'static str,
    },
    /// The job is registered.
    #[error(
        "ProofGatedPayment would refuse: Job already registered; has it been submitted before?"
    )]
    JobRegistered,
    /// The payer has too little SAGE.
    #[error(
        "the account has {} SAGE and the payment is {}",
        decimal(have),
        decimal(need)
    )]
    Balance {
        /// In units of `10^-18` SAGE.
        have: U256,
        /// In units of `10^-18` SAGE.
        need: U256,
    },
    /// The router has too little SAGE to share out more than it collects.
    #[error(
        "PaymentRouter has {} SAGE and needs {}: it shares out more than it collects; fund it first",
        decimal(have),
        decimal(need)
    )]
    RouterBalance {
        /// In units of `10^-18` SAGE.
        have: U256,
        /// In units of `10^-18` SAGE.
        need: U256,
    },
    /// The payer has too little STRK for the fee's bound.
    #[error(
        "the account has {} STRK and the fee may reach {}",
        decimal(have),
        decimal(need)
    )]
    FeeBalance {
        /// In units of `10^-18` STRK.
        have: U256,
        /// In units of `10^-18` STRK.
        need: u128,
    },
    /// The simulation reverts.
    #[error("the simulated transaction reverts: {reason}")]
    Reverts {
        /// The contract's reason, out of the node's words.
        reason: String,
    },
    /// The simulation's events are not those of an accepted and paid submission.
    #[error("in the simulated transaction, {verdict}")]
    Simulation {
        /// What they are.
        verdict: Verdict,
    },
}

impl Obstacle {
    /// Stable machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Contract { .. } => "contract_refuses",
            Self::JobRegistered => "job_registered",
            Self::Balance { .. } => "balance",
            Self::RouterBalance { .. } => "router_balance",
            Self::FeeBalance { .. } => "fee_balance",
            Self::Reverts { .. } => "simulation_reverts",
            Self::Simulation { .. } => "simulation_differs",
        }
    }
}

/// Why there is no report on a submission.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The proof, its calldata or the job is not one that is submitted.
    #[error(transparent)]
    Starknet(#[from] StarknetError),
    /// The node.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The node serves another chain.
    #[error("the node serves the chain {got}, the network profile is of {expected}")]
    Chain {
        /// The profile's chain.
        expected: String,
        /// The node's chain.
        got: String,
    },
    /// Things on chain make the submission pointless.
    #[error("{}", list(.0))]
    Obstacles(Vec<Obstacle>),
    /// The fee may be higher than the cap.
    #[error(
        "the fee is about {} STRK and may reach {}, above the cap of {}; raise --max-fee or wait",
        decimal(estimate),
        decimal(most),
        decimal(cap)
    )]
    FeeCap {
        /// In units of `10^-18` STRK.
        estimate: u128,
        /// In units of `10^-18` STRK.
        most: u128,
        /// In units of `10^-18` STRK.
        cap: u128,
    },
    /// The chain has changed since the plan was shown.
    #[error(
        "the chain has changed since the plan was made: {what}; look at the new plan and submit again"
    )]
    Changed {
        /// What differs.
        what: &'static str,
    },
    /// The journal has an open submission of the same job or proof.
    #[error(
        "the journal has an open submission of this {what}: {hash}; finish it with stwo-ml resume"
    )]
    Open {
        /// `job` or `proof`.
        what: &'static str,
        /// Hash of its transaction.
        hash: String,
    },
    /// The node refused the signed transaction.
    #[error("the node refuses the transaction {hash:#x}: {reason}")]
    Refused {
        /// The transaction.
        hash: Felt,
        /// The node's words.
        reason: String,
    },
    /// Other clients of the account were faster every time.
    #[error(
        "other transactions of the account took the nonce {attempts} times; nothing was submitted"
    )]
    Nonce {
        /// Attempts made.
        attempts: u32,
    },
    /// It is not known whether the transaction was executed.
    #[error(
        "the transaction {hash:#x} is signed and may be executed, its outcome is unknown ({reason}); continue with stwo-ml resume"
    )]
    Unknown {
        /// The transaction.
        hash: Felt,
        /// Why.
        reason: String,
    },
    /// The transaction can never be executed.
    #[error(
        "the transaction {hash:#x} can never be executed: another one has its nonce; submit again"
    )]
    Superseded {
        /// The transaction.
        hash: Felt,
    },
    /// A record of the journal cannot be used.
    #[error("the journal's record of {hash} has no usable {what}")]
    Record {
        /// Hash of the transaction.
        hash: String,
        /// The field.
        what: &'static str,
    },
    /// The node knows no such transaction.
    #[error("the node knows no executed transaction {hash:#x}")]
    NoTransaction {
        /// The transaction.
        hash: Felt,
    },
    /// The transaction is not a submission.
    #[error("the transaction {hash:#x} is not a submission: {reason}")]
    NotASubmission {
        /// The transaction.
        hash: Felt,
        /// Why.
        reason: String,
    },
}

impl SubmitError {
    /// Stable machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Starknet(error) => error.code(),
            Self::Rpc(_) => "rpc",
            Self::Account(_) => "account",
            Self::Journal(_) => "journal",
            Self::Chain { .. } => "chain",
            Self::Obstacles(_) => "obstacles",
            Self::FeeCap { .. } => "fee_cap",
            Self::Changed { .. } => "changed",
            Self::Open { .. } => "open_submission",
            Self::Refused { .. } => "refused",
            Self::Nonce { .. } => "nonce",
            Self::Unknown { .. } => "outcome_unknown",
            Self::Superseded { .. } => "superseded",
            Self::Record { .. } => "journal_record",
            Self::NoTransaction { .. } => "no_transaction",
            Self::NotASubmission { .. } => "not_a_submission",
        }
    }
}

fn list(obstacles: &[Obstacle]) -> String {
    let lines: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// The contract's own reason out of a node's words about a reverted call.
///
/// Nodes wrap it into traces of their own; a reason is the last text in single or double quotes that
/// is not one of the panics that every Cairo account adds.
pub fn contract_reason(words: &str) -> String {
    const WRAPPERS: [&str; 3] = [
        "argent/multicall-failed",
        "ENTRYPOINT_FAILED",
        "ENTRYPOINT_NOT_FOUND",
    ];
    let mut reasons = Vec::new();
    for quote in ['\'', '"'] {
        let parts: Vec<&str> = words.split(quote).collect();
        reasons.extend(parts.iter().skip(1).step_by(2).copied());
    }
    let own = reasons
        .iter()
        .rev()
        .find(|r| !r.is_empty() && !WRAPPERS.contains(r));
    own.map_or_else(|| words.to_owned(), |r| (*r).to_owned())
}
