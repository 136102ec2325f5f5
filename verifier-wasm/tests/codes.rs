//! The package's error codes are the verifier's. `UPDATE_VECTORS=1` writes the file anew.

use stwo_ml_verifier::VerifyError;
use stwo_ml_verifier::starknet::StarknetError;

#[test]
fn codes_are_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/verifier/src/codes.ts");
    let list = |codes: &[&str]| -> String {
        codes
            .iter()
            .map(|code| format!("  \"{code}\",\n"))
            .collect()
    };
    let codes = list(VerifyError::CODES);
    let starknet = list(StarknetError::CODES);
    let expected = format!(
        "// Generated from verifier-core by verifier-wasm/tests/codes.rs; do not edit.\n\n\
         /** Every code of the native verifier, in its order. */\n\
         export const CORE_ERROR_CODES = [\n{codes}] as const;\n\n\
         /** A code of the native verifier. */\n\
         export type CoreErrorCode = (typeof CORE_ERROR_CODES)[number];\n\n\
         /** Every code of the native verifier's Starknet side. */\n\
         export const STARKNET_ERROR_CODES = [\n{starknet}] as const;\n\n\
         /** A code of the native verifier's Starknet side. */\n\
         export type StarknetErrorCode = (typeof STARKNET_ERROR_CODES)[number];\n"
    );
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert_eq!(found, expected, "run with UPDATE_VECTORS=1");
}
