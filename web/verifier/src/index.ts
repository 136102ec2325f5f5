/**
 * Verifies, in any JavaScript runtime, proofs that a given neural network produced a given output.
 *
 * @packageDocumentation
 */

import type { Verifier as Instance } from "./types.js";
import { verifierFrom, type VerifierConstructor } from "./verifier.js";

export * from "./shared.js";

/** Streams the module where the server sends the right type; else reads it whole. */
async function fetchModule(fetched: () => void): Promise<WebAssembly.Module> {
  const url = new URL("./verifier.wasm", import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: HTTP ${response.status}`);
  if (response.headers.get("content-type")?.startsWith("application/wasm") === true) {
    fetched();
    return WebAssembly.compileStreaming(response);
  }
  const bytes = await response.arrayBuffer();
  fetched();
  return WebAssembly.compile(bytes);
}

/** Checks proofs under one key; made by {@link VerifierConstructor.load}. */
export type Verifier = Instance;
/** `Verifier.load(vkBytes, { modelDigest })` makes a verifier. */
export const Verifier: VerifierConstructor = verifierFrom(fetchModule);
