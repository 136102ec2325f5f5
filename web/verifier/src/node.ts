/** The entry of Node, Bun and Deno: the module is read from the package's folder. */

import { readFile } from "node:fs/promises";

import { verifierFrom, type VerifierConstructor } from "./verifier.js";

export * from "./shared.js";

/** `Verifier.load(vkBytes, { modelDigest })` makes a verifier. */
export const Verifier: VerifierConstructor = verifierFrom(async (fetched) => {
  const bytes = new Uint8Array(await readFile(new URL("./verifier.wasm", import.meta.url)));
  fetched();
  return WebAssembly.compile(bytes);
});
