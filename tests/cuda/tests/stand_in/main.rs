//! Whole proofs on a device that fails on purpose, and on one that counts: only the stand-in does either.

mod faults;
#[path = "../proof/mod.rs"]
mod proof;
mod roofline;
#[path = "../support/mod.rs"]
mod support;

use stwo_ml_cuda_tests::{StandIn, exclusive};

/// Runs `f` alone, with a stand-in in its first state before and after.
fn alone(f: impl FnOnce(&StandIn)) {
    let _alone = exclusive();
    let driver = StandIn::load();
    driver.reset();
    f(&driver);
    driver.reset();
}
