// What the package returns, sent by starknet.js to the contracts on a real node.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";

import { hash } from "starknet";

import { VerifyError, Verifier } from "../../verifier/dist/node.js";
import { readReceipt } from "../../verifier/dist/receipt.js";
import { CLIENT, Devnet, SAGE, WORKER } from "./devnet.mjs";

const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url));
const vk = read("tests/vectors/starknet/onchain128.vk");
const proof = read("tests/vectors/starknet/onchain128.proof");
const felts = (list) => list.map((felt) => BigInt(felt));
const job = { job: 7, worker: WORKER, client: CLIENT, amount: 10n * SAGE, usd: SAGE };
let node;
let verifier;
let addresses;

before(async () => {
  node = await Devnet.start();
  verifier = await Verifier.load(vk);
});

after(() => node?.stop());

beforeEach(async () => void (addresses = await node.contracts()));

const nonce = () => node.provider.getNonceForAddress(node.operator.address);
const accepted = async ({ proofHash }) => BigInt((await node.view(addresses.verifier, "is_proof_verified", [proofHash]))[0]) === 1n;
const paid = () => node.balance(addresses.token, WORKER);

test("starknet.js sends the calldata, the contract accepts and the worker is paid", async () => {
  const checked = verifier.precheck(proof);
  assert.equal(checked.verdict, "accepted");
  const made = verifier.calldata(proof, { ...job, addresses });
  assert.equal(await accepted(made), false);
  const receipt = await node.send(node.operator, made.calls);
  assert.deepEqual(readReceipt(receipt, made).verdict, "paid");
  // What the transaction carries is, felt by felt, what the package says it carries.
  const sent = await node.provider.getTransaction(receipt.transaction_hash);
  assert.deepEqual(felts(sent.calldata), felts(made.executeCalldata));
  assert.equal(made.executeCalldata.length, 334);
  // The contract keeps the list under the hash that starknet.js computes.
  assert.equal(BigInt(made.proofHash), BigInt(hash.computePoseidonHashOnElements(felts(made.proofData))));
  assert.equal(await accepted(made), true);
  // Eleven events and the fee's transfer; the names' selectors by starknet.js.
  const selectors = Object.fromEntries(
    ["JobPaymentRegistered", "ProofSubmitted", "ProofLinkedToJob", "ProofVerified", "Transfer", "WorkerPaid", "FeesDistributed", "PaymentExecuted"].map(
      (name) => [BigInt(hash.getSelectorFromName(name)), name],
    ),
  );
  assert.deepEqual(
    receipt.events.map((event) => selectors[BigInt(event.keys[0])]),
    [
      ...["JobPaymentRegistered", "ProofSubmitted", "ProofLinkedToJob", "ProofVerified", "Transfer", "Transfer", "WorkerPaid"],
      ...["Transfer", "Transfer", "FeesDistributed", "PaymentExecuted", "Transfer"],
    ],
  );
  // To the unit, as it was said before.
  const { shared, worker, burned, treasury, stakers, needed } = made.fees;
  assert.deepEqual(readReceipt(receipt, made).shares, { shared, worker, burned, treasury, stakers });
  assert.equal(await paid(), worker);
  assert.equal(await node.balance(addresses.token, node.operator.address), 990n * SAGE);
  assert.equal(await node.balance(addresses.token, addresses.router), 100n * SAGE - needed);
});

test("nothing is sent for a damaged proof", async () => {
  const first = await nonce();
  const damaged = Uint8Array.from(proof);
  for (const place of [0, 100, damaged.length >> 1, damaged.length - 1]) {
    damaged[place] ^= 1;
    await assert.rejects(
      async () => node.operator.execute(verifier.calldata(damaged, { ...job, addresses }).calls),
      (error) => error instanceof VerifyError && ["decode", "statement", "soundness"].includes(error.stage),
    );
    damaged[place] ^= 1;
  }
  assert.equal(await nonce(), first);
  assert.equal(await paid(), 0n);
});

test("a rejection is reported although the transaction succeeded and paid", async () => {
  const made = verifier.calldata(proof, { ...job, addresses });
  const changed = (number, index, value) =>
    made.calls.map((call, i) => (i === number ? { ...call, calldata: call.calldata.with(index, value) } : call));
  // The first felt of the list's first root is its seventh; the list begins after its length.
  const root = changed(1, 1 + 6, "0x0");
  const io = changed(1, 1 + 300, "0x5");
  for (const [calls, id, reason] of [[root, 7, "stwo_verification_failed"], [io, 8, "io_commitment_mismatch"]]) {
    // Another job, for one job is registered once.
    const renamed = calls.map((call) => ({ ...call, calldata: [...call.calldata] }));
    for (const [number, index] of [[0, 0], [1, 302], [2, 0], [3, 2]]) renamed[number].calldata[index] = `0x${id}`;
    const before = await paid();
    const receipt = await node.send(node.operator, renamed);
    assert.equal(receipt.execution_status, "SUCCEEDED");
    assert.deepEqual(readReceipt(receipt, made), { verdict: "rejected", reason, paid: true });
    assert.equal(await paid(), before + made.fees.worker);
  }
  assert.equal(await accepted(made), false);
});

test("a reverted transaction is reported with the contract's reason", async () => {
  const made = verifier.calldata(proof, { ...job, addresses });
  const { resourceBounds } = await node.operator.estimateInvokeFee(made.calls, { tip: 0n });
  await node.send(node.operator, made.calls);
  const before = await paid();
  await assert.rejects(node.operator.execute(made.calls, { tip: 0n }), /Job already registered/);
  const receipt = await node.send(node.operator, made.calls, { resourceBounds });
  const outcome = readReceipt(receipt, made);
  assert.equal(outcome.verdict, "reverted");
  assert.match(outcome.reason, /Job already registered/);
  assert.equal(await paid(), before);
});

test("the receipt of another submission is a contradiction", async () => {
  const made = verifier.calldata(proof, { ...job, addresses });
  const receipt = await node.send(node.operator, made.calls);
  const other = (change) => readReceipt(receipt, verifier.calldata(proof, { ...job, addresses, ...change }));
  for (const [change, names] of [
    [{ job: 8 }, ["JobPaymentRegistered", "ProofLinkedToJob", "WorkerPaid", "PaymentExecuted"]],
    [{ worker: CLIENT }, ["JobPaymentRegistered", "Transfer", "WorkerPaid"]],
    [{ amount: SAGE }, ["JobPaymentRegistered", "Transfer", "PaymentExecuted"]],
    [{ addresses: { ...addresses, token: "0x5" } }, ["Transfer", "Transfer"]],
    [{ addresses: { ...addresses, verifier: "0x5" } }, ["ProofSubmitted", "ProofLinkedToJob", "ProofVerified"]],
  ]) {
    const { verdict, differences } = other(change);
    assert.equal(verdict, "contradiction");
    assert.deepEqual(differences.map((text) => text.split(":")[0]), names);
  }
  assert.equal(readReceipt({ ...receipt, execution_status: undefined }, made).verdict, "contradiction");
  assert.equal(readReceipt({ execution_status: "SUCCEEDED", events: [] }, made).differences.length, 9);
  const edited = (index, part, place) => {
    const events = receipt.events.map(({ from_address, keys, data }) => ({ from_address, keys: [...keys], data: [...data] }));
    events[index][part][place] = "0x5";
    return readReceipt({ execution_status: "SUCCEEDED", events }, made).verdict;
  };
  // Hash, commitment, amount and shares, each where one event alone tells it.
  for (const [index, part, place] of [[1, "keys", 1], [1, "data", 1], [3, "keys", 1], [4, "data", 2], [5, "data", 2], [9, "data", 2], [10, "data", 3]]) {
    assert.equal(edited(index, part, place), "contradiction", `event ${index}, ${part} ${place}`);
  }
  const twice = [...receipt.events, { ...receipt.events[3], keys: [receipt.events[3].keys[0], "0x5"] }];
  assert.equal(readReceipt({ execution_status: "SUCCEEDED", events: twice }, made).verdict, "contradiction");
  for (let left = 0; left < 11; left += 1) {
    const events = receipt.events.filter((_, i) => i !== left);
    // The two shares of treasury and stakers are told by the router alone.
    const verdict = left === 7 || left === 8 ? "paid" : "contradiction";
    assert.equal(readReceipt({ execution_status: "SUCCEEDED", events }, made).verdict, verdict, `without event ${left}`);
  }
});

test("the README's lines do what they say", async () => {
  const readme = read("web/verifier/README.md").toString();
  const [snippet] = readme.split("## Starknet")[1].split("```js")[1].split("```");
  const AsyncFunction = (async () => undefined).constructor;
  const outcome = [];
  const names = { verifier, proofBytes: proof, addresses, ...job, account: node.operator, provider: node.provider, readReceipt };
  const run = new AsyncFunction(...Object.keys(names), "console", snippet.replace(/^import .*\n/gm, ""));
  await run(...Object.values(names), { log: (...said) => outcome.push(...said) });
  assert.deepEqual(outcome, ["paid"]);
  assert.equal(await paid(), verifier.calldata(proof, { ...job, addresses }).fees.worker);
});
