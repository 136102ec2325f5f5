//! The events of a submission, decoded.
//!
//! Timestamps and block numbers inside events repeat those of the block and are left out.

use serde_json::{Value, json};
use starknet_rust::core::types::{Event as NodeEvent, OrderedEvent};
use stwo_ml_verifier::starknet::{Addresses, Felt, U256};

use super::rpc::{ours, selector};

/// An event as the node gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The contract that emitted it.
    pub from: Felt,
    /// Its keys; the first is the selector of its name.
    pub keys: Vec<Felt>,
    /// Its data.
    pub data: Vec<Felt>,
}

impl RawEvent {
    pub(super) fn from_node(event: &NodeEvent) -> Self {
        Self {
            from: ours(&event.from_address),
            keys: event.keys.iter().map(ours).collect(),
            data: event.data.iter().map(ours).collect(),
        }
    }

    pub(super) fn from_trace(from: Felt, event: &OrderedEvent) -> Self {
        Self {
            from,
            keys: event.keys.iter().map(ours).collect(),
            data: event.data.iter().map(ours).collect(),
        }
    }
}

/// The contracts whose events are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// Those of a submission.
    pub addresses: Addresses,
    /// The token that fees are paid in, STRK.
    pub fee_token: Felt,
}

/// An event of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are the contracts', under their own names"
)]
pub enum Event {
    /// `ProofGatedPayment` knows the job.
    JobPaymentRegistered {
        job: U256,
        worker: Felt,
        amount: U256,
    },
    /// `StwoVerifier` has stored a proof.
    ProofSubmitted {
        proof_hash: Felt,
        submitter: Felt,
        io: Felt,
    },
    /// `StwoVerifier` has linked a proof to its job.
    ProofLinkedToJob { proof_hash: Felt, job: U256 },
    /// `StwoVerifier` finds the form of a proof right.
    ProofVerified {
        proof_hash: Felt,
        security_bits: u64,
    },
    /// `StwoVerifier` refuses a proof; the transaction goes on.
    ProofRejected { proof_hash: Felt, reason: String },
    /// `ProofGatedPayment` heard of the proof from `StwoVerifier`.
    ProofVerifiedPaymentReady { job: U256, proof_hash: Felt },
    /// `ProofGatedPayment` calls the payment released.
    PaymentReleased {
        job: U256,
        worker: Felt,
        amount: U256,
        source: String,
        privacy: bool,
    },
    /// SAGE has moved.
    Transfer { from: Felt, to: Felt, value: U256 },
    /// An allowance of SAGE is set.
    Approval {
        owner: Felt,
        spender: Felt,
        value: U256,
    },
    /// The supply of SAGE is lower.
    Burn { amount: U256 },
    /// `PaymentRouter` has paid the worker.
    WorkerPaid {
        job: U256,
        worker: Felt,
        amount: U256,
        privacy: bool,
    },
    /// `PaymentRouter` has shared a payment out.
    FeesDistributed {
        total: U256,
        worker: U256,
        protocol: U256,
        burned: U256,
        treasury: U256,
        stakers: U256,
    },
    /// `PaymentRouter` is done.
    PaymentExecuted {
        job: U256,
        payer: Felt,
        token: String,
        amount: U256,
        shared: U256,
        usd: U256,
    },
    /// The transaction's fee has been paid.
    FeePaid { from: Felt, to: Felt, value: U256 },
    /// An event of no known contract or name.
    Other(RawEvent),
}

/// An event with a known name that has not the form of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {name} of {from:#x} has not its form")]
pub struct Malformed {
    /// Name of the event.
    pub name: &'static str,
    /// The contract.
    pub from: Felt,
}

/// Reads felts one after the other.
struct Felts<'a>(std::slice::Iter<'a, Felt>);

impl Felts<'_> {
    fn felt(&mut self) -> Option<Felt> {
        self.0.next().copied()
    }

    fn u256(&mut self) -> Option<U256> {
        U256::from_felts(self.felt()?, self.felt()?).ok()
    }

    fn u64(&mut self) -> Option<u64> {
        u64::try_from(self.felt()?).ok()
    }

    fn bool(&mut self) -> Option<bool> {
        match self.u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// A Cairo short string; hexadecimal if it is none.
pub fn short_text(felt: Felt) -> String {
    let bytes = felt.to_bytes_be();
    let text = bytes.iter().skip_while(|b| **b == 0).copied().collect();
    match String::from_utf8(text) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') => text,
        _ => format!("{felt:#x}"),
    }
}

type Decoder = fn(&mut Felts<'_>, &mut Felts<'_>) -> Option<Event>;

/// The events of a contract by name; the decoders read the keys after the selector, and the data.
fn decoders(contracts: &Contracts, from: Felt) -> &'static [(&'static str, Decoder)] {
    let Addresses {
        gate,
        verifier,
        router,
        token,
    } = contracts.addresses;
    match from {
        _ if from == gate => &[
            ("JobPaymentRegistered", |k, d| {
                let (job, worker, amount) = (k.u256()?, k.felt()?, d.u256()?);
                d.u64().map(|_| Event::JobPaymentRegistered {
                    job,
                    worker,
                    amount,
                })
            }),
            ("ProofVerifiedPaymentReady", |k, d| {
                let (job, proof_hash) = (k.u256()?, d.felt()?);
                d.u64()
                    .map(|_| Event::ProofVerifiedPaymentReady { job, proof_hash })
            }),
            ("PaymentReleased", |k, d| {
                let (job, worker, amount) = (k.u256()?, k.felt()?, d.u256()?);
                let (source, privacy) = (short_text(d.felt()?), d.bool()?);
                d.u64().map(|_| Event::PaymentReleased {
                    job,
                    worker,
                    amount,
                    source,
                    privacy,
                })
            }),
        ],
        _ if from == verifier => &[
            ("ProofSubmitted", |k, d| {
                let (proof_hash, submitter, io) = (k.felt()?, d.felt()?, d.felt()?);
                d.u64().and(d.u64()).map(|_| Event::ProofSubmitted {
                    proof_hash,
                    submitter,
                    io,
                })
            }),
            ("ProofLinkedToJob", |k, d| {
                let (proof_hash, job) = (k.felt()?, k.u256()?);
                d.u64().map(|_| Event::ProofLinkedToJob { proof_hash, job })
            }),
            ("ProofVerified", |k, d| {
                let (proof_hash, _block, security_bits) = (k.felt()?, d.u64()?, d.u64()?);
                d.u64().map(|_| Event::ProofVerified {
                    proof_hash,
                    security_bits,
                })
            }),
            ("ProofRejected", |k, d| {
                let (proof_hash, reason) = (k.felt()?, short_text(d.felt()?));
                Some(Event::ProofRejected { proof_hash, reason })
            }),
        ],
        _ if from == router => &[
            ("WorkerPaid", |k, d| {
                let (job, worker, amount, privacy) = (k.u256()?, k.felt()?, d.u256()?, d.bool()?);
                d.u64().map(|_| Event::WorkerPaid {
                    job,
                    worker,
                    amount,
                    privacy,
                })
            }),
            ("FeesDistributed", |_, d| {
                let (total, worker, protocol) = (d.u256()?, d.u256()?, d.u256()?);
                let (burned, treasury, stakers) = (d.u256()?, d.u256()?, d.u256()?);
                d.u64().map(|_| Event::FeesDistributed {
                    total,
                    worker,
                    protocol,
                    burned,
                    treasury,
                    stakers,
                })
            }),
            ("PaymentExecuted", |k, d| {
                let (_quote, job, payer) = (k.u256()?, k.u256()?, k.felt()?);
                let (token, amount) = (short_text(d.felt()?), d.u256()?);
                let (shared, usd) = (d.u256()?, d.u256()?);
                Some(Event::PaymentExecuted {
                    job,
                    payer,
                    token,
                    amount,
                    shared,
                    usd,
                })
            }),
        ],
        _ if from == token => &[
            ("Transfer", |_, d| {
                let (from, to, value) = (d.felt()?, d.felt()?, d.u256()?);
                Some(Event::Transfer { from, to, value })
            }),
            ("Approval", |_, d| {
                let (owner, spender, value) = (d.felt()?, d.felt()?, d.u256()?);
                Some(Event::Approval {
                    owner,
                    spender,
                    value,
                })
            }),
            ("Burn", |_, d| {
                let (amount, _revenue, _price, _rate) = (d.u256()?, d.u256()?, d.u256()?, d.u64()?);
                Some(Event::Burn { amount })
            }),
        ],
        // STRK has the addresses of a transfer among its keys.
        _ if from == contracts.fee_token => &[("Transfer", |k, d| {
            let mut all = k.0.as_slice().to_vec();
            all.extend_from_slice(d.0.as_slice());
            (k.0, d.0) = (Default::default(), Default::default());
            let [from, to, low, high] = all[..] else {
                return None;
            };
            let value = U256::from_felts(low, high).ok()?;
            Some(Event::FeePaid { from, to, value })
        })],
        _ => &[],
    }
}

impl Event {
    /// Decodes an event.
    ///
    /// # Errors
    /// [`Malformed`] if a known contract uses a known name for something else.
    pub fn decode(raw: &RawEvent, contracts: &Contracts) -> Result<Self, Malformed> {
        let name = raw.keys.first();
        let known = decoders(contracts, raw.from);
        let Some((name, decoder)) = known
            .iter()
            .find(|(n, _)| name == Some(&ours(&selector(n))))
        else {
            return Ok(Self::Other(raw.clone()));
        };
        let mut keys = Felts(raw.keys.get(1..).unwrap_or_default().iter());
        let mut data = Felts(raw.data.iter());
        let event = decoder(&mut keys, &mut data);
        let over = keys.felt().is_some() || data.felt().is_some();
        let malformed = Malformed {
            name,
            from: raw.from,
        };
        event.filter(|_| !over).ok_or(malformed)
    }

    /// The event's name and its fields as JSON; integers that may pass `2^53` are decimal strings,
    /// felts hexadecimal ones.
    pub fn json(&self) -> (&'static str, Value) {
        let felt = |f: &Felt| format!("{f:#x}");
        let n = |n: &U256| n.to_string();
        match self {
            Self::JobPaymentRegistered {
                job,
                worker,
                amount,
            } => (
                "JobPaymentRegistered",
                json!({ "job": n(job), "worker": felt(worker), "amount": n(amount) }),
            ),
            Self::ProofSubmitted {
                proof_hash,
                submitter,
                io,
            } => (
                "ProofSubmitted",
                json!({ "proof_hash": felt(proof_hash), "submitter": felt(submitter), "io_commitment": felt(io) }),
            ),
            Self::ProofLinkedToJob { proof_hash, job } => (
                "ProofLinkedToJob",
                json!({ "proof_hash": felt(proof_hash), "job": n(job) }),
            ),
            Self::ProofVerified {
                proof_hash,
                security_bits,
            } => (
                "ProofVerified",
                json!({ "proof_hash": felt(proof_hash), "security_bits": security_bits }),
            ),
            Self::ProofRejected { proof_hash, reason } => (
                "ProofRejected",
                json!({ "proof_hash": felt(proof_hash), "reason": reason }),
            ),
            Self::ProofVerifiedPaymentReady { job, proof_hash } => (
                "ProofVerifiedPaymentReady",
                json!({ "job": n(job), "proof_hash": felt(proof_hash) }),
            ),
            Self::PaymentReleased {
                job,
                worker,
                amount,
                source,
                privacy,
            } => (
                "PaymentReleased",
                json!({ "job": n(job), "worker": felt(worker), "amount": n(amount), "source": source, "privacy": privacy }),
            ),
            Self::Transfer { from, to, value } => (
                "Transfer",
                json!({ "from": felt(from), "to": felt(to), "value": n(value) }),
            ),
            Self::Approval {
                owner,
                spender,
                value,
            } => (
                "Approval",
                json!({ "owner": felt(owner), "spender": felt(spender), "value": n(value) }),
            ),
            Self::Burn { amount } => ("Burn", json!({ "amount": n(amount) })),
            Self::WorkerPaid {
                job,
                worker,
                amount,
                privacy,
            } => (
                "WorkerPaid",
                json!({ "job": n(job), "worker": felt(worker), "amount": n(amount), "privacy": privacy }),
            ),
            Self::FeesDistributed {
                total,
                worker,
                protocol,
                burned,
                treasury,
                stakers,
            } => (
                "FeesDistributed",
                json!({
                    "total": n(total), "worker": n(worker), "protocol": n(protocol),
                    "burned": n(burned), "treasury": n(treasury), "stakers": n(stakers),
                }),
            ),
            Self::PaymentExecuted {
                job,
                payer,
                token,
                amount,
                shared,
                usd,
            } => (
                "PaymentExecuted",
                json!({
                    "job": n(job), "payer": felt(payer), "token": token, "amount": n(amount),
                    "shared_out": n(shared), "usd": n(usd),
                }),
            ),
            Self::FeePaid { from, to, value } => (
                "FeePaid",
                json!({ "from": felt(from), "to": felt(to), "value": n(value) }),
            ),
            Self::Other(raw) => (
                "other",
                json!({
                    "from": felt(&raw.from),
                    "keys": raw.keys.iter().map(felt).collect::<Vec<_>>(),
                    "data": raw.data.iter().map(felt).collect::<Vec<_>>(),
                }),
            ),
        }
    }
}
