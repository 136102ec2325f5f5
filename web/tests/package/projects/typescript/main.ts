import { Verifier, VerifyError, toReal, type Statement, type Verdict, type VerifyErrorCode } from "@stwo-ml/verifier";
import { Verifier as Inline } from "@stwo-ml/verifier/inline";
import { WorkerVerifier } from "@stwo-ml/verifier/worker";

export async function use(vk: Uint8Array, proof: Uint8Array, signal: AbortSignal): Promise<[string, Int32Array]> {
  const verifier: Verifier = await Verifier.load(vk);
  const statement: Statement = verifier.verify(proof);
  const data: Int32Array = statement.output.data;
  const verdict: Verdict = (await Inline.load(vk, { modelDigest: statement.modelDigest })).safeVerify(proof, { output: data });
  if (!verdict.ok) {
    const code: VerifyErrorCode = verdict.error.code;
    // @ts-expect-error A refusal has no statement.
    verdict.statement.output;
    // @ts-expect-error There is no such code.
    const none: VerifyErrorCode = "fine";
    throw code === "lookup_sum" ? new VerifyError(none, "policy", "refused") : verdict.error;
  }
  const real: number = toReal(verdict.statement.output)[0] ?? 0;
  const bits: number = statement.security.regimes[0]?.bits ?? 0;
  const worker: WorkerVerifier = await WorkerVerifier.load(vk);
  const { modelDigest } = await worker.verify(proof, { signal, transfer: false });
  worker.free();
  // @ts-expect-error A pin that may be missing is not one.
  await Verifier.load(vk, { modelDigest: undefined }).catch(() => undefined);
  if (!Number.isFinite(real + bits)) throw new Error("no numbers");
  return [modelDigest, data];
}
