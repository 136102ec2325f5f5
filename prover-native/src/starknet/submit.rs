//! Signs, records, sends, waits: a submission happens once or not at all.
//!
//! A transaction's hash follows from its content, and only one transaction per account and nonce is
//! ever executed. So whatever happens to the connection, sending *the same signed transaction* again
//! cannot submit twice. Another one is signed only when the first can never be executed any more:
//! when the node does not know it and its nonce belongs to another transaction in a block.

use starknet_rust::core::types::{BroadcastedInvokeTransaction, StarknetError as NodeError};
use starknet_rust::providers::Provider as _;
use stwo_ml_verifier::starknet::{Felt, poseidon};

use super::account::{Account, Signed};
use super::error::SubmitError;
use super::journal::{Entry, Journal, Signed as Record, State};
use super::plan::{Chain, Order, Plan};
use super::receipt::{Submitted, read};
use super::report::Verdict;
use super::rpc::{At, Rpc, RpcError};

/// Transactions signed at most, each after the loss of the one before.
const SIGNATURES: u32 = 5;

/// What a submission is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Waiting for another process that submits for this account.
    Locking,
    /// The transaction is signed and recorded, and is sent now.
    Sending {
        /// Its hash.
        hash: Felt,
    },
    /// Another transaction took the nonce: a new plan is made.
    Again,
    /// The node has it; waiting for a block.
    Waiting {
        /// Its hash.
        hash: Felt,
    },
}

/// What became of sending.
enum Sent {
    /// The node has the transaction.
    Yes,
    /// It can never be executed.
    Superseded,
    /// The node refuses it.
    Refused(String),
    /// Nothing certain.
    Unknown(String),
}

/// Submits what a plan says and waits for the outcome. `cap` is the highest fee, in units of
/// `10^-18` STRK; `progress` hears of every step.
///
/// # Errors
/// [`SubmitError`]. After [`SubmitError::Unknown`] the transaction may be executed, and [`resume`]
/// finds out; after any other error it was not and will not be.
pub fn submit(
    chain: &Chain,
    account: &Account,
    order: &Order<'_>,
    plan: Plan,
    cap: Option<u128>,
    journal: &Journal,
    mut progress: impl FnMut(Step),
) -> Result<Submitted, SubmitError> {
    let (rpc, address) = (&chain.rpc, account.address());
    progress(Step::Locking);
    // Held until the outcome is known: the node counts a transaction into the account's nonce only
    // when it has executed it.
    let _lock = journal.lock_account(&hex(address))?;
    refuse_open(chain, order, journal)?;
    let shown = plan;
    let mut plan = shown.clone();
    for round in 0..SIGNATURES {
        if round > 0 || rpc.nonce(address, At::Newest)? != plan.nonce {
            plan = Plan::make(chain, account, order)?;
            if plan.calls != shown.calls {
                return Err(SubmitError::Changed { what: "the calls" });
            }
            if plan.split() != shown.split() {
                return Err(SubmitError::Changed {
                    what: "the shares of the payment",
                });
            }
        }
        plan.check_cap(cap)?;
        let signed = account.sign(rpc, chain.chain_id, &plan.calls, plan.nonce, &plan.bounds)?;
        let hash = hex(signed.hash);
        journal.sign(&record(chain, &plan, &signed)?)?;
        progress(Step::Sending { hash: signed.hash });
        match send(rpc, &signed, address, plan.nonce) {
            Sent::Yes => {
                journal.mark(&hash, State::Sent, "")?;
                progress(Step::Waiting { hash: signed.hash });
                return settle(chain, journal, signed.hash, address, plan.nonce);
            }
            Sent::Superseded => {
                journal.mark(&hash, State::Superseded, "")?;
                progress(Step::Again);
            }
            Sent::Refused(reason) => {
                journal.mark(&hash, State::Refused, &reason)?;
                return Err(SubmitError::Refused {
                    hash: signed.hash,
                    reason,
                });
            }
            Sent::Unknown(reason) => {
                return Err(SubmitError::Unknown {
                    hash: signed.hash,
                    reason,
                });
            }
        }
    }
    Err(SubmitError::Nonce {
        attempts: SIGNATURES,
    })
}

/// Finishes an open submission of the journal: finds its transaction, or sends the recorded one,
/// and waits for the outcome.
///
/// # Errors
/// As [`submit`]; [`SubmitError::Superseded`] if the transaction can never be executed.
pub fn resume(
    chain: &Chain,
    entry: &Entry,
    journal: &Journal,
    mut progress: impl FnMut(Step),
) -> Result<Submitted, SubmitError> {
    let record = &entry.signed;
    let damaged = |what: &'static str| SubmitError::Record {
        hash: record.hash.clone(),
        what,
    };
    let felt = |text: &str, what| Felt::from_hex_be(text).map_err(|_| damaged(what));
    if felt(&record.chain_id, "chain_id")? != chain.chain_id {
        let (expected, got) = (record.chain_id.clone(), hex(chain.chain_id));
        return Err(SubmitError::Chain { expected, got });
    }
    let hash = felt(&record.hash, "hash")?;
    let (address, nonce) = (
        felt(&record.account, "account")?,
        felt(&record.nonce, "nonce")?,
    );
    let transaction: BroadcastedInvokeTransaction =
        serde_json::from_value(record.transaction.clone()).map_err(|_| damaged("transaction"))?;
    progress(Step::Locking);
    let _lock = journal.lock_account(&record.account)?;
    let mut sent = Sent::Yes;
    if !chain.rpc.knows(hash)? {
        progress(Step::Sending { hash });
        sent = send(&chain.rpc, &Signed { hash, transaction }, address, nonce);
    }
    match sent {
        Sent::Yes => {
            journal.mark(&record.hash, State::Sent, "")?;
            progress(Step::Waiting { hash });
            settle(chain, journal, hash, address, nonce)
        }
        Sent::Superseded => {
            journal.mark(&record.hash, State::Superseded, "")?;
            Err(SubmitError::Superseded { hash })
        }
        Sent::Refused(reason) => {
            journal.mark(&record.hash, State::Refused, &reason)?;
            Err(SubmitError::Refused { hash, reason })
        }
        Sent::Unknown(reason) => Err(SubmitError::Unknown { hash, reason }),
    }
}

/// Two open submissions of one job or proof: the second would pay its fee for a revert.
fn refuse_open(chain: &Chain, order: &Order<'_>, journal: &Journal) -> Result<(), SubmitError> {
    let (job, proof) = (order.job.id.to_string(), hex(poseidon(order.proof_data)));
    let chain_id = hex(chain.chain_id);
    let entries = journal.entries()?;
    let mut open = entries
        .iter()
        .filter(|e| e.state.is_open() && e.signed.chain_id == chain_id);
    let same = open.find_map(|e| match e {
        e if e.signed.job == job => Some(("job", e)),
        e if e.signed.proof_hash == proof => Some(("proof", e)),
        _ => None,
    });
    match same {
        Some((what, e)) => Err(SubmitError::Open {
            what,
            hash: e.signed.hash.clone(),
        }),
        None => Ok(()),
    }
}

fn record(chain: &Chain, plan: &Plan, signed: &Signed) -> Result<Record, SubmitError> {
    let transaction = serde_json::to_value(&signed.transaction);
    let expectation = &plan.expectation;
    Ok(Record {
        hash: hex(signed.hash),
        chain_id: hex(chain.chain_id),
        account: hex(expectation.payer),
        nonce: hex(plan.nonce),
        job: expectation.job.id.to_string(),
        amount: expectation.job.amount.to_string(),
        proof_hash: hex(expectation.proof_hash),
        most_fee: plan.bounds.most().to_string(),
        transaction: transaction.map_err(|_| SubmitError::Record {
            hash: hex(signed.hash),
            what: "transaction",
        })?,
    })
}

/// A felt as the journal has it.
pub(super) fn hex(felt: Felt) -> String {
    format!("{felt:#x}")
}

/// Sends a signed transaction until the node has it or says no.
fn send(rpc: &Rpc, signed: &Signed, account: Felt, nonce: Felt) -> Sent {
    let mut failed = 0;
    // Whether an attempt may still be under way to the node.
    let mut adrift = false;
    loop {
        let transaction = &signed.transaction;
        let answer = rpc.once("addInvokeTransaction", async |node| {
            node.add_invoke_transaction(transaction).await
        });
        let error = match answer {
            Ok(_) => return Sent::Yes,
            Err(error) => error,
        };
        if matches!(error.node(), Some(NodeError::DuplicateTx)) {
            return Sent::Yes;
        }
        // An earlier attempt may have arrived although its answer did not.
        match rpc.knows(signed.hash) {
            Ok(true) => return Sent::Yes,
            Ok(false) => {}
            Err(unreachable) => return Sent::Unknown(unreachable.to_string()),
        }
        failed += 1;
        let taken = match error.node() {
            Some(
                NodeError::InvalidTransactionNonce(_)
                | NodeError::ReplacementTransactionUnderpriced,
            ) => match superseded(rpc, account, nonce) {
                Ok(true) => return Sent::Superseded,
                Ok(false) => true,
                Err(error) => return Sent::Unknown(error.to_string()),
            },
            _ => false,
        };
        let unreachable = matches!(error, RpcError::Unreachable { .. });
        adrift |= unreachable;
        if failed >= rpc.patience.attempts || !(taken || unreachable) {
            return match adrift {
                true => Sent::Unknown(error.to_string()),
                false => Sent::Refused(error.to_string()),
            };
        }
        std::thread::sleep(rpc.patience.pause(failed));
    }
}

/// Whether a nonce belongs to a transaction in a block.
fn superseded(rpc: &Rpc, account: Felt, nonce: Felt) -> Result<bool, RpcError> {
    // Nonces count up from zero: none is ever near the end of the field.
    Ok(rpc.nonce(account, At::Latest)? > nonce)
}

/// Waits for the outcome and records it.
fn settle(
    chain: &Chain,
    journal: &Journal,
    hash: Felt,
    account: Felt,
    nonce: Felt,
) -> Result<Submitted, SubmitError> {
    let rpc = &chain.rpc;
    let unknown = |reason: String| SubmitError::Unknown { hash, reason };
    let polls = rpc.patience.acceptance.as_millis() / rpc.patience.poll.as_millis().max(1);
    for _ in 0..=polls {
        let receipt = rpc.receipt(hash).map_err(|e| unknown(e.to_string()))?;
        match receipt {
            Some(receipt) if receipt.block.is_some() => {
                let submitted = read(chain, receipt).map_err(|e| unknown(e.to_string()))?;
                let verdict = &submitted.report.verdict;
                let (state, note) = match verdict {
                    Verdict::Paid => (State::Paid, String::new()),
                    Verdict::Rejected { .. } => (State::Rejected, verdict.to_string()),
                    Verdict::Reverted { reason } => (State::Reverted, reason.clone()),
                    Verdict::Contradiction { .. } => (State::Contradiction, verdict.to_string()),
                };
                journal.mark(&hex(hash), state, &note)?;
                return Ok(submitted);
            }
            Some(_) => {}
            // The node dropped it before a block, and another transaction has the nonce since.
            None => {
                let gone = superseded(rpc, account, nonce).map_err(|e| unknown(e.to_string()))?;
                if gone && !rpc.knows(hash).map_err(|e| unknown(e.to_string()))? {
                    journal.mark(&hex(hash), State::Superseded, "")?;
                    return Err(SubmitError::Superseded { hash });
                }
            }
        }
        std::thread::sleep(rpc.patience.poll);
    }
    Err(unknown("it is in no block yet".into()))
}
