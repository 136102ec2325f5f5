import type { VerifyError } from "./errors.js";
import type { Calldata, ContractState, Precheck, Submission } from "./starknet.js";

/** Bytes of a file. They are copied before they are checked. */
export type Bytes = Uint8Array | ArrayBuffer;

/** A public tensor of a key. */
export interface TensorInfo {
  /** Name in the model. */
  readonly name: string;
  /** Axes, outermost first. */
  readonly shape: readonly number[];
  /** An integer `v` stands for the real number `v * 2 ** -scale`. */
  readonly scale: number;
  /** Least admitted integer. */
  readonly lo: number;
  /** Greatest admitted integer. */
  readonly hi: number;
}

/** A public tensor of a valid proof. */
export interface Tensor extends TensorInfo {
  /** Row-major integers. */
  readonly data: Int32Array;
}

/** The soundness of a proof under one assumption about proximity gaps. */
export interface Regime {
  /** `unique_decoding` and `johnson` are proven; the others are conjectures of decreasing caution. */
  readonly regime: "capacity" | "random_words" | "pointwise" | "johnson" | "unique_decoding";
  /** Bits, rounded down to a tenth. */
  readonly bits: number;
  /** The term of the budget that binds. */
  readonly boundBy: "query" | "proximity" | "lookup" | "sumcheck";
}

/** Security is a number per assumption, never one number. */
export interface Security {
  /** The key's parameters by name, for instance `standard`. */
  readonly level: string;
  /** One bound per regime. */
  readonly regimes: readonly Regime[];
}

/** What a verifying key says of its model. */
export interface ModelInfo {
  /** Name of the model, for people. */
  readonly name: string;
  /** Digest of the key, hence of the model: 64 hexadecimal digits. */
  readonly modelDigest: string;
  /** Public inputs. */
  readonly inputs: readonly TensorInfo[];
  /** Public outputs. */
  readonly outputs: readonly TensorInfo[];
  /** The soundness of any proof under this key. */
  readonly security: Security;
  /**
   * Milliseconds that loading took: `fetch` until the module's first bytes (where it is streamed) or
   * last ones, `compile` with the rest of the streaming, `instantiate`, and `parse` for the key. All
   * but `parse` are zero once the engine runs.
   */
  readonly timing: {
    readonly fetch: number;
    readonly compile: number;
    readonly instantiate: number;
    readonly parse: number;
  };
}

/** The authenticated statement of a valid proof: this model, on these inputs, gives these outputs. */
export interface Statement {
  /** Digest of the key under which the proof is valid. */
  readonly modelDigest: string;
  /** All inputs. */
  readonly inputs: readonly Tensor[];
  /** All outputs. */
  readonly outputs: readonly Tensor[];
  /** The first input. */
  readonly input: Tensor;
  /** The first output. */
  readonly output: Tensor;
  /** The soundness of this proof. */
  readonly security: Security;
  /** Size of the proof file in bytes. */
  readonly proofBytes: number;
  /** Milliseconds that the check took. */
  readonly timing: { readonly verify: number };
}

/** What a caller requires of a key. */
export interface LoadOptions {
  /**
   * The digest that the key must have. Pin it, unless the key comes with your own code. A value that is
   * present but no string (a setting that was not set, say) is refused, not ignored.
   */
  readonly modelDigest?: string;
}

/** Integers of one tensor, or one list per tensor. */
export type Expected = ArrayLike<number> | readonly ArrayLike<number>[];

/** What a caller requires of a statement. */
export interface VerifyOptions {
  /** Integers that the inputs must have. */
  readonly input?: Expected;
  /** Integers that the outputs must have. */
  readonly output?: Expected;
}

/** A verdict as a value. There is no statement unless the proof is valid. */
export type Verdict =
  | { readonly ok: true; readonly statement: Statement; readonly error?: undefined }
  | { readonly ok: false; readonly statement?: undefined; readonly error: VerifyError };

/** Checks proofs under one key. */
export interface Verifier {
  /** What the key says. */
  readonly info: ModelInfo;
  /**
   * Checks a proof file and returns the statement that it proves.
   *
   * @throws VerifyError if the proof is not valid, or not of what `options` require.
   */
  verify(proof: Bytes, options?: VerifyOptions): Statement;
  /** As {@link Verifier.verify}, with the refusal as a value. */
  safeVerify(proof: Bytes, options?: VerifyOptions): Verdict;
  /**
   * Checks a proof file and returns the input-output commitment of its statement, as a felt.
   *
   * @throws VerifyError if the proof is not valid, or its statement has no commitment.
   */
  ioCommitment(proof: Bytes): string;
  /**
   * Checks a proof file, and what the Starknet contract would say of it in this state.
   *
   * @throws VerifyError if the proof is not valid, or not one for the contract.
   */
  precheck(proof: Bytes, state?: ContractState): Precheck;
  /**
   * As {@link Verifier.precheck}, and the calls that submit the proof and pay for it.
   *
   * @throws VerifyError also if the contract would not accept the proof (`contract_refuses`).
   */
  calldata(proof: Bytes, submission: Submission, state?: ContractState): Calldata;
  /** Releases the key's memory. Later calls are refused with the code `freed`. */
  free(): void;
}
