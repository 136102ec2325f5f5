//! What became of a submission: the events compared with what they have to be.

use stwo_ml_verifier::starknet::{FeeSplit, Felt, Job, U256};

use super::events::{Contracts, Event, Malformed, RawEvent};

/// What a submission that is accepted and paid emits.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The contracts.
    pub contracts: Contracts,
    /// The account that submits and pays.
    pub payer: Felt,
    /// The job.
    pub job: Job,
    /// Poseidon hash of `proof_data`.
    pub proof_hash: Felt,
    /// The input-output commitment.
    pub io: Felt,
    /// The security that the header of `proof_data` claims.
    pub security_bits: u32,
    /// How the payment is shared out.
    pub split: FeeSplit,
    /// The allowance that the transaction sets first, if any.
    pub approve: Option<U256>,
    /// Whether the verifier calls `ProofGatedPayment` back.
    pub callback: bool,
}

impl Expectation {
    /// The events, in the contracts' order, without the transaction's fee. Recipients that no
    /// contract tells are zero.
    pub fn events(&self) -> Vec<Event> {
        let Job {
            id: job,
            worker,
            amount,
            privacy,
            ..
        } = self.job;
        let (split, proof_hash) = (&self.split, self.proof_hash);
        let router = self.contracts.addresses.router;
        let mut events = Vec::new();
        if let Some(value) = self.approve {
            events.push(Event::Approval {
                owner: self.payer,
                spender: router,
                value,
            });
        }
        events.extend([
            Event::JobPaymentRegistered {
                job,
                worker,
                amount,
            },
            Event::ProofSubmitted {
                proof_hash,
                submitter: self.payer,
                io: self.io,
            },
            Event::ProofLinkedToJob { proof_hash, job },
            Event::ProofVerified {
                proof_hash,
                security_bits: self.security_bits.into(),
            },
        ]);
        if self.callback {
            let source = "STWO_PROOF".to_owned();
            events.extend([
                Event::ProofVerifiedPaymentReady {
                    job,
                    proof_hash: Felt::ZERO,
                },
                Event::PaymentReleased {
                    job,
                    worker,
                    amount,
                    source,
                    privacy,
                },
            ]);
        }
        let transfer = |from, to, value| Event::Transfer { from, to, value };
        events.extend([
            transfer(self.payer, router, split.collected),
            transfer(router, worker, split.worker),
            Event::WorkerPaid {
                job,
                worker,
                amount: split.worker,
                privacy,
            },
        ]);
        if split.burned != U256::ZERO {
            events.push(Event::Burn {
                amount: split.burned,
            });
        }
        for share in [split.stakers, split.treasury] {
            if share != U256::ZERO {
                events.push(transfer(router, Felt::ZERO, share));
            }
        }
        events.extend([
            Event::FeesDistributed {
                total: split.shared,
                worker: split.worker,
                protocol: split.protocol,
                burned: split.burned,
                treasury: split.treasury,
                stakers: split.stakers,
            },
            Event::PaymentExecuted {
                job,
                payer: self.payer,
                token: "SAGE".to_owned(),
                amount,
                shared: split.shared,
                usd: U256::ZERO,
            },
        ]);
        events
    }
}

/// Whether an event is the expected one, as far as the expectation goes.
fn fits(expected: &Event, actual: &Event) -> bool {
    match (expected, actual) {
        (
            Event::Transfer { from, to, value },
            Event::Transfer {
                from: f,
                to: t,
                value: v,
            },
        ) => from == f && value == v && (to == t || *to == Felt::ZERO),
        // The dollar value is the router's own reckoning, at its own price.
        (
            Event::PaymentExecuted {
                job,
                payer,
                token,
                amount,
                shared,
                ..
            },
            Event::PaymentExecuted {
                job: j,
                payer: p,
                token: t,
                amount: a,
                shared: s,
                ..
            },
        ) => (job, payer, token, amount, shared) == (j, p, t, a, s),
        _ => expected == actual,
    }
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The proof is accepted and everybody is paid what the shares say.
    Paid,
    /// The contract emitted `ProofRejected`. **The transaction succeeded all the same.**
    Rejected {
        /// The contract's reason.
        reason: String,
        /// Whether the payment was made nevertheless.
        paid: bool,
    },
    /// The transaction was reverted: nothing happened but its fee.
    Reverted {
        /// The contract's reason, out of the node's words.
        reason: String,
    },
    /// The events are not those of an accepted and paid submission.
    Contradiction {
        /// What is missing, superfluous or malformed.
        differences: Vec<String>,
    },
}

impl Verdict {
    /// Stable machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Rejected { .. } => "rejected",
            Self::Reverted { .. } => "reverted",
            Self::Contradiction { .. } => "contradiction",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Paid => f.write_str("the contract accepted the proof and the payment was made"),
            Self::Rejected { reason, paid } => {
                let payment = if *paid {
                    "the payment was made nevertheless"
                } else {
                    "no payment was made"
                };
                write!(
                    f,
                    "the contract REJECTED the proof ({reason}), although the transaction succeeded; {payment}"
                )
            }
            Self::Reverted { reason } => {
                write!(
                    f,
                    "the transaction was reverted ({reason}): nothing happened but its fee"
                )
            }
            Self::Contradiction { differences } => {
                write!(
                    f,
                    "the events are not those of an accepted and paid submission: {}",
                    differences.join("; ")
                )
            }
        }
    }
}

/// A transaction's events and the verdict on them.
#[derive(Clone, Debug)]
pub struct Report {
    /// All events in their order.
    pub events: Vec<Event>,
    /// What they mean.
    pub verdict: Verdict,
}

impl Report {
    /// Judges the events of a transaction that was not reverted.
    pub fn new(expectation: &Expectation, raw: &[RawEvent]) -> Self {
        let (events, malformed) = decode(raw, &expectation.contracts);
        let mut differences: Vec<String> = malformed.iter().map(ToString::to_string).collect();
        let mut left: Vec<&Event> = events.iter().filter(|e| !foreign(e)).collect();
        for expected in expectation.events() {
            match left.iter().position(|e| fits(&expected, e)) {
                Some(index) => drop(left.remove(index)),
                None => differences.push(format!("missing: {}", text(&expected))),
            }
        }
        differences.extend(left.iter().map(|e| format!("not expected: {}", text(e))));
        let verdict = match rejection(&events) {
            Some(rejected) => rejected,
            None if differences.is_empty() => Verdict::Paid,
            None => Verdict::Contradiction { differences },
        };
        Self { events, verdict }
    }

    /// The report on a reverted transaction, from the node's words.
    pub fn reverted(words: &str, raw: &[RawEvent], contracts: &Contracts) -> Self {
        let reason = super::error::contract_reason(words);
        let events = decode(raw, contracts).0;
        Self {
            events,
            verdict: Verdict::Reverted { reason },
        }
    }
}

/// Decodes all events; malformed ones stay as they are.
pub fn decode(raw: &[RawEvent], contracts: &Contracts) -> (Vec<Event>, Vec<Malformed>) {
    let mut malformed = Vec::new();
    let decode = |raw: &RawEvent| {
        Event::decode(raw, contracts).unwrap_or_else(|error| {
            malformed.push(error);
            Event::Other(raw.clone())
        })
    };
    (raw.iter().map(decode).collect(), malformed)
}

/// Whether an event says nothing about the submission.
fn foreign(event: &Event) -> bool {
    matches!(event, Event::Other(_) | Event::FeePaid { .. })
}

/// A rejection anywhere outweighs everything else.
fn rejection(events: &[Event]) -> Option<Verdict> {
    let paid = events
        .iter()
        .any(|e| matches!(e, Event::PaymentExecuted { .. }));
    events.iter().find_map(|event| match event {
        Event::ProofRejected { reason, .. } => Some(Verdict::Rejected {
            reason: reason.clone(),
            paid,
        }),
        _ => None,
    })
}

/// An event on one line.
pub fn text(event: &Event) -> String {
    let (name, fields) = event.json();
    let fields = fields.as_object().into_iter().flatten();
    let fields: Vec<String> = fields
        .map(|(key, value)| match value.as_str() {
            Some(value) => format!("{key} {value}"),
            None => format!("{key} {value}"),
        })
        .collect();
    format!("{name} ({})", fields.join(", "))
}
