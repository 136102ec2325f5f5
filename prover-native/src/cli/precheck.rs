//! `stwo-ml precheck`.

use serde_json::json;
use stwo_ml_verifier::starknet::{MAX_CALLDATA_FELTS, MAX_STORED_FELTS};

use super::starknet::{NetworkArgs, ProofArgs, StateArgs, hex, outcome_json, outcome_text};
use super::{Failure, Output, statement_json};

/// Felts of calldata of a submission beside `proof_data`.
const OTHER_FELTS: usize = 34;

/// Arguments of `precheck`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    state: StateArgs,
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let network = args.network.network()?;
    let projected = args.proof.project(out)?;
    let state = args.state.state();
    let checked = args.proof.precheck(&projected, &state)?;
    if !checked.outcome.is_accepted() {
        return Err(Failure::Contract(outcome_text(&checked.outcome)));
    }
    let felts = projected.felts.len();
    let text = format!(
        "our verifier: valid, {} (model {})\nthe contract: {}\nlimits: {felts} stored felts of about {MAX_STORED_FELTS}, {} felts of calldata of {MAX_CALLDATA_FELTS}\n  StwoVerifier   {:#x} on {}\n  state assumed  not paused, at least {} bits, at most {} felts, not submitted before",
        projected.vk.name,
        projected.vk.digest(),
        outcome_text(&checked.outcome),
        felts + OTHER_FELTS,
        network.addresses.verifier,
        network.name,
        state.min_security_bits,
        state.max_proof_felts,
    );
    let value = json!({
        "ok": true,
        "model": projected.vk.digest().to_string(),
        "statement": statement_json(&projected.vk, &checked.statement),
        "network": network.name,
        "io_commitment": hex(&projected.projection.io),
        "contract": outcome_json(&checked.outcome),
        "limits": {
            "stored_felts": { "limit": MAX_STORED_FELTS, "got": felts },
            "calldata_felts": { "limit": MAX_CALLDATA_FELTS, "got": felts + OTHER_FELTS },
        },
    });
    out.print(text, &value);
    Ok(())
}
