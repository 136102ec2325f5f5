// The Starknet side of the built package against the native verifier's vectors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { STARKNET_ERROR_CODES, VerifyError, Verifier } from "../dist/node.js";

const vectors = new URL("../../../tests/vectors/", import.meta.url);
const read = (name) => new Uint8Array(readFileSync(new URL(name, vectors)));
const json = (name) => JSON.parse(readFileSync(new URL(`starknet/${name}`, vectors), "utf8"));
const native = json("onchain128.json");
const proofData = native.proof_data.split(" ");
const executeCalldata = native.execute_calldata.split(" ");
const { addresses, job } = json("multicall.json");
const submission = {
  addresses: { ...addresses, token: "0x1" },
  job: job.id,
  worker: job.worker,
  client: job.client,
  amount: BigInt(job.amount),
  usd: Number(job.usd),
};

const verifier = await Verifier.load(read("starknet/onchain128.vk"));
const proof = read("starknet/onchain128.proof");

function refused(run, code, stage = "starknet") {
  assert.throws(run, (error) => error instanceof VerifyError && error.code === code && error.stage === stage);
}

test("prechecks a proof as the native verifier does", () => {
  const checked = verifier.precheck(proof);
  assert.deepEqual(checked, { ioCommitment: proofData[4], proofData, verdict: "accepted" });
  assert.equal(verifier.ioCommitment(proof), proofData[4]);
});

test("gives the contract's reason", () => {
  for (const [state, reason] of [
    [{ paused: true }, "Contract is paused"],
    [{ alreadySubmitted: true }, "Proof already submitted"],
    [{ minSecurityBits: 129 }, "Insufficient security bits"],
    [{ maxProofFelts: 299 }, "Proof too large"],
  ]) {
    const checked = verifier.precheck(proof, state);
    assert.deepEqual([checked.verdict, checked.reason], ["reverts", reason]);
    refused(() => verifier.calldata(proof, submission, state), "contract_refuses");
  }
});

test("makes the calls that the native verifier makes", () => {
  const made = verifier.calldata(proof, submission);
  assert.deepEqual(made.executeCalldata, executeCalldata);
  // The calls, laid out as an account lays them out, are the same felts.
  const selectors = json("selectors.json").functions;
  const hex = (n) => `0x${n.toString(16)}`;
  const flat = made.calls.flatMap(({ contractAddress, entrypoint, calldata }) => [
    contractAddress,
    selectors[entrypoint],
    hex(calldata.length),
    ...calldata,
  ]);
  assert.deepEqual([hex(made.calls.length), ...flat], executeCalldata);
  const [amount] = json("fee_split.json").documented;
  const { collected, shared, worker, burned, treasury, stakers, needed } = made.fees;
  assert.equal(collected, BigInt(amount.amount));
  assert.deepEqual(
    [shared, worker, burned, treasury, stakers],
    ["shared", "worker", "burned", "treasury", "stakers"].map((part) => BigInt(amount[part])),
  );
  assert.equal(needed, BigInt(amount.transferred) - collected);
});

test("refuses what cannot be submitted", () => {
  for (const [change, code] of [
    [{ worker: "0x0" }, "missing"],
    [{ client: "c0ffee" }, "felt"],
    [{ worker: `0x8${"0".repeat(62)}` }, "range"],
    [{ job: 0 }, "missing"],
    [{ job: 1.5 }, "number"],
    [{ amount: -1n }, "number"],
    [{ usd: 2n ** 256n }, "number"],
    [{ addresses: { ...submission.addresses, gate: "0x0" } }, "missing"],
  ]) {
    assert.ok(STARKNET_ERROR_CODES.includes(code), code);
    refused(() => verifier.calldata(proof, { ...submission, ...change }), code);
  }
});

test("has nothing to say without a valid proof for the contract", async () => {
  const damaged = proof.slice();
  damaged[damaged.length >> 1] ^= 1;
  const calls = [(v, p) => v.precheck(p), (v, p) => v.calldata(p, submission), (v, p) => v.ioCommitment(p)];
  for (const run of calls) {
    assert.throws(() => run(verifier, damaged), (error) => error instanceof VerifyError && error.stage === "soundness");
    refused(() => run(verifier, new Uint8Array()), "truncated", "decode");
    refused(() => run(verifier, "proof"), "not_bytes", "usage");
  }
  const standard = await Verifier.load(read("small.vk"));
  refused(() => standard.precheck(read("small.proof")), "onchain_level");
  assert.match(standard.ioCommitment(read("small.proof")), /^0x[0-9a-f]+$/);
  const mixed = await Verifier.load(read("mixed.vk"));
  refused(() => mixed.ioCommitment(read("mixed.proof")), "io_ports");
});
