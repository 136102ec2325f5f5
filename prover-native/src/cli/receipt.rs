//! `stwo-ml receipt`.

use stwo_ml::starknet::receipt::receipt;
use stwo_ml_verifier::starknet::{Felt, felt};

use super::client::{NodeArgs, conclude, failure};
use super::{Failure, Output};

/// Arguments of `receipt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Hash of the transaction.
    #[arg(value_parser = felt)]
    transaction: Felt,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let chain = args.node.connect()?;
    let submitted = receipt(&chain, args.transaction).map_err(failure)?;
    conclude(&submitted, out)
}
