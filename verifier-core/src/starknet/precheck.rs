//! Everything that can be known before anything is signed or paid.

use super::{ContractState, Felt, MAX_STORED_FELTS, Outcome, Projection, StarknetError, judge};
use crate::statement::Statement;
use crate::vk::Vk;

/// Both verdicts on a proof file and the felts that stand for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precheck {
    /// What the proof proves. This verifier's verdict is positive, or there is no [`Precheck`].
    pub statement: Statement,
    /// The parts of `proof_data`.
    pub projection: Projection,
    /// The contract's verdict on `proof_data`, bound to the statement.
    pub outcome: Outcome,
}

impl Precheck {
    /// Passes if the contract accepts: the condition for building a transaction.
    ///
    /// # Errors
    /// [`StarknetError::Refused`] with the contract's reason.
    pub fn accepted(&self) -> Result<(), StarknetError> {
        match self.outcome.reason() {
            Some(reason) => Err(StarknetError::Refused { reason }),
            None => Ok(()),
        }
    }
}

/// Verifies a proof file, checks that `proof_data` is its projection and within the network's
/// limits, and applies the contract's rules to it.
///
/// # Errors
/// [`StarknetError`]: the proof is false, or `proof_data` is not what the proof says. A refusal by
/// the contract alone is no error but an [`Outcome`].
pub fn precheck(
    vk: &Vk,
    file: &[u8],
    proof_data: &[Felt],
    state: &ContractState,
) -> Result<Precheck, StarknetError> {
    let (statement, projection) = Projection::of_file(vk, file)?;
    projection.compare(proof_data)?;
    if proof_data.len() > MAX_STORED_FELTS {
        return Err(StarknetError::Stored {
            limit: MAX_STORED_FELTS,
            got: proof_data.len(),
        });
    }
    let outcome = judge(proof_data, projection.io, state);
    Ok(Precheck {
        statement,
        projection,
        outcome,
    })
}
