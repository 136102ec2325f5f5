/** The entry that carries the module in itself, for places that cannot load a second file. */

import { WASM_BASE64 } from "./inlined.js";
import { verifierFrom, type VerifierConstructor } from "./verifier.js";

export * from "./shared.js";

/** `Verifier.load(vkBytes, { modelDigest })` makes a verifier. */
export const Verifier: VerifierConstructor = verifierFrom(() =>
  WebAssembly.compile(Uint8Array.from(atob(WASM_BASE64), (character) => character.charCodeAt(0))),
);
