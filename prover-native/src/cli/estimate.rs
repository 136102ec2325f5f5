//! `stwo-ml estimate`.

use serde_json::json;
use stwo_ml::starknet::plan::{Order, Plan};

use super::calldata::PaymentArgs;
use super::client::{AccountArgs, NodeArgs, failure, plan_json, plan_text, unsent};
use super::starknet::ProofArgs;
use super::{Failure, Output};

/// Arguments of `estimate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    payment: PaymentArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    account: AccountArgs,
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let job = args.payment.job();
    let account = args.account.load()?;
    let projected = args.proof.project(out).map_err(unsent)?;
    let chain = args.node.connect()?;
    let order = Order {
        vk: &projected.vk,
        proof: &projected.file,
        proof_data: &projected.felts,
        job: &job,
    };
    let plan = Plan::make(&chain, &account, &order).map_err(failure)?;
    out.print(
        plan_text(&plan),
        &json!({ "ok": true, "plan": plan_json(&plan) }),
    );
    Ok(())
}
