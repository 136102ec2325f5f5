//! `stwo-ml calldata`.

use std::path::PathBuf;

use serde_json::{Value, json};
use stwo_ml::starknet::decimal;
use stwo_ml_verifier::starknet::{
    Call, ENTRY_POINTS, FeeSplit, Fees, Felt, Job, U256, calls, execute_calldata, felt,
};

use super::starknet::{
    NetworkArgs, ProofArgs, StateArgs, amount, hex, integer, outcome_json, outcome_text,
};
use super::{Failure, Output, write};

/// The contracts, in the order of the calls.
const CONTRACTS: [&str; 4] = [
    "ProofGatedPayment",
    "StwoVerifier",
    "PaymentRouter",
    "PaymentRouter",
];

/// Arguments of `calldata`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    payment: PaymentArgs,
    #[command(flatten)]
    state: StateArgs,
    /// Where to write the calls, as JSON.
    #[arg(short, long, default_value = "calls.json", value_name = "FILE")]
    output: PathBuf,
}

/// What is paid for the proof.
#[derive(Debug, clap::Args)]
pub(super) struct PaymentArgs {
    /// Number of the job.
    #[arg(long, value_parser = integer, value_name = "NUMBER")]
    job: U256,
    /// Account of the worker.
    #[arg(long, value_parser = felt, value_name = "ADDRESS")]
    worker: Felt,
    /// Account of the client.
    #[arg(long, value_parser = felt, value_name = "ADDRESS")]
    client: Felt,
    /// Payment in SAGE, decimal, at most 18 digits behind the point.
    #[arg(long, value_parser = amount, value_name = "SAGE")]
    amount: U256,
    /// Its value in dollars, for the record.
    #[arg(long, value_parser = amount, value_name = "DOLLARS")]
    usd: U256,
    /// Have the privacy flag recorded with the job.
    #[arg(long)]
    privacy: bool,
}

impl PaymentArgs {
    pub(super) fn job(&self) -> Job {
        Job {
            id: self.job,
            worker: self.worker,
            client: self.client,
            amount: self.amount,
            usd: self.usd,
            privacy: self.privacy,
        }
    }
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let network = args.network.network()?;
    let job = args.payment.job();
    let unusable = |e| Failure::Unusable(format!("{e}"));
    job.check().map_err(unusable)?;
    let projected = args.proof.project(out)?;
    let checked = args.proof.precheck(&projected, &args.state.state())?;
    if !checked.outcome.is_accepted() {
        return Err(Failure::Contract(outcome_text(&checked.outcome)));
    }
    let io = projected.projection.io;
    let calls = calls(&network.addresses, &job, &projected.felts, io).map_err(unusable)?;
    let fees = [("documented", Fees::DOCUMENTED), ("source", Fees::SOURCE)];
    let splits = fees.map(|(name, fees)| (name, fees.split(job.amount)));
    let mut split_json = serde_json::Map::new();
    let mut split_text = String::new();
    for (name, split) in splits {
        let split = split.map_err(unusable)?;
        split_json.insert(name.into(), fee_json(&split));
        split_text += &format!("\n  {name:<10} {}", fee_text(&split));
    }
    let execute = execute_calldata(&calls);
    let value = json!({
        "network": network.name,
        "chain_id": network.chain_id,
        "model": projected.vk.digest().to_string(),
        "io_commitment": hex(&io),
        "contract": outcome_json(&checked.outcome),
        "calls": calls_json(&calls),
        "execute_calldata": execute.iter().map(hex).collect::<Value>(),
        "fees": split_json,
    });
    let file = serde_json::to_vec_pretty(&value).expect("a JSON value");
    write(&args.output, &file)?;
    let text = format!(
        "the proof verifies; {}\n  four calls, {} felts of calldata, {} of them proof_data: {}\n  of {} SAGE, by the router's two known settings:{split_text}",
        outcome_text(&checked.outcome),
        execute.len(),
        projected.felts.len(),
        args.output.display(),
        decimal(job.amount),
    );
    out.print(
        text,
        &json!({
            "ok": true, "calls": args.output, "network": network.name,
            "calldata_felts": execute.len(), "proof_felts": projected.felts.len(),
            "io_commitment": hex(&io), "contract": outcome_json(&checked.outcome),
            "fees": value["fees"],
        }),
    );
    Ok(())
}

fn calls_json(calls: &[Call; 4]) -> Value {
    let named = calls.iter().zip(CONTRACTS).zip(ENTRY_POINTS);
    named
        .map(|((call, contract), (entry_point, _))| {
            json!({
                "contract": contract,
                "to": hex(&call.to),
                "entry_point": entry_point,
                "selector": hex(&call.selector),
                "calldata": call.calldata.iter().map(hex).collect::<Value>(),
            })
        })
        .collect()
}

/// The parts of a payment, in units of `10^-18` SAGE, as decimal strings.
pub(super) fn fee_json(split: &FeeSplit) -> Value {
    let n = |amount: U256| json!(amount.to_string());
    json!({
        "collected": n(split.collected), "shared": n(split.shared), "worker": n(split.worker),
        "protocol": n(split.protocol), "burned": n(split.burned), "treasury": n(split.treasury),
        "stakers": n(split.stakers), "needed_in_router": n(split.needed),
    })
}

/// The parts of a payment in SAGE, with the surcharge.
pub(super) fn fee_text(split: &FeeSplit) -> String {
    let mut text = format!(
        "{} shared out ({} are collected): worker {}, treasury {}, stakers {}",
        decimal(split.shared),
        decimal(split.collected),
        decimal(split.worker),
        decimal(split.treasury),
        decimal(split.stakers),
    );
    if split.burned != U256::ZERO {
        text += &format!(", burned {}", decimal(split.burned));
    }
    if split.needed != U256::ZERO {
        text += &format!(
            "; the router must already hold {}, or the payment reverts",
            decimal(split.needed)
        );
    }
    text
}
