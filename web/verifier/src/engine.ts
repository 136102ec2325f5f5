/// One WebAssembly instance per page: compiled once, started again after a trap.

import { Key, feeSplit, initSync, __wbg_reset_state } from "../pkg/stwo_ml_verifier_wasm.js";
import { VerifyError } from "./errors.js";

/** Gets and compiles the module; calls `fetched` once its bytes have arrived, or begin to. */
export type Source = (fetched: () => void) => Promise<WebAssembly.Module>;

let loading: Promise<void> | undefined;
let running = false;
let generation = 0;

/** How long the first load took, in milliseconds. */
export interface LoadTiming {
  fetch: number;
  compile: number;
  instantiate: number;
}

/** Compiles and starts the module, once for all callers. A failed load may be tried again. */
export async function load(source: Source): Promise<LoadTiming> {
  const timing = { fetch: 0, compile: 0, instantiate: 0 };
  loading ??= (async () => {
    const start = performance.now();
    let fetched = start;
    const module = await source(() => (fetched = performance.now()));
    const compiled = performance.now();
    initSync({ module });
    running = true;
    timing.fetch = fetched - start;
    timing.compile = compiled - fetched;
    timing.instantiate = performance.now() - compiled;
  })();
  try {
    await loading;
  } catch (cause) {
    loading = undefined;
    throw new VerifyError("unavailable", "engine", `the WebAssembly module could not be loaded: ${String(cause)}`, {
      cause,
    });
  }
  return timing;
}

/** The number of the instance; objects of an earlier one are dead. */
export function current(): number {
  if (!running) {
    __wbg_reset_state();
    running = true;
  }
  return generation;
}

/** A refusal of the native verifier. */
interface Refusal {
  code: VerifyError["code"];
  stage: VerifyError["stage"];
  message: string;
}

function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && !(value instanceof Error) && "code" in value && "stage" in value;
}

/** Runs a call into the module; turns refusals and traps into a {@link VerifyError}. */
export function call<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (isRefusal(error)) throw new VerifyError(error.code, error.stage, error.message);
    // Whatever else leaves the module leaves it in an unknown state.
    running = false;
    generation += 1;
    throw new VerifyError("trap", "engine", `the verifier stopped without a verdict: ${String(error)}`, { cause: error });
  }
}

export { Key, feeSplit };
