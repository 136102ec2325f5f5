import type { CoreErrorCode, StarknetErrorCode } from "./codes.js";

/**
 * Why a proof, a key or a call was refused: the codes of the native verifier one to one, and
 * those of this package.
 *
 * - `model_mismatch`, `input_mismatch`, `output_mismatch`: valid, but not what the caller pinned.
 * - `not_bytes`: an argument is neither a `Uint8Array` nor an `ArrayBuffer`.
 * - `not_loaded`: `verify` was called on the class; await its `load` first.
 * - `freed`: the verifier was used after `free()`.
 * - `unavailable`: the WebAssembly module could not be loaded.
 * - `trap`: the engine stopped; the next call starts a new one.
 */
export type VerifyErrorCode =
  | CoreErrorCode
  | StarknetErrorCode
  | "model_mismatch"
  | "input_mismatch"
  | "output_mismatch"
  | "not_bytes"
  | "not_loaded"
  | "freed"
  | "unavailable"
  | "trap";

/**
 * The kind of fault: `decode` (the bytes are no encoding), `key` (an unusable verifying key),
 * `statement` (public tensors that the key does not admit), `soundness` (the proof is false),
 * `starknet` (valid or not looked at, and not to be submitted so), `policy` (not what the caller pinned), `usage` (a wrong call), `engine` (no verdict was reached).
 */
export type VerifyErrorStage =
  | "decode"
  | "key"
  | "statement"
  | "soundness"
  | "starknet"
  | "policy"
  | "usage"
  | "engine";

/** A refusal. Nothing may be concluded from a proof for which one was thrown. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";

  constructor(
    /** Stable machine-readable name of the fault. */
    readonly code: VerifyErrorCode,
    /** The kind of fault. */
    readonly stage: VerifyErrorStage,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * What stands for a class whose instances only `load` makes: any other use is refused with `not_loaded`.
 *
 * @internal
 */
export function loadedBy<T>(load: T): { load: T } {
  function unloaded(): never {
    throw new VerifyError("not_loaded", "usage", "no key is loaded: await `load(vkBytes)` and use what it resolves to");
  }
  return Object.assign(unloaded, { load, verify: unloaded, safeVerify: unloaded });
}
