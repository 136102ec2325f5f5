//! Search for the nonce of a proof of work, as many nonces at once as a register holds.
//!
//! A candidate costs one compression of BLAKE2s (RFC 7693, section 3.2), whose message is the 32
//! bytes of [`grind_message`], the nonce and zeros. Only the first word of the result is
//! computed; it decides up to 32 bits, and the few candidates that pass are hashed in full.

use std::simd::Simd;
use std::simd::cmp::SimdPartialEq;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::hash::{grind_message, grind_ok};

/// Nonces that are tried at once. More than one register's worth makes the sixteen words of the
/// state spill: with AVX2, 16 lanes took 1.3 times as long as 8, and 4 lanes twice as long.
const LANES: usize = if cfg!(target_feature = "avx512f") {
    16
} else if cfg!(target_feature = "avx2") {
    8
} else {
    4
};

type Words = Simd<u32, LANES>;

/// Candidates that a thread takes at a time: threads are done within so many of each other.
const CHUNK: u64 = 1 << 12;

/// Bits of a nonce's low word that the search runs over before the high word moves on, as in
/// stwo's search order.
const LOW_BITS: u32 = 20;

/// The least nonce in stwo's search order.
pub(super) fn grind(seed: &Digest, bits: u32) -> u64 {
    let message = words(&grind_message(seed, bits));
    // Threads take chunks in order, so when one finds a nonce, all candidates before its chunk
    // are taken; those who hold them go on, and the least of what they find counts.
    let next = AtomicU64::new(0);
    let found = AtomicU64::new(u64::MAX);
    (0..rayon::current_num_threads())
        .into_par_iter()
        .for_each(|_| {
            loop {
                let start = next.fetch_add(CHUNK, Ordering::Relaxed);
                if start >= found.load(Ordering::Relaxed) {
                    break;
                }
                if let Some(index) = search(&message, seed, bits, start) {
                    found.fetch_min(index, Ordering::Relaxed);
                }
            }
        });
    nonce(found.into_inner())
}

fn words(digest: &Digest) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(digest.0.chunks_exact(4)) {
        *word = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    }
    words
}

/// The nonce of a place in the search order.
fn nonce(index: u64) -> u64 {
    ((index >> LOW_BITS) << 32) | (index & ((1 << LOW_BITS) - 1))
}

/// The first place of a chunk whose nonce serves.
fn search(message: &[u32; 8], seed: &Digest, bits: u32, start: u64) -> Option<u64> {
    let mask = Words::splat(u32::MAX.checked_shr(32 - bits.min(32)).unwrap_or(0));
    let lanes = Words::from_array(std::array::from_fn(|lane| lane as u32));
    let serves = |index: &u64| grind_ok(seed, bits, nonce(*index));
    // `LOW_BITS` is a multiple of the chunk's: the high word is the same throughout.
    let high = (nonce(start) >> 32) as u32;
    (start..start + CHUNK).step_by(LANES).find_map(|first| {
        let low = Words::splat(nonce(first) as u32) + lanes;
        let hits = (first_word(message, low, high) & mask).simd_eq(Words::splat(0));
        hits.any()
            .then(|| (first..first + LANES as u64).find(serves))
            .flatten()
    })
}

const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The message schedule.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The first word of the hash of 40 bytes: the message and the nonce, low word first.
#[inline(always)]
fn first_word(message: &[u32; 8], low: Words, high: u32) -> Words {
    let mut block = [Words::splat(0); 16];
    for (word, value) in block.iter_mut().zip(message) {
        *word = Words::splat(*value);
    }
    block[8] = low;
    block[9] = Words::splat(high);
    // Parameters: 32 bytes of output, no key, fan-out and depth 1.
    let first = IV[0] ^ 0x0101_0020;
    let mut state: [Words; 16] = std::array::from_fn(|i| Words::splat(IV[i % 8]));
    state[0] = Words::splat(first);
    state[12] ^= Words::splat(40);
    state[14] = !state[14];
    // Ten calls, so that the schedule is known to the compiler, which then drops zero words.
    round::<0>(&mut state, &block);
    round::<1>(&mut state, &block);
    round::<2>(&mut state, &block);
    round::<3>(&mut state, &block);
    round::<4>(&mut state, &block);
    round::<5>(&mut state, &block);
    round::<6>(&mut state, &block);
    round::<7>(&mut state, &block);
    round::<8>(&mut state, &block);
    round::<9>(&mut state, &block);
    Words::splat(first) ^ state[0] ^ state[8]
}

#[inline(always)]
fn round<const R: usize>(v: &mut [Words; 16], block: &[Words; 16]) {
    let m = |i: usize| block[SIGMA[R][i]];
    mix(v, [0, 4, 8, 12], m(0), m(1));
    mix(v, [1, 5, 9, 13], m(2), m(3));
    mix(v, [2, 6, 10, 14], m(4), m(5));
    mix(v, [3, 7, 11, 15], m(6), m(7));
    mix(v, [0, 5, 10, 15], m(8), m(9));
    mix(v, [1, 6, 11, 12], m(10), m(11));
    mix(v, [2, 7, 8, 13], m(12), m(13));
    mix(v, [3, 4, 9, 14], m(14), m(15));
}

#[inline(always)]
fn mix(v: &mut [Words; 16], [a, b, c, d]: [usize; 4], x: Words, y: Words) {
    v[a] += v[b] + x;
    v[d] = rotate::<16>(v[d] ^ v[a]);
    v[c] += v[d];
    v[b] = rotate::<12>(v[b] ^ v[c]);
    v[a] += v[b] + y;
    v[d] = rotate::<8>(v[d] ^ v[a]);
    v[c] += v[d];
    v[b] = rotate::<7>(v[b] ^ v[c]);
}

#[inline(always)]
fn rotate<const N: u32>(x: Words) -> Words {
    (x >> Words::splat(N)) | (x << Words::splat(32 - N))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stwo::core::channel::Blake2sChannel;
    use stwo::core::proof_of_work::GrindOps;
    use stwo::core::vcs::blake2_hash::Blake2sHash;
    use stwo::prover::backend::simd::SimdBackend;

    /// The same nonces as stwo's own search.
    #[test]
    fn finds_the_nonce_that_stwo_finds() {
        for bits in [0, 1, 7, 12, 14, 18] {
            for seed in 0..4u8 {
                let mut channel = Blake2sChannel::default();
                channel.update_digest(Blake2sHash([seed; 32]));
                let expected = SimdBackend::grind(&channel, bits);
                assert_eq!(grind(&Digest([seed; 32]), bits), expected, "{bits} bits");
            }
        }
    }

    /// A chunk in which the high word of the nonce is not zero, hashed in full.
    #[test]
    fn searches_beyond_the_low_word() {
        let (seed, bits) = (Digest([3; 32]), 9);
        let start = 5 << LOW_BITS;
        let expected = (start..).find(|i| grind_ok(&seed, bits, nonce(*i)));
        assert!(expected.is_some_and(|i| nonce(i) >> 32 == 5 && i < start + CHUNK));
        let message = words(&grind_message(&seed, bits));
        assert_eq!(search(&message, &seed, bits, start), expected);
    }
}
