import { Verifier, VerifyError, toReal, type Statement, type Verdict, type VerifyErrorCode } from "@stwo-ml/verifier";
import { Verifier as Inline } from "@stwo-ml/verifier/inline";
import { WorkerVerifier } from "@stwo-ml/verifier/worker";

export async function use(vk: Uint8Array, proof: ArrayBuffer, signal: AbortSignal): Promise<number> {
  const verifier: Verifier = await Verifier.load(vk, { modelDigest: "00" });
  const statement: Statement = verifier.verify(proof, { output: new Int32Array(3) });
  const data: Int32Array = statement.output.data;
  const verdict: Verdict = (await Inline.load(vk)).safeVerify(proof);
  if (verdict.ok) return toReal(verdict.statement.output)[0] ?? 0;
  const code: VerifyErrorCode = verdict.error.code;
  // @ts-expect-error A refusal has no statement.
  verdict.statement.output;
  // @ts-expect-error There is no such code.
  const none: VerifyErrorCode = "fine";
  const worker = await WorkerVerifier.load(vk);
  await worker.verify(proof, { signal, transfer: true });
  if (code === "lookup_sum") throw new VerifyError(none, "policy", "refused");
  return data.length + (statement.security.regimes[0]?.bits ?? 0);
}
