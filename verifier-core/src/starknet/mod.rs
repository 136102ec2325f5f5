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
    Addresses, Call, ENTRY_POINTS, Job, MAX_CALLDATA_FELTS, Submission, calls, check_calldata,
    execute_calldata, parse_execute_calldata,
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

/// Reads a felt: `0x` and hexadecimal digits, below the modulus.
///
/// # Errors
/// [`StarknetError::Felt`].
pub fn felt(text: &str) -> Result<Felt, StarknetError> {
    let number: Option<U256> = text.starts_with("0x").then(|| text.parse().ok()).flatten();
    let U256 { low, high } = number.ok_or(StarknetError::Felt)?;
    let mut bytes = [0; 32];
    let halves = [high, low].into_iter().flat_map(u128::to_be_bytes);
    bytes.iter_mut().zip(halves).for_each(|(b, h)| *b = h);
    Felt::from_bytes_be(&bytes).map_err(|_| StarknetError::Felt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn felts_are_hexadecimal() {
        assert_eq!(felt("0x1f"), Ok(Felt::from(31u32)));
        // The modulus and its predecessor.
        let modulus = |last| std::format!("0x8{}11{}{last}", "0".repeat(12), "0".repeat(47));
        assert_eq!(felt(&modulus(0)), Ok(Felt::ZERO - Felt::ONE));
        for text in ["", "0x", "1f", "0xg", "0x-1", &modulus(1), &modulus(2)] {
            assert_eq!(felt(text), Err(StarknetError::Felt), "{text}");
        }
    }

    #[test]
    fn short_strings_are_31_characters_of_ascii() {
        assert_eq!(short_string("SAGE"), Ok(Felt::from(0x5341_4745u32)));
        assert_eq!(short_string(""), Ok(Felt::ZERO));
        assert!(short_string(&"a".repeat(31)).is_ok());
        for text in ["a".repeat(32).as_str(), "\u{e4}"] {
            assert_eq!(short_string(text), Err(StarknetError::ShortString));
        }
    }

    #[test]
    fn codes_are_distinct() {
        let mut codes = [StarknetError::CODES, crate::VerifyError::CODES].concat();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
