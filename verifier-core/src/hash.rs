//! Blake2s-256 and proofs of work.

use blake2::{Blake2s256, Digest as _};
use core::fmt;

/// A Blake2s-256 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of the concatenation of the parts.
pub fn blake2s(parts: &[&[u8]]) -> Digest {
    let mut hasher = Blake2s256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Digest(hasher.finalize().into())
}

/// First word of the message under a proof of work, as stwo's.
const GRIND_PREFIX: u32 = 0x1234_5678;

/// The first half of what a proof of work hashes: `H(prefix, twelve zero bytes, seed, bits)`.
pub fn grind_message(seed: &Digest, bits: u32) -> Digest {
    let prefix = GRIND_PREFIX.to_le_bytes();
    blake2s(&[&prefix, &[0; 12], &seed.0, &bits.to_le_bytes()])
}

/// Whether `H(`[`grind_message`]`, nonce)`, read as a little-endian integer, has at least `bits`
/// trailing zeros. Equal to stwo's `Blake2sChannel::verify_pow_nonce` with the seed as its
/// digest, so that stwo's grinders serve.
pub fn grind_ok(seed: &Digest, bits: u32, nonce: u64) -> bool {
    let message = grind_message(seed, bits);
    let result = blake2s(&[&message.0, &nonce.to_le_bytes()]);
    let low = result
        .0
        .first_chunk()
        .map_or(1, |bytes| u128::from_le_bytes(*bytes));
    low.trailing_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use stwo::core::channel::{Blake2sChannel, Channel};
    use stwo::core::proof_of_work::GrindOps;
    use stwo::core::vcs::blake2_hash::Blake2sHash;
    use stwo::prover::backend::simd::SimdBackend;

    #[test]
    fn digests_are_shown_in_hexadecimal() {
        let mut digest = Digest::default();
        digest.0[0] = 0x0a;
        let expected = std::format!("0a{:062}", 0);
        assert_eq!(std::format!("{digest}"), expected);
        assert_eq!(std::format!("{digest:?}"), expected);
    }

    #[test]
    fn grinding_equals_stwo() {
        for seed in 0..8u8 {
            let mut channel = Blake2sChannel::default();
            channel.update_digest(Blake2sHash([seed; 32]));
            let nonce = SimdBackend::grind(&channel, 10);
            for n in 0..=nonce.min(3000) {
                let expected = channel.verify_pow_nonce(10, n);
                assert_eq!(grind_ok(&Digest([seed; 32]), 10, n), expected, "{n}");
            }
            assert!(grind_ok(&Digest([seed; 32]), 10, nonce));
        }
    }
}
