//! An honest proof with a few bytes replaced: refused, whatever they are. The input lists the
//! edits: four bytes of place, one of value.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stwo_ml_verifier::{Vk, verify_file};

static VK: LazyLock<Vk> = LazyLock::new(|| {
    Vk::decode(include_bytes!("../../../vectors/mixed.vk")).expect("the vector is a key")
});
const HONEST: &[u8] = include_bytes!("../../../vectors/mixed.proof");

fuzz_target!(|edits: &[u8]| {
    let mut file = HONEST.to_vec();
    for [a, b, c, d, value] in edits.as_chunks::<5>().0 {
        let place = u32::from_le_bytes([*a, *b, *c, *d]) as usize % file.len();
        file[place] = *value;
    }
    assert!(verify_file(&VK, &file).is_err() || file == HONEST);
});
