//! What `estimate`, `submit` and `receipt` share: the node, the account, how results are shown.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use stwo_ml::starknet::account::Account;
use stwo_ml::starknet::decimal;
use stwo_ml::starknet::error::SubmitError;
use stwo_ml::starknet::events::Contracts;
use stwo_ml::starknet::fee::KINDS;
use stwo_ml::starknet::plan::{Chain, Plan};
use stwo_ml::starknet::receipt::Submitted;
use stwo_ml::starknet::report::{Verdict, text};
use stwo_ml::starknet::rpc::{Patience, Rpc};
use stwo_ml_verifier::starknet::{ENTRY_POINTS, Felt, U256, short_string};

use super::Failure;
use super::calldata::{fee_json, fee_text};
use super::starknet::{NetworkArgs, hex};

/// The node.
#[derive(Debug, clap::Args)]
pub(super) struct NodeArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// JSON-RPC endpoint of a node of the network, instead of the profile's.
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Longest time for one answer of the node.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    timeout: u64,
    /// Attempts of one request.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Longest time to wait for a transaction to get into a block.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    wait: u64,
}

/// The account that submits.
#[derive(Debug, clap::Args)]
pub(super) struct AccountArgs {
    /// The account that submits and pays: a JSON file with `address` and `keystore`. The keystore's
    /// password is read from the environment variable STWO_ML_KEYSTORE_PASSWORD; without a keystore,
    /// the key from STWO_ML_PRIVATE_KEY.
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
}

impl NodeArgs {
    /// Connects to the node; one of another chain is refused.
    pub(super) fn connect(&self) -> Result<Chain, Failure> {
        let network = self.network.network()?;
        let patience = Patience {
            answer: Duration::from_secs(self.timeout),
            attempts: self.attempts,
            acceptance: Duration::from_secs(self.wait),
            ..Patience::default()
        };
        let rpc = Rpc::new(self.rpc.as_ref().unwrap_or(&network.rpc), patience);
        let contracts = Contracts {
            addresses: network.addresses,
            fee_token: network.fee_token,
        };
        let chain_id =
            short_string(&network.chain_id).map_err(|e| Failure::Unusable(e.to_string()))?;
        let rpc = rpc.map_err(|e| failure(e.into()))?;
        Chain::connect(rpc, chain_id, contracts).map_err(failure)
    }
}

impl AccountArgs {
    pub(super) fn load(&self) -> Result<Account, Failure> {
        Account::load(&self.account, |name| std::env::var(name).ok()).map_err(|e| failure(e.into()))
    }
}

/// A client's error as a command's.
pub(super) fn failure(error: SubmitError) -> Failure {
    let (code, message) = (error.code(), error.to_string());
    match error {
        SubmitError::Unknown { .. } => Failure::Outcome { code, message },
        _ => Failure::Unsent { code, message },
    }
}

/// A failure before a submission: nothing was sent, whatever the reason.
pub(super) fn unsent(failure: Failure) -> Failure {
    let message = failure.to_string();
    let code = match failure {
        Failure::Invalid(e) => e.code(),
        Failure::Mismatch(_) => "mismatch",
        Failure::Contract(_) => "contract",
        other => return other,
    };
    Failure::Unsent { code, message }
}

/// The names of a plan's calls.
fn call_names(plan: &Plan) -> Vec<&'static str> {
    let approve = plan.approve().map(|_| "approve");
    approve
        .into_iter()
        .chain(ENTRY_POINTS.map(|(name, _)| name))
        .collect()
}

/// A plan as text.
pub(super) fn plan_text(plan: &Plan) -> String {
    let Plan {
        estimate, bounds, ..
    } = plan;
    let split = plan.split();
    let mut lines = vec!["the proof verifies, the contract's rules accept it, and the simulated transaction is accepted and paid".to_owned()];
    for (name, gas) in call_names(plan).iter().zip(&plan.call_gas) {
        lines.push(format!("  call {name:<34} {gas:>12} L2 gas"));
    }
    if let Some(amount) = plan.approve() {
        lines.push(format!(
            "  the first call lets the router take {} SAGE: the allowance is {}",
            decimal(amount),
            decimal(plan.state.allowance)
        ));
    }
    lines.push(format!(
        "  payment {} SAGE: {}",
        decimal(split.collected),
        fee_text(split)
    ));
    lines.push(format!(
        "  fee about {} STRK, at most {}",
        decimal(estimate.total),
        decimal(bounds.most())
    ));
    for ((kind, gas), (price, part)) in KINDS
        .iter()
        .zip(estimate.gas)
        .zip(estimate.price.iter().zip(estimate.parts()))
    {
        lines.push(format!(
            "    {kind:<12} {gas:>12} at {price:>14} fri = {} STRK",
            decimal(part)
        ));
    }
    lines.join("\n")
}

/// A plan as JSON.
pub(super) fn plan_json(plan: &Plan) -> Value {
    let Plan {
        estimate, bounds, ..
    } = plan;
    let parts = estimate.parts();
    let kinds = KINDS.iter().enumerate().map(|(i, kind)| {
        json!({
            "kind": kind, "gas": estimate.gas[i], "price": estimate.price[i].to_string(),
            "fee": parts[i].to_string(), "most_gas": bounds.gas[i], "most_price": bounds.price[i].to_string(),
        })
    });
    let calls = call_names(plan)
        .into_iter()
        .zip(plan.calls())
        .enumerate()
        .map(|(i, (name, call))| {
            json!({
                "entry_point": name, "to": hex(&call.to), "selector": hex(&call.selector),
                "felts": call.calldata.len(), "l2_gas": plan.call_gas.get(i),
            })
        });
    json!({
        "calls": calls.collect::<Value>(),
        "approve": plan.approve().map(|a: U256| a.to_string()),
        "split": fee_json(plan.split()),
        "fee": {
            "estimate": estimate.total.to_string(), "most": bounds.most().to_string(),
            "parts": kinds.collect::<Value>(),
        },
    })
}

/// A transaction's report as text.
pub(super) fn submitted_text(submitted: &Submitted) -> String {
    let Submitted {
        receipt,
        report,
        submission,
        ..
    } = submitted;
    let block = receipt
        .block
        .map_or("no block yet".to_owned(), |b| format!("block {b}"));
    let mut lines = vec![
        format!("{}", report.verdict),
        format!(
            "  transaction {:#x} in {block}, job {}, fee {} STRK",
            receipt.hash,
            submission.job.id,
            decimal(fri(receipt.fee))
        ),
        format!("  {} events", report.events.len()),
    ];
    lines.extend(
        report
            .events
            .iter()
            .map(|event| format!("    {}", text(event))),
    );
    lines.join("\n")
}

/// A transaction's report as JSON.
pub(super) fn submitted_json(submitted: &Submitted) -> Value {
    let Submitted {
        receipt,
        report,
        submission,
        payer,
    } = submitted;
    let events = report.events.iter().map(|event| {
        let (name, fields) = event.json();
        json!({ "event": name, "fields": fields })
    });
    let (reason, differences) = match &report.verdict {
        Verdict::Rejected { reason, .. } | Verdict::Reverted { reason } => (Some(reason), None),
        Verdict::Contradiction { differences } => (None, Some(differences)),
        _ => (None, None),
    };
    json!({
        "ok": report.verdict == Verdict::Paid, "verdict": report.verdict.code(), "reason": reason,
        "differences": differences, "transaction": hex(&receipt.hash), "block": receipt.block,
        "payer": hex(payer), "job": submission.job.id.to_string(),
        "amount": submission.job.amount.to_string(), "fee": fri(receipt.fee),
        "gas": { "l1_gas": receipt.gas[0], "l1_data_gas": receipt.gas[1], "l2_gas": receipt.gas[2] },
        "events": events.collect::<Value>(),
    })
}

/// A fee in decimal; fees are far below `2^128`.
fn fri(fee: Felt) -> String {
    u128::try_from(fee).map_or_else(|_| format!("{fee:#x}"), |n| n.to_string())
}

/// Prints a report, and turns everything but an accepted and paid submission into a failure.
pub(super) fn conclude(submitted: &Submitted, out: super::Output) -> Result<(), Failure> {
    let verdict = &submitted.report.verdict;
    if *verdict == Verdict::Paid {
        out.print(submitted_text(submitted), &submitted_json(submitted));
        return Ok(());
    }
    Err(Failure::OnChain {
        code: verdict.code(),
        text: submitted_text(submitted),
        value: submitted_json(submitted),
    })
}
