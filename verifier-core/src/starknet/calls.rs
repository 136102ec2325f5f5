//! The four calls of a submission, felt by felt.
//!
//! Cairo Serde: a felt, an address and a boolean are one felt, a `u256` two (low half first), an
//! array its length and its items.

use alloc::vec::Vec;

use super::{Felt, MAX_STORED_FELTS, StarknetError, U256, felt};

/// Most felts of calldata that the network admits in a transaction.
pub const MAX_CALLDATA_FELTS: usize = 5000;

/// The entry points of a submission in the order of the calls, and their selectors.
pub const ENTRY_POINTS: [(&str, &str); 4] = [
    (
        "register_job_payment",
        "0x18a2978e0f6d695e5ae217d84fa3b047a1826c7095126c57c8592ba065115e",
    ),
    (
        "submit_and_verify_with_io_binding",
        "0x393ff87ee57dc8087e3c2a2af733269699fb3248fc783c81d034aad4fa00441",
    ),
    (
        "register_job",
        "0x2e84f36b79371fa4a7e3840ff7444193473995bc9eef4ee3c51cb2923eda8e7",
    ),
    (
        "pay_with_sage",
        "0x268ce2ced43793e735b1b146dc3cb0f0bd6cc692566303ea29a32905ec9f51e",
    ),
];

/// The contracts. They are configuration: no address is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// `ProofGatedPayment`.
    pub gate: Felt,
    /// `StwoVerifier`.
    pub verifier: Felt,
    /// `PaymentRouter`.
    pub router: Felt,
    /// The SAGE token.
    pub token: Felt,
}

/// What is paid, to whom and for which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Number of the job; not zero, which the verifier answers for proofs that it does not know.
    pub id: U256,
    /// Account of the worker.
    pub worker: Felt,
    /// Account of the client.
    pub client: Felt,
    /// Payment in units of `10^-18` SAGE.
    pub amount: U256,
    /// Its value in units of `10^-18` dollars, for the record.
    pub usd: U256,
    /// Recorded with the job.
    pub privacy: bool,
}

/// A call of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Address of the contract.
    pub to: Felt,
    /// Selector of the entry point.
    pub selector: Felt,
    /// Serialised arguments.
    pub calldata: Vec<Felt>,
}

fn selectors() -> [Felt; 4] {
    // The tests compare the constants with Keccak-256 of the names.
    ENTRY_POINTS.map(|(_, selector)| felt(selector).unwrap_or(Felt::ZERO))
}

impl Addresses {
    /// # Errors
    /// [`StarknetError::Missing`] or [`StarknetError::Range`].
    pub fn check(&self) -> Result<(), StarknetError> {
        let Self {
            gate,
            verifier,
            router,
            token,
        } = *self;
        address("address of ProofGatedPayment", gate)?;
        address("address of StwoVerifier", verifier)?;
        address("address of PaymentRouter", router)?;
        address("address of the SAGE token", token)
    }
}

impl Job {
    /// # Errors
    /// [`StarknetError::Missing`] or [`StarknetError::Range`].
    pub fn check(&self) -> Result<(), StarknetError> {
        address("address of the worker", self.worker)?;
        address("address of the client", self.client)?;
        for (what, value) in [("job id", self.id), ("amount", self.amount)] {
            if value == U256::ZERO {
                return Err(StarknetError::Missing { what });
            }
        }
        Ok(())
    }
}

/// Addresses are below `2^251` and not zero.
fn address(what: &'static str, address: Felt) -> Result<(), StarknetError> {
    if address == Felt::ZERO {
        return Err(StarknetError::Missing { what });
    }
    match address.to_bits_le().iter().skip(251).any(|bit| *bit) {
        true => Err(StarknetError::Range { what, bits: 251 }),
        false => Ok(()),
    }
}

/// The calls that register the payment, submit `proof_data` bound to the commitment `io`, register
/// the worker and pay, in the only order that pays the worker.
///
/// # Errors
/// [`StarknetError::Missing`] or [`StarknetError::Range`] for an address, job or amount,
/// [`StarknetError::Stored`] or [`StarknetError::Calldata`] for what the network does not carry.
pub fn calls(
    addresses: &Addresses,
    job: &Job,
    proof_data: &[Felt],
    io: Felt,
) -> Result<[Call; 4], StarknetError> {
    addresses.check()?;
    job.check()?;
    if io == Felt::ZERO {
        let what = "input-output commitment";
        return Err(StarknetError::Missing { what });
    }
    if proof_data.len() > MAX_STORED_FELTS {
        return Err(StarknetError::Stored {
            limit: MAX_STORED_FELTS,
            got: proof_data.len(),
        });
    }
    let submission = Submission {
        gate: addresses.gate,
        verifier: addresses.verifier,
        router: addresses.router,
        job: *job,
        proof_data: proof_data.to_vec(),
        io,
    };
    let calls = submission.calls();
    check_calldata(&calls).map(|()| calls)
}

/// Checks that a transaction with these calls, of whatever contracts, is one that the network
/// carries.
///
/// # Errors
/// [`StarknetError::Calldata`].
pub fn check_calldata(calls: &[Call]) -> Result<(), StarknetError> {
    let (limit, got) = (MAX_CALLDATA_FELTS, execute_calldata(calls).len());
    match got > limit {
        true => Err(StarknetError::Calldata { limit, got }),
        false => Ok(()),
    }
}

/// What the four calls say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Address of `ProofGatedPayment`.
    pub gate: Felt,
    /// Address of `StwoVerifier`.
    pub verifier: Felt,
    /// Address of `PaymentRouter`.
    pub router: Felt,
    /// The job.
    pub job: Job,
    /// What the verifier is sent.
    pub proof_data: Vec<Felt>,
    /// The commitment that it must be bound to.
    pub io: Felt,
}

impl Submission {
    fn calls(&self) -> [Call; 4] {
        let Self {
            gate,
            verifier,
            router,
            job,
            ..
        } = self;
        let [id_low, id_high] = job.id.felts();
        let [amount_low, amount_high] = job.amount.felts();
        let [usd_low, usd_high] = job.usd.felts();
        let privacy = Felt::from(u8::from(job.privacy));
        let register = Vec::from([
            id_low,
            id_high,
            job.worker,
            job.client,
            amount_low,
            amount_high,
            usd_low,
            usd_high,
            privacy,
        ]);
        let mut submit = Vec::from([Felt::from(self.proof_data.len())]);
        submit.extend_from_slice(&self.proof_data);
        submit.extend([self.io, id_low, id_high]);
        let route = Vec::from([id_low, id_high, job.worker, privacy]);
        let pay = Vec::from([amount_low, amount_high, id_low, id_high]);
        let [
            register_job_payment,
            submit_and_verify,
            register_job,
            pay_with_sage,
        ] = selectors();
        let call = |to: &Felt, selector, calldata| Call {
            to: *to,
            selector,
            calldata,
        };
        [
            call(gate, register_job_payment, register),
            call(verifier, submit_and_verify, submit),
            call(router, register_job, route),
            call(router, pay_with_sage, pay),
        ]
    }

    /// Reads four calls back.
    ///
    /// # Errors
    /// [`StarknetError::Calls`] unless they are exactly the calls of one submission.
    pub fn parse(calls: &[Call]) -> Result<Self, StarknetError> {
        let wrong = |rule| StarknetError::Calls { rule };
        let [register, submit, route, _] = calls else {
            return Err(wrong("there are not four calls"));
        };
        let (&[id_low, id_high, worker, client, a, b, c, d, privacy], [_, arguments @ ..]) =
            (&register.calldata[..], &submit.calldata[..])
        else {
            return Err(wrong("a call has the wrong number of felts"));
        };
        let (proof_data, [io, _, _]) = arguments
            .split_last_chunk::<3>()
            .ok_or(wrong("a call has the wrong number of felts"))?;
        let submission = Self {
            gate: register.to,
            verifier: submit.to,
            router: route.to,
            job: Job {
                id: U256::from_felts(id_low, id_high)?,
                worker,
                client,
                amount: U256::from_felts(a, b)?,
                usd: U256::from_felts(c, d)?,
                privacy: privacy == Felt::ONE,
            },
            proof_data: proof_data.to_vec(),
            io: *io,
        };
        // Selectors, repeated arguments, lengths and order are right if these are its calls.
        match submission.calls() == *calls {
            true => Ok(submission),
            false => Err(wrong("the calls contradict each other or the interface")),
        }
    }
}

/// The calldata of an account's `__execute__`: the number of calls, and each one's address,
/// selector, number of felts and felts.
pub fn execute_calldata(calls: &[Call]) -> Vec<Felt> {
    let mut felts = Vec::from([Felt::from(calls.len())]);
    for call in calls {
        felts.extend([call.to, call.selector, call.calldata.len().into()]);
        felts.extend_from_slice(&call.calldata);
    }
    felts
}

/// Reads [`execute_calldata`] back.
///
/// # Errors
/// [`StarknetError::Calls`] if the felts end early or go on.
pub fn parse_execute_calldata(felts: &[Felt]) -> Result<Vec<Call>, StarknetError> {
    const EARLY: StarknetError = StarknetError::Calls {
        rule: "the calldata ends early",
    };
    let length = |felt: &Felt| {
        let length = u32::try_from(*felt).ok();
        length.and_then(|n| usize::try_from(n).ok()).ok_or(EARLY)
    };
    let (count, mut rest) = felts.split_first().ok_or(EARLY)?;
    let mut calls = Vec::new();
    for _ in 0..length(count)? {
        let ([to, selector, count], tail) = rest.split_first_chunk::<3>().ok_or(EARLY)?;
        let (calldata, tail) = tail.split_at_checked(length(count)?).ok_or(EARLY)?;
        rest = tail;
        calls.push(Call {
            to: *to,
            selector: *selector,
            calldata: calldata.to_vec(),
        });
    }
    match rest.is_empty() {
        true => Ok(calls),
        false => Err(StarknetError::Calls {
            rule: "felts follow the last call",
        }),
    }
}

#[cfg(test)]
mod tests;
