// What every project does: verifies a proof, refuses a damaged one, here and in a worker.
export async function check({ Verifier, WorkerVerifier }, vk, proof) {
  const verifier = await Verifier.load(vk);
  const { modelDigest, output } = verifier.verify(proof);
  const damaged = proof.slice();
  damaged[damaged.length >> 1] ^= 1;
  const verdict = verifier.safeVerify(damaged);
  if (verdict.ok) throw new Error("a damaged proof was accepted");
  const worker = await WorkerVerifier.load(vk, { modelDigest });
  const same = await worker.verify(proof);
  if (String(same.output.data) !== String(output.data)) throw new Error("the worker disagrees");
  const refused = await worker.safeVerify(damaged);
  if (refused.ok || refused.error.code !== verdict.error.code) throw new Error("the worker's refusal differs");
  worker.free();
  return `verified ${modelDigest} [${[...output.data]}] rejected ${verdict.error.code}`;
}
