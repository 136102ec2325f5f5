//! Any bytes as a proof file under an honest key: refused without a panic.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stwo_ml_verifier::{Vk, verify_file};

static VK: LazyLock<Vk> = LazyLock::new(|| {
    Vk::decode(include_bytes!("../../../vectors/small.vk")).expect("the vector is a key")
});
const HONEST: &[u8] = include_bytes!("../../../vectors/small.proof");

fuzz_target!(|file: &[u8]| {
    assert!(verify_file(&VK, file).is_err() || file == HONEST);
});
