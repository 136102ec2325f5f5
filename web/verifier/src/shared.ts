/** What every entry exports beside its `Verifier`. */

export { CORE_ERROR_CODES, STARKNET_ERROR_CODES, type CoreErrorCode, type StarknetErrorCode } from "./codes.js";
export { WASM_SHA256 } from "./digest.js";
export { VerifyError, type VerifyErrorCode, type VerifyErrorStage } from "./errors.js";
export type { Calldata, ContractCall, ContractState, FeeSplit, Integer, Precheck, Submission } from "./starknet.js";
export type {
  Bytes,
  Expected,
  LoadOptions,
  ModelInfo,
  Regime,
  Security,
  Statement,
  Tensor,
  TensorInfo,
  Verdict,
  VerifyOptions,
} from "./types.js";
export { toReal, type VerifierConstructor } from "./verifier.js";
