//! Proofs of work, with the nonce that stwo's SIMD backend finds.

use stwo::core::channel::{Blake2sChannelGeneric, Channel};
use stwo::core::proof_of_work::GrindOps;
use stwo::core::vcs::blake2_hash::Blake2sHasherGeneric;

use super::{CudaBackend, Openings};
use crate::column::element_words;
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::Words;

/// The low half of a nonce has this many bits: stwo's search tries them all before the next high.
const LOW_BITS: u32 = 20;
/// Nonces of the smallest and of the largest window, log 2.
const WINDOW_LOGS: (u32, u32) = (10, LOW_BITS);

/// Nonces of a launch: twice what a proof of work of `bits` bits tries on average.
pub(crate) fn window(bits: u32) -> u64 {
    1 << (bits + 1).clamp(WINDOW_LOGS.0, WINDOW_LOGS.1)
}

/// The smallest nonce `high << 32 | low`, `low` < 2^20, whose hash has `bits` trailing zeros.
fn grind(prefix: Vec<u32>, bits: u32, reduce: bool) -> Result<u64, CudaError> {
    let context = CudaContext::current()?;
    let prefix = Words::list(&context, prefix)?;
    let mut best = Words::list(&context, vec![u32::MAX; 2])?;
    let window = window(bits);
    for high in 0u64.. {
        for low in (0..1u64 << LOW_BITS).step_by(window as usize) {
            launch::grind(
                &context,
                Grid::linear(window as usize),
                best.ptr_mut()?.cast(),
                prefix.ptr(),
                high << 32 | low,
                window,
                bits,
                u32::from(reduce),
            )?;
            let words = best.download()?;
            let nonce = u64::from(words[1]) << 32 | u64::from(words[0]);
            if nonce != u64::MAX {
                return Ok(nonce);
            }
        }
    }
    unreachable!("the loop over the high halves does not end")
}

impl<const IS_M31_OUTPUT: bool> GrindOps<Blake2sChannelGeneric<IS_M31_OUTPUT>> for CudaBackend {
    fn grind(channel: &Blake2sChannelGeneric<IS_M31_OUTPUT>, pow_bits: u32) -> u64 {
        assert!(
            pow_bits <= 32,
            "more than 32 bits of work are not supported"
        );
        let mut hasher = Blake2sHasherGeneric::<IS_M31_OUTPUT>::default();
        hasher.update(&Blake2sChannelGeneric::<IS_M31_OUTPUT>::POW_PREFIX.to_le_bytes());
        hasher.update(&[0; 12]);
        hasher.update(&channel.digest().0);
        hasher.update(&pow_bits.to_le_bytes());
        let prefix = element_words(hasher.finalize());
        let nonce = grind(prefix, pow_bits, IS_M31_OUTPUT).or_raise();
        // The nonce fixes the queries of a proof in the making.
        let mut ahead = channel.clone();
        ahead.mix_u64(nonce);
        let context = CudaContext::current().or_raise();
        Openings::read(&context, ahead).or_raise();
        nonce
    }
}
