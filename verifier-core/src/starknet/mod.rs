//! What the Starknet contracts are sent, and what they say about it.
//!
//! The deployed `StwoVerifier` checks the form of a list of field elements and nothing else: it
//! verifies no Merkle path, no fold and no constraint. So nothing here rests on its verdict. A
//! submission is built only from a proof that this crate verifies ([`Projection`]), the contract's
//! own rules are applied to it beforehand ([`judge`]), and [`precheck`] says both verdicts at once.
//!
//! `docs/starknet.md` specifies the layout and every rule. Only [`precheck`] and
//! [`Projection::new`] look at a proof; everything else is arithmetic on what it is given.

use starknet_crypto::poseidon_hash_many;

mod calls;
mod commitment;
mod contract;
mod error;
mod fees;
mod precheck;
mod projection;
mod u256;

pub use calls::{
    Addresses, Call, ENTRY_POINTS, Job, MAX_CALLDATA_FELTS, Submission, calls, execute_calldata,
    parse_execute_calldata,
};
pub use commitment::io_commitment;
pub use contract::{ContractState, MAX_STORED_FELTS, MIN_FELTS, Outcome, judge};
pub use error::{Part, StarknetError};
pub use fees::{FeeSplit, Fees};
pub use precheck::{Precheck, precheck};
pub use projection::{
    Layer, POW_BITS, Projection, check_projection, least_nonce, nonce_is_sufficient,
};
/// An element of Starknet's field, `0 <= felt < 2^251 + 17 * 2^192 + 1`.
pub use starknet_ff::FieldElement as Felt;
pub use u256::U256;

/// Cairo's `poseidon_hash_span`.
pub fn poseidon(span: &[Felt]) -> Felt {
    poseidon_hash_many(span)
}

/// A Cairo short string: at most 31 ASCII characters, big-endian.
///
/// # Errors
/// [`StarknetError::ShortString`].
pub fn short_string(text: &str) -> Result<Felt, StarknetError> {
    match text.is_ascii() && text.len() <= 31 {
        true => Felt::from_byte_slice_be(text.as_bytes()).map_err(|_| StarknetError::ShortString),
        false => Err(StarknetError::ShortString),
    }
}
