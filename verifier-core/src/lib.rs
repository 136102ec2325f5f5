//! Verifies proofs that a given neural network, run on a given input, produced a given output.
//!
//! The network is a set of integer relations in a verifying key ([`vk`]); a proof convinces the
//! verifier that committed tensors satisfy them and agree with the public input and output. The
//! argument is transparent (no trusted setup) and rests on Blake2s alone: LogUp lookups proven by
//! GKR ([`lookup`]), sumchecks for everything linear and bilinear ([`claims`]), and a multilinear
//! commitment over the circle code of M31 ([`opening`]). [`verify()`] is the whole argument in
//! order; `docs/protocol.md` says why it is sound. It is **not** zero-knowledge: a proof may
//! reveal the witness.
//!
//! The crate is `no_std` with `alloc`, has no `unsafe`, and never panics, whatever the bytes: the
//! lints below deny every construct that could.
//!
//! ```
//! use stwo_ml_verifier::{Vk, VerifyError, verify_file};
//!
//! fn accept(vk_bytes: &[u8], proof_bytes: &[u8]) -> Result<Vec<Vec<i32>>, VerifyError> {
//!     let vk = Vk::decode(vk_bytes)?; // from the model's owner, never from the prover
//!     let (statement, _verified) = verify_file(&vk, proof_bytes)?;
//!     Ok(statement.outputs)
//! }
//! assert_eq!(accept(&[], &[]), Err(VerifyError::Truncated));
//! ```
//!
//! The prover is the crate `stwo-ml`.

#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod circle;
pub mod claims;
pub mod codec;
pub mod error;
pub mod field;
pub mod hash;
pub mod lookup;
pub mod merkle;
pub mod multilinear;
pub mod opening;
pub mod proof;
pub mod security;
pub mod shape;
#[cfg(feature = "starknet")]
pub mod starknet;
pub mod statement;
pub mod sumcheck;
pub mod transcript;
pub mod verify;
pub mod vk;
pub mod wiring;

pub use error::{Stage, VerifyError};
pub use hash::Digest;
pub use proof::Proof;
pub use security::{Level, Regime};
pub use statement::Statement;
pub use verify::{Verified, decode_file, encode_file, verify, verify_file};
pub use vk::Vk;
