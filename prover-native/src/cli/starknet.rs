//! What the commands about Starknet share: the proof, its projection, the network, numbers.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value, json};
use stwo_ml::starknet::{Network, grind};
use stwo_ml_verifier::starknet::{
    ContractState, Felt, Outcome, Precheck, Projection, StarknetError, U256, precheck,
};
use stwo_ml_verifier::{Stage, Vk, verify::MAX_PROOF_BYTES};

use super::{Failure, Output, read, read_vk};

/// Decimals of the SAGE token and of amounts in dollars.
pub(super) const DECIMALS: usize = 18;
/// Largest file of networks that is read, in bytes.
const MAX_NETWORKS_BYTES: usize = 1 << 20;

/// The proof that is to be submitted.
#[derive(Debug, clap::Args)]
pub(super) struct ProofArgs {
    /// The verifying key, from the model's owner; its level must be onchain128.
    #[arg(long, value_name = "FILE")]
    pub(super) vk: PathBuf,
    /// The proof.
    pub(super) proof: PathBuf,
}

/// Where it is to be submitted.
#[derive(Debug, clap::Args)]
pub(super) struct NetworkArgs {
    /// Network: sepolia, or a name from the file of `--networks`.
    #[arg(long, default_value = "sepolia", value_name = "NAME")]
    network: String,
    /// A file of networks to use instead of the built-in ones (docs/starknet.md).
    #[arg(long, value_name = "FILE")]
    networks: Option<PathBuf>,
}

/// What the verifier contract is believed to hold.
#[derive(Debug, clap::Args)]
pub(super) struct StateArgs {
    /// Take the contract to be paused.
    #[arg(long)]
    paused: bool,
    /// Take the contract to have seen this proof before.
    #[arg(long)]
    already_submitted: bool,
    /// The contract's least security bits.
    #[arg(long, default_value_t = ContractState::default().min_security_bits, value_name = "BITS")]
    min_security_bits: u32,
    /// The contract's greatest number of felts.
    #[arg(long, default_value_t = ContractState::default().max_proof_felts, value_name = "FELTS")]
    max_proof_felts: u32,
}

impl StateArgs {
    pub(super) fn state(&self) -> ContractState {
        ContractState {
            paused: self.paused,
            min_security_bits: self.min_security_bits,
            max_proof_felts: self.max_proof_felts,
            already_submitted: self.already_submitted,
        }
    }
}

impl NetworkArgs {
    pub(super) fn network(&self) -> Result<Network, Failure> {
        let unusable = |e: &dyn std::fmt::Display| Failure::Unusable(e.to_string());
        let Some(path) = &self.networks else {
            return Network::find(&self.network, None).map_err(|e| unusable(&e));
        };
        let bytes = read(path, MAX_NETWORKS_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|e| Failure::file(path, e))?;
        Network::find(&self.network, Some(&text)).map_err(|e| Failure::file(path, e))
    }
}

/// A proof that verifies, projected.
pub(super) struct Projected {
    pub(super) vk: Vk,
    pub(super) file: Vec<u8>,
    pub(super) projection: Projection,
    pub(super) felts: Vec<Felt>,
}

impl ProofArgs {
    /// Verifies and projects the proof and grinds the contract's nonce.
    pub(super) fn project(&self, out: Output) -> Result<Projected, Failure> {
        let vk = read_vk(&self.vk)?;
        let file = read(&self.proof, MAX_PROOF_BYTES)?;
        let failure = |e| self.failure(e);
        let (_, projection) = Projection::of_file(&vk, &file).map_err(failure)?;
        let bar = out.count("nonces tried for the contract");
        let nonce = grind(projection.io, &|tried| bar.set_position(tried.into()));
        bar.finish_and_clear();
        let felts = projection.felts(nonce.unwrap_or(0)).map_err(failure)?;
        Ok(Projected {
            vk,
            file,
            projection,
            felts,
        })
    }

    /// A false proof is told from one that cannot be submitted.
    fn failure(&self, error: StarknetError) -> Failure {
        match error {
            StarknetError::Verify(e)
                if matches!(e.stage(), Stage::Soundness | Stage::Statement) =>
            {
                Failure::Invalid(e)
            }
            e => Failure::file(&self.proof, e),
        }
    }

    /// Both verdicts.
    pub(super) fn precheck(
        &self,
        projected: &Projected,
        state: &ContractState,
    ) -> Result<Precheck, Failure> {
        precheck(&projected.vk, &projected.file, &projected.felts, state)
            .map_err(|e| self.failure(e))
    }
}

/// Parses an integer, decimal or hexadecimal.
pub(super) fn integer(text: &str) -> Result<U256, String> {
    U256::from_str(text).map_err(|e| e.to_string())
}

/// Parses a decimal amount.
pub(super) fn amount(text: &str) -> Result<U256, String> {
    U256::from_units(text, DECIMALS).map_err(|e| e.to_string())
}

/// A felt as JSON.
pub(super) fn hex(felt: &Felt) -> Value {
    json!(format!("{felt:#x}"))
}

/// The contract's verdict as JSON.
pub(super) fn outcome_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Accepted {
            security_bits,
            proof_hash,
        } => json!({
            "verdict": "accepted", "security_bits": security_bits, "proof_hash": hex(proof_hash),
        }),
        Outcome::Rejected { reason, proof_hash } => json!({
            "verdict": "rejected", "reason": reason, "proof_hash": hex(proof_hash),
        }),
        Outcome::Reverts { reason } => json!({ "verdict": "reverts", "reason": reason }),
    }
}

/// The contract's verdict as a sentence.
pub(super) fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { security_bits, .. } => format!(
            "StwoVerifier would accept it and count {security_bits} bits (it checks the form only)"
        ),
        Outcome::Rejected { reason, .. } => format!(
            "StwoVerifier would reject it with '{reason}'; the transaction would succeed and the payment be made all the same"
        ),
        Outcome::Reverts { reason } => format!("the transaction would revert with '{reason}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stwo_ml::starknet::decimal;

    #[test]
    fn amounts_are_shown_as_they_are_read() {
        for text in ["0", "1", "1.5", "0.000000000000000001", "1234567.89"] {
            assert_eq!(decimal(amount(text).unwrap()), text);
        }
        assert_eq!(decimal(amount("007.50").unwrap()), "7.5");
    }
}
