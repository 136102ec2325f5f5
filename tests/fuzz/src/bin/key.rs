//! Any bytes as a key: decoded without a panic, and whatever decodes encodes to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stwo_ml_verifier::Vk;
use stwo_ml_verifier::hash::blake2s;

fuzz_target!(|content: &[u8]| {
    // The digest is made to fit, or nothing behind it would ever be met.
    let file = [content, &blake2s(&[content]).0].concat();
    if let Ok(vk) = Vk::decode(&file) {
        assert_eq!(vk.encode(), file);
    }
});
