//! The contracts that the submission client is tested against on a local node.
//!
//! They are written for this project and offer the interfaces, checks, messages and events of the
//! contracts deployed on Sepolia, as far as a submission meets them.

pub mod payment_router;
pub mod proof_gated_payment;
pub mod sage;
pub mod stwo_verifier;
