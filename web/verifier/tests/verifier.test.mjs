// The built package against the native verifier's vectors.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { CORE_ERROR_CODES, VerifyError, Verifier, WASM_SHA256, toReal } from "../dist/node.js";
import { Verifier as InlineVerifier } from "../dist/inline.js";
import { WorkerVerifier } from "../dist/worker-node.js";

const vectors = new URL("../../../tests/vectors/", import.meta.url);
const read = (name) => new Uint8Array(readFileSync(new URL(name, vectors)));
const dist = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url));
const vk = read("small.vk");
const proof = read("small.proof");

/** The error that a call throws, which must be a VerifyError of this code and stage. */
function refused(run, code, stage) {
  let thrown;
  assert.throws(run, (error) => (thrown = error) instanceof VerifyError);
  assert.equal(thrown.code, code);
  if (stage !== undefined) assert.equal(thrown.stage, stage);
  return thrown;
}

/** Folders of hostile proofs: `reject` for small.vk, `reject-NAME` for NAME.vk. */
function hostile() {
  return readdirSync(vectors)
    .filter((name) => name.startsWith("reject"))
    .flatMap((folder) => {
      const key = read(`${folder === "reject" ? "small" : folder.slice("reject-".length)}.vk`);
      return readdirSync(new URL(`${folder}/`, vectors)).map((name) => {
        const bytes = read(`${folder}/${name}`);
        const end = bytes.indexOf(10);
        const header = new TextDecoder().decode(bytes.subarray(0, end));
        return { name: `${folder}/${name}`, key, code: header.replace("expected: ", ""), proof: bytes.slice(end + 1) };
      });
    });
}

test("verifies a proof and returns what it proves", async () => {
  const verifier = await Verifier.load(vk);
  assert.match(verifier.info.modelDigest, /^[0-9a-f]{64}$/);
  const statement = verifier.verify(proof);
  assert.equal(statement.modelDigest, verifier.info.modelDigest);
  assert.ok(statement.input.data instanceof Int32Array);
  const count = (tensor) => tensor.shape.reduce((a, b) => a * b, 1);
  for (const tensor of [...statement.inputs, ...statement.outputs]) {
    assert.equal(tensor.data.length, count(tensor));
    assert.ok(tensor.data.every((v) => v >= tensor.lo && v <= tensor.hi));
    assert.deepEqual([...toReal(tensor)], [...tensor.data].map((v) => v / 2 ** tensor.scale));
  }
  assert.deepEqual(
    statement.security.regimes.map((r) => r.regime),
    ["capacity", "random_words", "pointwise", "johnson", "unique_decoding"],
  );
  assert.deepEqual(statement.security, verifier.info.security);
  assert.equal(statement.proofBytes, proof.length);
});

test("refuses every hostile proof with the native code", async () => {
  const cases = hostile();
  assert.ok(cases.length >= 20, `${cases.length} hostile proofs`);
  for (const { name, key, code, proof } of cases) {
    const verifier = await Verifier.load(key);
    assert.ok(CORE_ERROR_CODES.includes(code), name);
    const error = refused(() => verifier.verify(proof), code);
    const verdict = verifier.safeVerify(proof);
    assert.equal(verdict.ok, false, name);
    assert.equal(verdict.statement, undefined, name);
    assert.equal(verdict.error.code, error.code, name);
    verifier.free();
  }
});

test("pins the model, the input and the output", async () => {
  const { info } = await Verifier.load(vk);
  const verifier = await Verifier.load(vk, { modelDigest: info.modelDigest.toUpperCase() });
  await assert.rejects(Verifier.load(vk, { modelDigest: "00".repeat(32) }), { code: "model_mismatch", stage: "policy" });
  const { input, output } = verifier.verify(proof);
  verifier.verify(proof, { input: input.data, output: [output.data] });
  const other = (data) => [...data].map((v, i) => (i === 0 ? v + 1 : v));
  refused(() => verifier.verify(proof, { input: other(input.data) }), "input_mismatch", "policy");
  refused(() => verifier.verify(proof, { input: [...input.data, 0] }), "input_mismatch");
  refused(() => verifier.verify(proof, { output: other(output.data) }), "output_mismatch", "policy");
  refused(() => verifier.verify(proof, { output: [] }), "output_mismatch");
  refused(() => verifier.verify(proof, { output: [output.data, output.data] }), "output_mismatch");
});

test("refuses unusable keys and arguments", async () => {
  await assert.rejects(Verifier.load(new Uint8Array()), { code: "truncated", stage: "decode" });
  await assert.rejects(Verifier.load(proof), { code: "wrong_magic" });
  const damaged = vk.slice();
  damaged[40] ^= 1;
  await assert.rejects(Verifier.load(damaged), (error) => error instanceof VerifyError);
  await assert.rejects(Verifier.load("key"), { code: "not_bytes", stage: "usage" });
  const verifier = await Verifier.load(vk.buffer.slice(vk.byteOffset, vk.byteOffset + vk.length));
  refused(() => verifier.verify([1, 2, 3]), "not_bytes", "usage");
  refused(() => verifier.verify(undefined), "not_bytes");
  verifier.free();
  verifier.free();
  refused(() => verifier.verify(proof), "freed", "usage");
});

test("does not change what it is given and does not keep it", async () => {
  const key = vk.slice();
  const verifier = await Verifier.load(key);
  key.fill(0);
  const bytes = proof.slice();
  verifier.verify(bytes);
  assert.deepEqual(bytes, proof);
});

test("reads shared memory and Node's buffers, and owes nothing to them afterwards", async () => {
  const shared = (bytes) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  };
  for (const make of [shared, (bytes) => Buffer.from(bytes), (bytes) => new Uint8Array([9, ...bytes]).subarray(1)]) {
    const key = make(vk);
    const verifier = await Verifier.load(key);
    const loading = WorkerVerifier.load(key);
    key.fill(0);
    const worker = await loading;
    assert.equal(verifier.verify(make(proof)).proofBytes, proof.length);
    // What the caller writes while the worker runs does not reach it, even if the buffer was to be handed over.
    for (const transfer of [false, true]) {
      const bytes = make(proof);
      const pending = worker.verify(bytes, { transfer });
      if (bytes.length > 0) bytes.fill(0);
      assert.equal((await pending).modelDigest, verifier.info.modelDigest);
    }
    await assertRestart(verifier);
    worker.free();
  }
  await assert.rejects(Verifier.load(new SharedArrayBuffer(8)), { code: "not_bytes" });
});

/** Ends the engine under a verifier, whose next call must work. */
async function assertRestart(verifier) {
  // A RuntimeError inside a call is what a trap of the module looks like from outside.
  const native = Uint8Array.prototype.set;
  Uint8Array.prototype.set = function () {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  try {
    const verdict = verifier.safeVerify(proof);
    assert.equal(verdict.ok, false);
    assert.equal(verdict.statement, undefined);
    assert.equal(verdict.error.code, "trap");
    assert.equal(verdict.error.stage, "engine");
  } finally {
    Uint8Array.prototype.set = native;
  }
  assert.equal(verifier.verify(proof).modelDigest, verifier.info.modelDigest);
}

test("starts a new engine after a trap, for every verifier", async () => {
  const [one, two] = [await Verifier.load(vk), await Verifier.load(read("mixed.vk"))];
  await assertRestart(one);
  assert.equal(two.verify(read("mixed.proof")).modelDigest, two.info.modelDigest);
  await assertRestart(one);
  two.free();
  for (let i = 0; i < 50; i += 1) one.verify(proof);
});

test("names the mistake of a use before load", () => {
  for (const constructor of [Verifier, InlineVerifier, WorkerVerifier]) {
    refused(() => constructor.verify(proof), "not_loaded", "usage");
    refused(() => constructor.safeVerify(proof), "not_loaded", "usage");
    refused(() => new constructor(vk), "not_loaded", "usage");
  }
});

test("refuses pins that are present but not set", async () => {
  for (const modelDigest of [undefined, null, "", 0]) {
    await assert.rejects(Verifier.load(vk, { modelDigest }), { code: "model_mismatch" });
    await assert.rejects(WorkerVerifier.load(vk, { modelDigest }), { code: "model_mismatch" });
  }
  const [verifier, worker] = [await Verifier.load(vk), await WorkerVerifier.load(vk)];
  for (const [name, code] of [["input", "input_mismatch"], ["output", "output_mismatch"]]) {
    for (const value of [undefined, null, [], [[]], 7, "0"]) {
      refused(() => verifier.verify(proof, { [name]: value }), code, "policy");
      await assert.rejects(worker.verify(proof, { [name]: value }), { code });
    }
  }
  worker.free();
});

test("the inline entry and the worker reach the same verdicts", async () => {
  const inline = await InlineVerifier.load(vk);
  const worker = await WorkerVerifier.load(vk);
  const expected = (await Verifier.load(vk)).verify(proof);
  for (const statement of [inline.verify(proof), await worker.verify(proof)]) {
    assert.deepEqual({ ...statement, timing: undefined }, { ...expected, timing: undefined });
  }
  for (const { name, key, code, proof } of hostile().slice(0, 8)) {
    const other = await WorkerVerifier.load(key);
    const thrown = await other.verify(proof).then(
      () => assert.fail(name),
      (error) => error,
    );
    assert.ok(thrown instanceof VerifyError, name);
    assert.equal(thrown.code, code, name);
    other.free();
  }
  const transferred = proof.slice();
  await worker.verify(transferred, { transfer: true });
  assert.equal(transferred.length, 0);
  worker.free();
  await assert.rejects(worker.verify(proof), { code: "freed" });
});

test("a worker's check can be cancelled, and the next one works", async () => {
  const worker = await WorkerVerifier.load(vk);
  const controller = new AbortController();
  const pending = worker.verify(proof, { signal: controller.signal });
  const queued = worker.verify(proof, { signal: controller.signal });
  const other = worker.verify(proof);
  controller.abort(new Error("no longer needed"));
  await assert.rejects(pending, { message: "no longer needed" });
  await assert.rejects(queued, { message: "no longer needed" });
  assert.equal((await other).modelDigest, worker.info.modelDigest);
  await assert.rejects(worker.verify(proof, { signal: AbortSignal.abort(new Error("too late")) }), { message: "too late" });
  assert.equal((await worker.safeVerify(proof)).ok, true);
  worker.free();
});

test("keeps to its budgets", (context) => {
  const wasm = dist("verifier.wasm");
  assert.equal(createHash("sha256").update(wasm).digest("hex"), WASM_SHA256);
  assert.ok(wasm.length <= 256 * 1024, `${wasm.length} bytes`);
  const brotli = brotliCompressSync(wasm).length;
  assert.ok(brotli <= 80 * 1024, `${brotli} bytes of brotli`);
  const imports = (name) => [name, ...[...dist(name).toString().matchAll(/from"\.\/([^"]+)"/g)].flatMap((match) => imports(match[1]))];
  const sizes = [`verifier.wasm ${wasm.length} bytes, brotli ${brotli}`];
  for (const entry of ["index.js", "node.js", "worker.js", "worker-thread.js"]) {
    const files = [...new Set(imports(entry))];
    const glue = files.reduce((sum, name) => sum + gzipSync(dist(name)).length, 0);
    sizes.push(`${entry} with what it imports, gzip ${glue}`);
    assert.ok(glue <= 6 * 1024, `${files.join(" + ")}: ${glue} bytes of gzip`);
  }
  context.diagnostic(sizes.join("; "));
  assert.ok(statSync(new URL("../dist/index.d.ts", import.meta.url)).size > 0);
});
