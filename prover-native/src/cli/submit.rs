//! `stwo-ml submit` and `stwo-ml resume`.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use serde_json::{Value, json};
use stwo_ml::starknet::journal::{Entry, Journal};
use stwo_ml::starknet::plan::{Order, Plan};
use stwo_ml::starknet::submit::{Step, resume, submit};
use stwo_ml_verifier::starknet::U256;

use super::calldata::PaymentArgs;
use super::client::{AccountArgs, NodeArgs, conclude, failure, plan_json, plan_text, unsent};
use super::starknet::{ProofArgs, amount};
use super::{Failure, Output};

/// Arguments of `submit`.
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
    #[command(flatten)]
    journal: JournalArgs,
    /// Highest fee in STRK; the network cannot take more than what is signed.
    #[arg(long, value_parser = amount, value_name = "STRK")]
    max_fee: Option<U256>,
    /// Show the plan and stop: nothing is signed.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; needs --max-fee.
    #[arg(long, requires = "max_fee")]
    yes: bool,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    /// Hash of one transaction; all open ones otherwise.
    transaction: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    journal: JournalArgs,
    /// List the journal and ask no node.
    #[arg(long)]
    list: bool,
}

/// The journal of submissions.
#[derive(Debug, clap::Args)]
pub(super) struct JournalArgs {
    /// Folder of the journal. Default: `stwo-ml` in $XDG_STATE_HOME or ~/.local/state.
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
}

impl JournalArgs {
    fn open(&self) -> Result<Journal, Failure> {
        let home = || std::env::home_dir().map(|home| home.join(".local/state"));
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        let default = || {
            state
                .filter(|s| s.is_absolute())
                .or_else(home)
                .map(|s| s.join("stwo-ml"))
        };
        let folder = self.journal.clone().or_else(default);
        let folder = folder.ok_or_else(|| {
            Failure::Unusable("there is no home directory; name a folder with --journal".into())
        })?;
        Journal::open(&folder).map_err(|e| failure(e.into()))
    }
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let job = args.payment.job();
    let cap = args.max_fee.map(|cap| match cap.high {
        0 => cap.low,
        _ => u128::MAX,
    });
    if !args.yes && !args.dry_run && !std::io::stdin().is_terminal() {
        let message = "there is no terminal to confirm on: give --yes and --max-fee, or --dry-run";
        return Err(Failure::Unusable(message.into()));
    }
    let account = args.account.load()?;
    let journal = args.journal.open()?;
    let projected = args.proof.project(out).map_err(unsent)?;
    let chain = args.node.connect()?;
    let order = Order {
        vk: &projected.vk,
        proof: &projected.file,
        proof_data: &projected.felts,
        job: &job,
    };
    let plan = Plan::make(&chain, &account, &order).map_err(failure)?;
    plan.check_cap(cap).map_err(failure)?;
    if args.dry_run {
        let value = json!({ "ok": true, "dry_run": true, "plan": plan_json(&plan) });
        out.print(format!("{}\nnothing was signed", plan_text(&plan)), &value);
        return Ok(());
    }
    // The plan goes to the terminal even with --json, whose object is the outcome.
    eprintln!("{}", plan_text(&plan));
    if !args.yes && !confirmed() {
        return Err(Failure::Unusable(
            "not confirmed; nothing was signed".into(),
        ));
    }
    let submitted = submit(&chain, &account, &order, plan, cap, &journal, step).map_err(failure)?;
    conclude(&submitted, out)
}

fn confirmed() -> bool {
    eprint!("submit? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn step(step: Step) {
    match step {
        Step::Locking => {}
        Step::Sending { hash } => eprintln!("signed and recorded, sending {hash:#x}"),
        Step::Again => eprintln!("another transaction took the nonce; planning again"),
        Step::Waiting { hash } => eprintln!("the node has {hash:#x}; waiting for a block"),
        _ => {}
    }
}

pub(super) fn run_resume(args: &ResumeArgs, out: Output) -> Result<(), Failure> {
    let journal = args.journal.open()?;
    let entries = journal.entries().map_err(|e| failure(e.into()))?;
    if args.list {
        let lines: Vec<String> = entries.iter().map(line).collect();
        let values: Value = entries.iter().map(value).collect();
        out.print(
            lines.join("\n"),
            &json!({ "ok": true, "submissions": values }),
        );
        return Ok(());
    }
    let chosen: Vec<&Entry> = match &args.transaction {
        Some(hash) => entries.iter().filter(|e| e.signed.hash == *hash).collect(),
        None => entries.iter().filter(|e| e.state.is_open()).collect(),
    };
    if chosen.is_empty() {
        return match &args.transaction {
            Some(hash) => Err(Failure::Unusable(format!(
                "the journal has no transaction {hash}"
            ))),
            None => {
                out.print(
                    "no submission is open",
                    &json!({ "ok": true, "submissions": [] }),
                );
                Ok(())
            }
        };
    }
    let chain = args.node.connect()?;
    let mut worst = Ok(());
    for entry in chosen {
        let outcome = resume(&chain, entry, &journal, step).map_err(failure);
        let outcome = outcome.and_then(|submitted| conclude(&submitted, out));
        if let Err(failure) = outcome
            && let Err(earlier) = std::mem::replace(&mut worst, Err(failure))
        {
            eprintln!("error: {earlier}");
        }
    }
    worst
}

/// An entry of the journal on one line.
fn line(entry: &Entry) -> String {
    let Entry {
        signed,
        state,
        note,
        ..
    } = entry;
    let note = if note.is_empty() {
        String::new()
    } else {
        format!(" ({note})")
    };
    format!("{} job {} {}{note}", signed.hash, signed.job, state.name())
}

fn value(entry: &Entry) -> Value {
    let Entry {
        signed,
        state,
        note,
        signed_at,
        updated_at,
    } = entry;
    json!({
        "transaction": signed.hash, "chain_id": signed.chain_id, "account": signed.account,
        "nonce": signed.nonce, "job": signed.job, "amount": signed.amount,
        "proof_hash": signed.proof_hash, "most_fee": signed.most_fee, "state": state.name(),
        "note": note, "signed_at": signed_at, "updated_at": updated_at,
    })
}
