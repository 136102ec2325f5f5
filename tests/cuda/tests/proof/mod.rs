//! What is proved in the tests of whole proofs, and how.
#![allow(dead_code, unreachable_pub)]

pub mod clang;
pub mod poseidon2;
pub mod prove;
pub mod statements;
