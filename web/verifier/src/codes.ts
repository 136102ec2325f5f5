// Generated from verifier-core by verifier-wasm/tests/codes.rs; do not edit.

/** Every code of the native verifier, in its order. */
export const CORE_ERROR_CODES = [
  "truncated",
  "trailing_bytes",
  "wrong_magic",
  "unsupported_version",
  "too_large",
  "non_canonical",
  "digest_mismatch",
  "undefined_value",
  "unknown_level",
  "invalid_key",
  "possible_wrap",
  "statement_shape",
  "statement_range",
  "lookup_grind",
  "lookup_sum",
  "lookup_denominator",
  "lookup_round",
  "lookup_layer",
  "lookup_leaves",
  "contraction_round",
  "contraction_end",
  "reduction_round",
  "reduction_end",
  "proximity_grind",
  "folding_round",
  "clear_polynomial",
  "query_grind",
  "witness_path",
  "weights_path",
  "layer_path",
  "folding",
  "last_fold",
  "shape",
] as const;

/** A code of the native verifier. */
export type CoreErrorCode = (typeof CORE_ERROR_CODES)[number];

/** Every code of the native verifier's Starknet side. */
export const STARKNET_ERROR_CODES = [
  "onchain_level",
  "io_ports",
  "io_scalar",
  "zero_slot",
  "contract_point",
  "not_the_projection",
  "proof_data_layout",
  "contract_refuses",
  "range",
  "missing",
  "calldata_limit",
  "stored_limit",
  "calls",
  "fees",
  "felt",
  "number",
  "amount",
  "short_string",
] as const;

/** A code of the native verifier's Starknet side. */
export type StarknetErrorCode = (typeof STARKNET_ERROR_CODES)[number];
