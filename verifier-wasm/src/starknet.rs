//! The Starknet side of a key: what a submission is made of, and what the contract would say.
//! Felts are hexadecimal texts, integers decimal or hexadecimal ones.

use stwo_ml_verifier::starknet::{
    Addresses, ContractState, ENTRY_POINTS, Fees, Felt, Job, Precheck, Projection, StarknetError,
    calls, execute_calldata, felt, io_commitment, least_nonce, precheck,
};
use stwo_ml_verifier::verify_file;
use wasm_bindgen::prelude::*;

use super::{Key, Refusal, plain, refuse};

fn refuse_submission(error: StarknetError) -> JsValue {
    match error {
        StarknetError::Verify(error) => refuse(&error),
        error => plain(&Refusal {
            code: error.code(),
            stage: "starknet".into(),
            message: error.to_string(),
        }),
    }
}

fn hex(felts: &[Felt]) -> Vec<String> {
    felts.iter().map(|felt| format!("{felt:#x}")).collect()
}

/// A valid proof, its projection, and the contract's verdict on it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Prechecked {
    checked: Precheck,
    felts: Vec<Felt>,
}

#[wasm_bindgen]
impl Key {
    /// Checks a proof file and returns the input-output commitment of its statement.
    ///
    /// # Errors
    /// `{ code, stage, message }`.
    #[wasm_bindgen(js_name = ioCommitment)]
    pub fn io_commitment(&self, proof: &[u8]) -> Result<String, JsValue> {
        let (statement, _) = verify_file(&self.vk, proof).map_err(|e| refuse(&e))?;
        let io = io_commitment(&self.vk, &statement).map_err(refuse_submission)?;
        Ok(format!("{io:#x}"))
    }

    /// Checks a proof file, and what the contract would say of it in this state.
    ///
    /// # Errors
    /// `{ code, stage, message }`.
    pub fn precheck(
        &self,
        proof: &[u8],
        paused: bool,
        min_security_bits: u32,
        max_proof_felts: u32,
        already_submitted: bool,
    ) -> Result<Prechecked, JsValue> {
        let state = ContractState {
            paused,
            min_security_bits,
            max_proof_felts,
            already_submitted,
        };
        let check = || {
            let (_, projection) = Projection::of_file(&self.vk, proof)?;
            let felts = projection.felts(least_nonce(projection.io).unwrap_or(0))?;
            let checked = precheck(&self.vk, proof, &felts, &state)?;
            Ok(Prechecked { checked, felts })
        };
        check().map_err(refuse_submission)
    }
}

#[wasm_bindgen]
impl Prechecked {
    /// `proof_data`, felt by felt.
    pub fn felts(&self) -> Vec<String> {
        hex(&self.felts)
    }

    /// `accepted`, `rejected` or `reverts`.
    pub fn verdict(&self) -> String {
        self.checked.outcome.name().into()
    }

    /// The contract's reason, unless it accepts.
    pub fn reason(&self) -> Option<String> {
        self.checked.outcome.reason().map(String::from)
    }

    /// The calls that submit the proof and pay, and the calldata of `__execute__`:
    /// `[calls, calldata]`, a call being `[[address], name, calldata]`. The texts are the addresses of gate, verifier, router and token, the
    /// job, worker, client, amount and dollars.
    ///
    /// # Errors
    /// `{ code, stage, message }`, also if the contract would not accept the proof.
    pub fn calls(&self, texts: Vec<String>, privacy: bool) -> Result<JsValue, JsValue> {
        let made = || {
            self.checked.accepted()?;
            let text = |i: usize| texts.get(i).map_or("", String::as_str);
            let addresses = Addresses {
                gate: felt(text(0))?,
                verifier: felt(text(1))?,
                router: felt(text(2))?,
                token: felt(text(3))?,
            };
            let job = Job {
                id: text(4).parse()?,
                worker: felt(text(5))?,
                client: felt(text(6))?,
                amount: text(7).parse()?,
                usd: text(8).parse()?,
                privacy,
            };
            calls(&addresses, &job, &self.felts, self.checked.projection.io)
        };
        let calls = made().map_err(refuse_submission)?;
        let named = calls.iter().zip(ENTRY_POINTS);
        let named = named.map(|(call, (name, _))| (hex(&[call.to]), name, hex(&call.calldata)));
        let calldata = hex(&execute_calldata(&calls));
        Ok(plain(&(named.collect::<Vec<_>>(), calldata)))
    }
}

/// How the router shares a payment out at the documented split: what is collected, shared out, for
/// the worker, burned, for the treasury, for the stakers, and needed in the router beforehand.
///
/// # Errors
/// `{ code, stage, message }`.
#[wasm_bindgen(js_name = feeSplit)]
pub fn fee_split(amount: &str) -> Result<Vec<String>, JsValue> {
    let split = amount.parse().and_then(|n| Fees::DOCUMENTED.split(n));
    let s = split.map_err(refuse_submission)?;
    let parts = [
        s.collected,
        s.shared,
        s.worker,
        s.burned,
        s.treasury,
        s.stakers,
        s.needed,
    ];
    Ok(parts.map(|n| n.to_string()).to_vec())
}
