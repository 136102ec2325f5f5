//! The Starknet side of the verifier: published vectors, the emulated contract, projections.

#[path = "starknet/contract.rs"]
mod contract;
#[path = "starknet/projection.rs"]
mod projection;
#[path = "starknet/vectors.rs"]
mod vectors;

use stwo_ml_verifier::starknet::Felt;

/// A felt of a vector.
fn felt(text: &str) -> Felt {
    Felt::from_hex_be(text).unwrap()
}
