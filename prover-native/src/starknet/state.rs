//! What the contracts say before a submission.

use stwo_ml_verifier::starknet::{ContractState, Fees, Felt, U256};

use super::events::Contracts;
use super::rpc::{Rpc, RpcError};

/// Everything on chain that a submission depends on and that a view tells. Who may register jobs
/// no view tells: the simulation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// What the verifier's verdict depends on.
    pub contract: ContractState,
    /// Whether the verifier calls `ProofGatedPayment` back.
    pub callback: bool,
    /// Whether the job is registered with `ProofGatedPayment`.
    pub job_registered: bool,
    /// The router's shares.
    pub fees: Fees,
    /// What the router may take from the payer, in units of `10^-18` SAGE.
    pub allowance: U256,
    /// What the payer has, in units of `10^-18` SAGE.
    pub balance: U256,
    /// What the router has, in units of `10^-18` SAGE.
    pub router_balance: U256,
    /// What the payer has for the fee, in units of `10^-18` STRK.
    pub fee_balance: U256,
}

impl ChainState {
    /// Reads the state.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn read(
        rpc: &Rpc,
        contracts: &Contracts,
        payer: Felt,
        job: U256,
        proof_hash: Felt,
    ) -> Result<Self, RpcError> {
        let at = &contracts.addresses;
        let [min_security_bits, max_proof_felts, paused, ..] =
            view::<6>(rpc, at.verifier, "get_config", &[])?;
        let [_, _, _, _, _, status, ..] =
            view::<9>(rpc, at.verifier, "get_proof_metadata", &[proof_hash])?;
        let [callback] = view::<1>(rpc, at.verifier, "get_verification_callback", &[])?;
        let [_, _, worker, ..] = view::<13>(rpc, at.gate, "get_job_payment", &job.felts())?;
        let small = |felt, what: &'static str| {
            u32::try_from(felt).map_err(|_| RpcError::Form { what: what.into() })
        };
        Ok(Self {
            contract: ContractState {
                paused: paused != Felt::ZERO,
                min_security_bits: small(min_security_bits, "get_config")?,
                max_proof_felts: small(max_proof_felts, "get_config")?,
                already_submitted: status != Felt::ZERO,
            },
            callback: callback != Felt::ZERO,
            // A registered job has a worker.
            job_registered: worker != Felt::ZERO,
            fees: fees(rpc, at.router)?,
            allowance: amount(rpc, at.token, "allowance", &[payer, at.router])?,
            balance: amount(rpc, at.token, "balance_of", &[payer])?,
            router_balance: amount(rpc, at.token, "balance_of", &[at.router])?,
            fee_balance: amount(rpc, contracts.fee_token, "balance_of", &[payer])?,
        })
    }
}

/// The router's shares.
///
/// # Errors
/// [`RpcError`].
pub fn fees(rpc: &Rpc, router: Felt) -> Result<Fees, RpcError> {
    let shares = view::<5>(rpc, router, "get_fee_distribution", &[])?;
    let discounts = view::<6>(rpc, router, "get_discount_tiers", &[])?;
    let mut shares = shares.into_iter().chain([discounts[3]]).map(u32::try_from);
    let mut next = || {
        let form = || RpcError::Form {
            what: "get_fee_distribution".into(),
        };
        shares.next().and_then(Result::ok).ok_or_else(form)
    };
    Ok(Fees {
        worker: next()?,
        protocol: next()?,
        burn: next()?,
        treasury: next()?,
        stakers: next()?,
        surcharge: next()?,
    })
}

/// A view that answers with a number of felts.
fn view<const N: usize>(
    rpc: &Rpc,
    to: Felt,
    name: &'static str,
    arguments: &[Felt],
) -> Result<[Felt; N], RpcError> {
    let answer = rpc.call(to, name, arguments)?;
    answer.try_into().map_err(|_| RpcError::Form {
        what: format!("{name} of {to:#x}"),
    })
}

fn amount(rpc: &Rpc, to: Felt, name: &'static str, arguments: &[Felt]) -> Result<U256, RpcError> {
    let [low, high] = view::<2>(rpc, to, name, arguments)?;
    U256::from_felts(low, high).map_err(|_| RpcError::Form {
        what: format!("{name} of {to:#x}"),
    })
}
