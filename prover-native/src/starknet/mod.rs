//! Submits proofs to the Starknet contracts, and says what became of them.
//!
//! What is sent and what the contracts say about it is in `stwo_ml_verifier::starknet`. Here are
//! networks, the contract's proof of work on all cores and, with the feature `starknet`, the client.
//!
//! The deployed `StwoVerifier` looks at the form of a proof only, and a transaction that carries a
//! rejected proof still succeeds and still pays. So the order of things is the client's point: a
//! `plan::Plan` exists only for a proof that verifies here and that the contract's own rules accept,
//! and a simulation has executed it; the signed transaction and its hash are in the `journal` before
//! anything is sent; a `report::Report` reads the events afterwards and calls a submission paid only
//! if every one of them says so. The API blocks; an asynchronous runtime lives inside `rpc::Rpc`.

mod network;

#[cfg(feature = "starknet")]
pub mod account;
#[cfg(feature = "starknet")]
pub mod error;
#[cfg(feature = "starknet")]
pub mod events;
#[cfg(feature = "starknet")]
pub mod fee;
#[cfg(feature = "starknet")]
pub mod journal;
#[cfg(feature = "starknet")]
pub mod plan;
#[cfg(feature = "starknet")]
pub mod receipt;
#[cfg(feature = "starknet")]
pub mod report;
#[cfg(feature = "starknet")]
pub mod rpc;
#[cfg(feature = "starknet")]
pub mod state;
#[cfg(feature = "starknet")]
pub mod submit;

pub use network::{Network, NetworkError};
use rayon::prelude::*;
use stwo_ml_verifier::field::P;
use stwo_ml_verifier::starknet::{Felt, nonce_is_sufficient};

/// Nonces that the cores share between two reports of progress.
const WINDOW: u32 = 1024;

/// The least nonce that the contract takes for a commitment, searched on all cores; about two
/// thousand hashes. `progress` is called with the number of nonces tried so far. `None` if none of
/// the `2^31` nonces suffices, which no commitment will ever show.
pub fn grind(io: Felt, progress: &dyn Fn(u32)) -> Option<u32> {
    (1..P).step_by(WINDOW as usize).find_map(|first| {
        let window = first..P.min(first + WINDOW);
        let tried = window.end - 1;
        let found = window
            .into_par_iter()
            .find_first(|nonce| nonce_is_sufficient(io, *nonce));
        progress(tried);
        found
    })
}

/// Units of `10^-18` as a decimal number, exact and without trailing zeros.
pub fn decimal(units: impl ToString) -> String {
    let digits = format!("{:0>19}", units.to_string());
    let (whole, fraction) = digits.split_at(digits.len() - 18);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use stwo_ml_verifier::starknet::least_nonce;

    #[test]
    fn the_least_nonce_is_found() {
        for io in 1..6u32 {
            let io = Felt::from(io);
            let tried = Cell::new(0);
            let nonce = grind(io, &|count| tried.set(count)).unwrap();
            assert_eq!(Some(nonce), least_nonce(io));
            assert!((nonce..nonce + WINDOW).contains(&tried.get()));
        }
    }
}
