//! The rules of the deployed `StwoVerifier`, one by one and in its order.
//!
//! They are about form. A list of ones with a nonce of eleven bits' work meets them, so being
//! accepted by the contract says nothing about any model.

use super::{Felt, poseidon, short_string};
use crate::field::{M31, P};

/// Fewest felts that the contract accepts.
pub const MIN_FELTS: usize = 32;
/// About as many felts as a block's state-diff limit lets the contract store, measured on a local
/// node: more fail, whatever the contract's own limit is.
pub const MAX_STORED_FELTS: usize = 1950;

/// Index of the first layer.
pub(super) const FIRST_LAYER: usize = 6;
/// Whole layers that suffice if the list ends before the expected ones do.
const ENOUGH_LAYERS: usize = 4;

/// What the contract's verdict depends on beside the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractState {
    /// `is_paused` of its configuration.
    pub paused: bool,
    /// `min_security_bits` of its configuration.
    pub min_security_bits: u32,
    /// `max_proof_size` of its configuration, in felts.
    pub max_proof_felts: u32,
    /// Whether it has seen this very list of felts before.
    pub already_submitted: bool,
}

/// As the deployment script sets it up.
impl Default for ContractState {
    fn default() -> Self {
        Self {
            paused: false,
            min_security_bits: 128,
            max_proof_felts: 262_144,
            already_submitted: false,
        }
    }
}

/// What `submit_and_verify_with_io_binding` does with a list of felts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It emits `ProofVerified` and returns true.
    Accepted {
        /// The security that the list's header claims.
        security_bits: u32,
        /// Poseidon hash of the list, the contract's name for it.
        proof_hash: Felt,
    },
    /// It emits `ProofRejected` and returns false; **the transaction succeeds**, and so does the
    /// payment in the same transaction.
    Rejected {
        /// The reason in the event.
        reason: &'static str,
        /// The hash in the event; zero if nothing was stored.
        proof_hash: Felt,
    },
    /// The transaction reverts.
    Reverts {
        /// The reason.
        reason: &'static str,
    },
}

impl Outcome {
    /// Whether the contract accepts.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// `accepted`, `rejected` or `reverts`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Reverts { .. } => "reverts",
        }
    }

    /// The contract's reason for anything but acceptance.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Rejected { reason, .. } | Self::Reverts { reason } => Some(reason),
        }
    }
}

/// Applies the contract's rules to a call with this `proof_data` and this expected commitment
/// (zero: none).
pub fn judge(data: &[Felt], expected_io: Felt, state: &ContractState) -> Outcome {
    let reverts = |reason| Outcome::Reverts { reason };
    if state.paused {
        return reverts("Contract is paused");
    }
    // The binding comes before the length, the hash and the storage.
    let bound = data.len() >= 5 && [Felt::ZERO, at(data, 4)].contains(&expected_io);
    if !bound {
        return Outcome::Rejected {
            reason: "io_commitment_mismatch",
            proof_hash: Felt::ZERO,
        };
    }
    if u32::try_from(data.len()).map_or(true, |felts| felts > state.max_proof_felts) {
        return reverts("Proof too large");
    }
    if data.len() < MIN_FELTS {
        return reverts("Proof too small");
    }
    if state.already_submitted {
        return reverts("Proof already submitted");
    }
    let [pow_bits, log_blowup, log_last, queries] = header(data);
    let Some(query_bits) = log_blowup.checked_mul(queries) else {
        return reverts("u32_mul Overflow");
    };
    let Some(security_bits) = query_bits.checked_add(pow_bits) else {
        return reverts("u32_add Overflow");
    };
    if security_bits < state.min_security_bits {
        return reverts("Insufficient security bits");
    }
    let proof_hash = poseidon(data);
    let [io, commitment] = [at(data, 4), at(data, 5)];
    let accepted = (12..=30).contains(&pow_bits)
        && (1..=16).contains(&log_blowup)
        && log_last <= 20
        && (4..=128).contains(&queries)
        && io != Felt::ZERO
        && commitment != Felt::ZERO
        && data.iter().skip(FIRST_LAYER).all(|felt| is_m31(*felt))
        && work_is_done(io, at(data, data.len().saturating_sub(1)), pow_bits)
        && layers_are_present(data, log_blowup, queries)
        && point_is_in_general_position(io, commitment);
    match accepted {
        true => Outcome::Accepted {
            security_bits,
            proof_hash,
        },
        false => Outcome::Rejected {
            reason: "stwo_verification_failed",
            proof_hash,
        },
    }
}

fn at(data: &[Felt], index: usize) -> Felt {
    data.get(index).copied().unwrap_or(Felt::ZERO)
}

/// The four parameters; a felt that is no `u32` counts as zero.
fn header(data: &[Felt]) -> [u32; 4] {
    let mut felts = data.iter().map(|felt| u32::try_from(*felt).unwrap_or(0));
    core::array::from_fn(|_| felts.next().unwrap_or(0))
}

fn is_m31(felt: Felt) -> bool {
    u32::try_from(felt).is_ok_and(|v| v < P)
}

/// Whether the nonce is not zero and `poseidon([io, nonce]) < 2^(252 - bits)`.
pub(super) fn work_is_done(io: Felt, nonce: Felt, bits: u32) -> bool {
    let hash = poseidon(&[io, nonce]).to_bits_le();
    // Bits 252 and above are never set: the modulus is below 2^252.
    let limit = usize::try_from(252u32.saturating_sub(bits)).unwrap_or(0);
    nonce != Felt::ZERO && !hash.iter().skip(limit).any(|bit| *bit)
}

/// `log_blowup + 2` layers of a commitment, a challenge and the values, or as many as there are
/// if they are enough.
fn layers_are_present(data: &[Felt], log_blowup: u32, queries: u32) -> bool {
    let size = |n: u32| usize::try_from(n.saturating_add(2)).unwrap_or(usize::MAX);
    let layers = data.get(FIRST_LAYER..).unwrap_or_default();
    let whole = layers.chunks_exact(size(queries)).take(size(log_blowup));
    let count = whole.len();
    let well_formed = |layer: &[Felt]| {
        queries.is_multiple_of(2) && layer.iter().take(2).all(|felt| *felt != Felt::ZERO)
    };
    (count == size(log_blowup) || count >= ENOUGH_LAYERS) && whole.into_iter().all(well_formed)
}

/// The contract's out-of-domain point: `poseidon(['OODS', io, commitment]) mod 2^31 - 1`.
fn point(io: Felt, commitment: Felt) -> u32 {
    let tag = short_string("OODS").unwrap_or(Felt::ZERO);
    let hash = poseidon(&[tag, io, commitment]).to_bytes_be();
    hash.iter().fold(0, |rest: u32, byte| {
        M31::reduce((u64::from(rest) << 8) | u64::from(*byte)).value()
    })
}

/// Whether the point is neither 0 nor 1 nor -1.
pub(super) fn point_is_in_general_position(io: Felt, commitment: Felt) -> bool {
    is_general(point(io, commitment))
}

fn is_general(point: u32) -> bool {
    point > 1 && point.saturating_add(1) < P
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No felts are known whose point is one of the three: the rule is tested in two halves.
    #[test]
    fn the_point_is_a_remainder() {
        for i in 0..100u32 {
            let (io, commitment) = (Felt::from(i), Felt::from(i * i + 7));
            let hash = poseidon(&[Felt::from(0x4f4f_4453u32), io, commitment]);
            let p = Felt::from(P);
            let expected = hash - hash.floor_div(p) * p;
            assert_eq!(Felt::from(point(io, commitment)), expected);
        }
    }

    #[test]
    fn three_points_are_refused() {
        let refused: std::vec::Vec<u32> = [0, 1, 2, 3, P / 2, P - 3, P - 2, P - 1]
            .into_iter()
            .filter(|point| !is_general(*point))
            .collect();
        assert_eq!(refused, [0, 1, P - 1]);
    }
}
