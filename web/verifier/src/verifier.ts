import { copy } from "./bytes.js";
import { Key, call, current, load, type LoadTiming, type Source } from "./engine.js";
import { VerifyError, loadedBy } from "./errors.js";
import { calldata, ioCommitment, precheck, type Calldata, type ContractState, type Precheck, type Submission } from "./starknet.js";
import type {
  Bytes,
  Expected,
  LoadOptions,
  ModelInfo,
  Regime,
  Statement,
  Tensor,
  TensorInfo,
  Verdict,
  Verifier,
  VerifyOptions,
} from "./types.js";

/** Makes verifiers. */
export interface VerifierConstructor {
  /**
   * Loads the engine if need be and parses a verifying key.
   *
   * @param vk - The key file, from the model's owner, never from whoever sends proofs.
   * @throws VerifyError if the key is unusable, or is not the pinned one.
   */
  load(vk: Bytes, options?: LoadOptions): Promise<Verifier>;
}

interface KeyInfo {
  name: string;
  digest: string;
  level: string;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  security: Regime[];
}

function required(
  expected: Expected | undefined,
  tensors: readonly Tensor[],
  code: "input_mismatch" | "output_mismatch",
): void {
  const nested = typeof expected?.[0] === "object";
  const lists = (nested ? expected : [expected]) as readonly (ArrayLike<number> | undefined)[];
  const same =
    lists.length === tensors.length &&
    tensors.every((tensor, port) => {
      const list = lists[port];
      return list?.length === tensor.data.length && tensor.data.every((value, i) => value === list[i]);
    });
  if (!same) {
    const what = code === "input_mismatch" ? "inputs" : "outputs";
    throw new VerifyError(code, "policy", `the proof is valid, but not of the required ${what}`);
  }
}

class KeyVerifier implements Verifier {
  readonly info: ModelInfo;
  #vk: Uint8Array | undefined;
  #key: Key;
  #generation: number;

  constructor(vk: Uint8Array, timing: LoadTiming) {
    const start = performance.now();
    this.#vk = vk;
    this.#generation = current();
    this.#key = call(() => Key.parse(vk));
    const { digest, level, security, ...info } = call(() => this.#key.info()) as KeyInfo;
    this.info = {
      ...info,
      modelDigest: digest,
      security: { level, regimes: security },
      timing: { ...timing, parse: performance.now() - start },
    };
  }

  verify(proof: Bytes, options: VerifyOptions = {}): Statement {
    const bytes = copy(proof, "the proof");
    const key = this.#live();
    const start = performance.now();
    const proven = call(() => key.verify(bytes));
    const verify = performance.now() - start;
    const tensors = (infos: readonly TensorInfo[], read: (port: number) => Int32Array | undefined) =>
      infos.map((info, port): Tensor => ({ ...info, data: read(port) ?? new Int32Array() }));
    const { inputs, outputs, regimes } = call(() => ({
      inputs: tensors(this.info.inputs, (port) => proven.input(port)),
      outputs: tensors(this.info.outputs, (port) => proven.output(port)),
      regimes: proven.security() as Regime[],
    }));
    proven.free();
    if ("input" in options) required(options.input, inputs, "input_mismatch");
    if ("output" in options) required(options.output, outputs, "output_mismatch");
    const [input] = inputs;
    const [output] = outputs;
    if (input === undefined || output === undefined) {
      throw new VerifyError("invalid_key", "key", "the key has no input or no output");
    }
    return {
      modelDigest: this.info.modelDigest,
      inputs,
      outputs,
      input,
      output,
      security: { level: this.info.security.level, regimes },
      proofBytes: bytes.length,
      timing: { verify },
    };
  }

  safeVerify(proof: Bytes, options: VerifyOptions = {}): Verdict {
    try {
      return { ok: true, statement: this.verify(proof, options) };
    } catch (error) {
      if (error instanceof VerifyError) return { ok: false, error };
      throw error;
    }
  }

  ioCommitment(proof: Bytes): string {
    return ioCommitment(this.#live(), copy(proof, "the proof"));
  }

  precheck(proof: Bytes, state: ContractState = {}): Precheck {
    return precheck(this.#live(), copy(proof, "the proof"), state);
  }

  calldata(proof: Bytes, submission: Submission, state: ContractState = {}): Calldata {
    return calldata(this.#live(), copy(proof, "the proof"), submission, state);
  }

  free(): void {
    if (this.#vk !== undefined && this.#generation === current()) this.#key.free();
    this.#vk = undefined;
  }

  /** The key in the running instance: parsed again if a trap ended the one it was in. */
  #live(): Key {
    const vk = this.#vk;
    if (vk === undefined) throw new VerifyError("freed", "usage", "the verifier was freed");
    if (this.#generation !== current()) {
      this.#key = call(() => Key.parse(vk));
      this.#generation = current();
    }
    return this.#key;
  }
}

/**
 * The entry of a runtime that finds the module at `source`.
 *
 * @internal
 */
export function verifierFrom(source: Source): VerifierConstructor {
  return loadedBy(async (vk: Bytes, options: LoadOptions = {}): Promise<Verifier> => {
    const bytes = copy(vk, "the verifying key");
    const verifier = new KeyVerifier(bytes, await load(source));
    const { modelDigest } = verifier.info;
    if ("modelDigest" in options && String(options.modelDigest).toLowerCase() !== modelDigest) {
      verifier.free();
      throw new VerifyError(
        "model_mismatch",
        "policy",
        `the key's digest is ${modelDigest}, not the pinned ${String(options.modelDigest)}`,
      );
    }
    return verifier;
  });
}

/** The real numbers that a tensor's integers stand for. */
export function toReal(tensor: Tensor): Float64Array {
  const unit = 2 ** -tensor.scale;
  return Float64Array.from(tensor.data, (value) => value * unit);
}
