//! Submits proofs to the Starknet contracts, and says what became of them.
//!
//! The deployed `StwoVerifier` looks at the form of a proof only, and a transaction that carries a
//! rejected proof still succeeds and still pays. So the order of things is the point of this
//! module: a [`Plan`] exists only for a proof that verifies here and that the contract's own rules
//! accept; it is simulated before anything is signed; the signed transaction and its hash are in
//! the [`journal`] before anything is sent; and a [`Report`] reads the events afterwards
//! and calls a submission paid only if every one of them says so.
//!
//! [`Plan`]: plan::Plan
//! [`Report`]: report::Report
//!
//! The API blocks; an asynchronous runtime lives inside [`rpc::Rpc`].

pub mod account;
pub mod error;
pub mod events;
pub mod fee;
pub mod journal;
pub mod plan;
pub mod receipt;
pub mod report;
pub mod rpc;
pub mod state;
pub mod submit;
