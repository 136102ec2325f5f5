//! The submission client on a real node: `starknet-devnet` on loopback with the project's contracts.

mod devnet;
mod faults;
mod proofs;
mod proxy;
mod reverts;
mod rules;
mod submissions;
mod world;
