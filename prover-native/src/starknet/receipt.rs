//! Reads any submission's transaction back: its calls, its events, the verdict.

use stwo_ml_verifier::starknet::{
    ContractState, Felt, Outcome, Submission, judge, parse_execute_calldata, poseidon,
};

use super::error::SubmitError;
use super::events::Event;
use super::plan::{Chain, split_approval};
use super::report::{Expectation, Report, decode};
use super::rpc::Receipt;
use super::state::fees;

/// A submission in a block.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// What the node says.
    pub receipt: Receipt,
    /// The account.
    pub payer: Felt,
    /// What the calls say.
    pub submission: Submission,
    /// What became of it.
    pub report: Report,
}

/// Reads the transaction of a hash.
///
/// # Errors
/// [`SubmitError::NoTransaction`], [`SubmitError::NotASubmission`] or [`SubmitError::Rpc`].
pub fn receipt(chain: &Chain, hash: Felt) -> Result<Submitted, SubmitError> {
    let receipt = chain.rpc.receipt(hash)?;
    read(chain, receipt.ok_or(SubmitError::NoTransaction { hash })?)
}

/// Judges a receipt by the calls of its transaction and the router's present shares.
pub(super) fn read(chain: &Chain, receipt: Receipt) -> Result<Submitted, SubmitError> {
    let (hash, contracts) = (receipt.hash, chain.contracts);
    let transaction = chain.rpc.transaction(hash)?;
    let (payer, calldata) = transaction.ok_or(SubmitError::NoTransaction { hash })?;
    let other = |reason: String| SubmitError::NotASubmission { hash, reason };
    let calls = parse_execute_calldata(&calldata).map_err(|e| other(e.to_string()))?;
    let (approve, calls) = split_approval(&calls, &contracts).map_err(|e| other(e.to_string()))?;
    let submission = Submission::parse(calls).map_err(|e| other(e.to_string()))?;
    let at = contracts.addresses;
    if (submission.gate, submission.verifier, submission.router)
        != (at.gate, at.verifier, at.router)
    {
        return Err(other(
            "its contracts are not those of the network profile".into(),
        ));
    }
    let report = match &receipt.reverted {
        Some(words) => Report::reverted(words, &receipt.events, &contracts),
        None => {
            let (events, _) = decode(&receipt.events, &contracts);
            let split = fees(&chain.rpc, at.router)?.split(submission.job.amount)?;
            let expectation = Expectation {
                contracts,
                payer,
                job: submission.job,
                proof_hash: poseidon(&submission.proof_data),
                io: submission.io,
                security_bits: security_bits(&submission),
                split,
                approve,
                callback: events.iter().any(called_back),
            };
            Report::new(&expectation, &receipt.events)
        }
    };
    Ok(Submitted {
        receipt,
        payer,
        submission,
        report,
    })
}

fn called_back(event: &Event) -> bool {
    matches!(
        event,
        Event::ProofVerifiedPaymentReady { .. } | Event::PaymentReleased { .. }
    )
}

/// The security that the header claims; zero where the contract's rules do not accept the list, so
/// that no event fits.
fn security_bits(submission: &Submission) -> u32 {
    let state = ContractState {
        min_security_bits: 0,
        ..ContractState::default()
    };
    match judge(&submission.proof_data, submission.io, &state) {
        Outcome::Accepted { security_bits, .. } => security_bits,
        Outcome::Rejected { .. } | Outcome::Reverts { .. } => 0,
    }
}
