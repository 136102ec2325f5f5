//! Everything about a submission that can be known before it is signed.

use stwo_ml_verifier::Vk;
use stwo_ml_verifier::starknet::{
    Call, ContractState, FeeSplit, Felt, Job, Outcome, Precheck, StarknetError, U256, calls, judge,
    poseidon, precheck,
};

use super::account::{Account, Simulation};
use super::error::{Obstacle, SubmitError};
use super::events::{Contracts, short_text};
use super::fee::{Bounds, Estimate};
use super::report::{Expectation, Report, Verdict};
use super::rpc::{At, Rpc, ours, selector};
use super::state::ChainState;

/// A network: the node, its chain and the contracts on it.
#[derive(Debug)]
pub struct Chain {
    pub(super) rpc: Rpc,
    pub(super) chain_id: Felt,
    pub(super) contracts: Contracts,
}

impl Chain {
    /// Connects, and refuses a node of another chain.
    ///
    /// # Errors
    /// [`SubmitError::Rpc`] or [`SubmitError::Chain`].
    pub fn connect(rpc: Rpc, chain_id: Felt, contracts: Contracts) -> Result<Self, SubmitError> {
        let got = rpc.chain_id()?;
        match got == chain_id {
            true => Ok(Self {
                rpc,
                chain_id,
                contracts,
            }),
            false => Err(SubmitError::Chain {
                expected: short_text(chain_id),
                got: short_text(got),
            }),
        }
    }

    /// The node.
    pub fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// The contracts.
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }
}

/// What is to be submitted.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The key, from the model's owner.
    pub vk: &'a Vk,
    /// The proof file.
    pub proof: &'a [u8],
    /// Its projection.
    pub proof_data: &'a [Felt],
    /// The job.
    pub job: &'a Job,
}

/// A submission that verifies here, that the contract's rules accept, and that a simulation
/// on the node executes with exactly the events of an accepted and paid one. There is no other way to
/// a signature than through a plan.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) calls: Vec<Call>,
    pub(super) nonce: Felt,
    /// Both verdicts on the proof.
    pub precheck: Precheck,
    /// The state that it was made in.
    pub state: ChainState,
    /// The events that it must give.
    pub expectation: Expectation,
    /// The fee of the simulation.
    pub estimate: Estimate,
    /// The bounds that are signed.
    pub bounds: Bounds,
    /// L2 gas of each call, in their order.
    pub call_gas: Vec<u64>,
}

impl Plan {
    /// The calls in their order: the approval, if one is needed, and the four of a submission.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The allowance that the first call sets, if there is such a call.
    pub fn approve(&self) -> Option<U256> {
        self.expectation.approve
    }

    /// How the payment is shared out.
    pub fn split(&self) -> &FeeSplit {
        &self.expectation.split
    }

    /// Makes a plan: verifies the proof, applies the contract's rules in the chain's present state,
    /// and simulates the transaction.
    ///
    /// # Errors
    /// [`SubmitError`]. [`SubmitError::Obstacles`] names everything on chain that stands in the way.
    pub fn make(chain: &Chain, account: &Account, order: &Order<'_>) -> Result<Self, SubmitError> {
        let payer = account.address();
        let proof_hash = poseidon(order.proof_data);
        let amount = order.job.amount;
        // The proof first: nothing is asked of a node for a false one.
        let fresh = ContractState::default();
        let mut precheck = precheck(order.vk, order.proof, order.proof_data, &fresh)?;
        let io = precheck.projection.io;
        let mut calls =
            calls(&chain.contracts.addresses, order.job, order.proof_data, io)?.to_vec();

        let state = ChainState::read(
            &chain.rpc,
            &chain.contracts,
            payer,
            order.job.id,
            proof_hash,
        )?;
        precheck.outcome = judge(order.proof_data, io, &state.contract);
        let split = state.fees.split(amount)?;
        let approve = (state.allowance < amount).then_some(amount);
        if let Some(amount) = approve {
            calls.insert(0, approval(&chain.contracts, amount));
        }
        let mut obstacles = obstacles(&precheck.outcome, &state, &split);
        let Outcome::Accepted { security_bits, .. } = precheck.outcome else {
            return Err(SubmitError::Obstacles(obstacles));
        };
        if !obstacles.is_empty() {
            return Err(SubmitError::Obstacles(obstacles));
        }
        let expectation = Expectation {
            contracts: chain.contracts,
            payer,
            job: *order.job,
            proof_hash,
            io,
            security_bits,
            split,
            approve,
            callback: state.callback,
        };
        let nonce = chain.rpc.nonce(payer, At::Newest)?;
        let simulation = account.simulate(&chain.rpc, chain.chain_id, &calls, nonce)?;
        let Simulation {
            estimate,
            events,
            call_gas,
        } = simulation;
        match events {
            Err(words) => {
                let reason = super::error::contract_reason(&words);
                obstacles.push(Obstacle::Reverts { reason });
            }
            Ok(events) => match Report::new(&expectation, &events).verdict {
                Verdict::Paid => {}
                verdict => obstacles.push(Obstacle::Simulation { verdict }),
            },
        }
        let bounds = estimate.bounds();
        if state.fee_balance < U256::from(bounds.most()) {
            let (have, need) = (state.fee_balance, bounds.most());
            obstacles.push(Obstacle::FeeBalance { have, need });
        }
        if !obstacles.is_empty() {
            return Err(SubmitError::Obstacles(obstacles));
        }
        Ok(Self {
            calls,
            nonce,
            precheck,
            state,
            expectation,
            estimate,
            bounds,
            call_gas,
        })
    }

    /// Checks the highest possible fee against a cap in units of `10^-18` STRK.
    ///
    /// # Errors
    /// [`SubmitError::FeeCap`].
    pub fn check_cap(&self, cap: Option<u128>) -> Result<(), SubmitError> {
        let (estimate, most) = (self.estimate.total, self.bounds.most());
        match cap {
            Some(cap) if most > cap => Err(SubmitError::FeeCap {
                estimate,
                most,
                cap,
            }),
            _ => Ok(()),
        }
    }
}

/// The call that lets the router take the payment, and no more.
fn approval(contracts: &Contracts, amount: U256) -> Call {
    let [low, high] = amount.felts();
    Call {
        to: contracts.addresses.token,
        selector: ours(&selector("approve")),
        calldata: vec![contracts.addresses.router, low, high],
    }
}

/// What the views say against a submission.
fn obstacles(outcome: &Outcome, state: &ChainState, split: &FeeSplit) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    if let Some(reason) = outcome.reason() {
        obstacles.push(Obstacle::Contract { reason });
    }
    if state.job_registered {
        obstacles.push(Obstacle::JobRegistered);
    }
    if state.balance < split.collected {
        let (have, need) = (state.balance, split.collected);
        obstacles.push(Obstacle::Balance { have, need });
    }
    if state.router_balance < split.needed {
        let (have, need) = (state.router_balance, split.needed);
        obstacles.push(Obstacle::RouterBalance { have, need });
    }
    obstacles
}

/// Splits an approval off the front of a submission's calls.
pub(super) fn split_approval<'a>(
    calls: &'a [Call],
    contracts: &Contracts,
) -> Result<(Option<U256>, &'a [Call]), StarknetError> {
    match calls {
        [first, rest @ ..] if rest.len() == 4 => {
            let wrong = StarknetError::Calls {
                rule: "the first of five calls is no approval of the router",
            };
            let &[_, low, high] = &first.calldata[..] else {
                return Err(wrong);
            };
            let amount = U256::from_felts(low, high)?;
            match *first == approval(contracts, amount) {
                true => Ok((Some(amount), rest)),
                false => Err(wrong),
            }
        }
        calls => Ok((None, calls)),
    }
}
