import { VerifyError } from "./errors.js";
import type { Bytes } from "./types.js";

/** The copy that is checked: what the caller does to the original meanwhile does not matter. */
export function copy(bytes: Bytes, what: string): Uint8Array<ArrayBuffer> {
  // Not `slice`, which does not copy a Buffer of Node.
  if (bytes instanceof Uint8Array) return new Uint8Array(bytes);
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes.slice(0));
  throw new VerifyError("not_bytes", "usage", `${what} must be a Uint8Array or an ArrayBuffer`);
}

/** The bytes, taken from the caller where they fill a buffer that can be handed over; else a copy. */
export function owned(bytes: Bytes, what: string): Uint8Array<ArrayBuffer> {
  const buffer = bytes instanceof Uint8Array ? bytes.buffer : bytes;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return whole ? new Uint8Array(structuredClone(buffer, { transfer: [buffer] })) : copy(bytes, what);
}
