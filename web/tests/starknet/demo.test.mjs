// The demo page's panel that submits a proof, with a test wallet and the contracts on a real node.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { parse } from "smol-toml";

import { Verifier } from "../../verifier/dist/node.js";
import { Demo, artifacts, models, own, pick, proof, shot, state, text, web } from "../demo.mjs";
import { CLIENT, Devnet, SAGE, WORKER } from "./devnet.mjs";

const { lenet5, onchain } = models;
const files = { vk: proof(onchain.vk), proof: proof(onchain.runs[0].proof), digest: onchain.digest };
const { sepolia } = parse(readFileSync(join(web, "../prover-native/src/starknet/networks.toml"), "utf8"));
let demo;
let node;
let verifier;

before(async () => {
  demo = await Demo.start();
  verifier = await Verifier.load(readFileSync(files.vk));
  node = await Devnet.start();
});

after(async () => {
  await demo?.stop();
  node?.stop();
});

/** Opens the run for Starknet and waits until its calls are laid out. */
async function open(page) {
  await pick(page, lenet5.runs.length);
  await state(page, "valid");
  await page.waitForSelector("#calls li");
}

/** Waits for the panel's last word. */
async function said(page, words) {
  await page.waitForFunction((words) => document.querySelector("#submitted").textContent.includes(words), words);
  return text(page, "submitted");
}

/** The calls that are shown: entry points and felts. */
const shown = (page) =>
  page.$$eval("#calls li", (items) =>
    items.map((item) => [item.querySelector("summary code").textContent, item.querySelector(".felts").textContent.split(" ")]),
  );

/**
 * A wallet in the page that sends with the operator's account; what it was asked for is in `asked`. With `another`,
 * there is a second one, which says nothing.
 */
function wallet({ chain = "0x534e5f5345504f4c4941", alter = (calls) => calls, another = false } = {}) {
  const asked = [];
  const request = async ({ type, params }) => {
    asked.push(type);
    if (type === "wallet_requestAccounts") return [node.operator.address];
    if (type === "wallet_requestChainId") return chain;
    assert.equal(type, "wallet_addInvokeTransaction");
    const calls = params.calls.map(({ contract_address, entry_point, calldata }) => ({
      contractAddress: contract_address,
      entrypoint: entry_point,
      calldata,
    }));
    const { transaction_hash } = await node.operator.execute(alter(calls), { tip: 0n });
    return { transaction_hash };
  };
  const prepare = async (page) => {
    await page.exposeFunction("askWallet", request);
    await page.addInitScript((another) => {
      const request = (call) => window.askWallet(call);
      window.starknet_test = { id: "test", name: "Test", version: "1", icon: "", request, on() {}, off() {} };
      // Wallets put themselves under a second name.
      window.starknet = window.starknet_test;
      if (another) window.starknet_another = { id: "another", name: "Another", request: () => new Promise(() => undefined) };
    }, another);
  };
  return { asked, prepare };
}

/** Fills the form for contracts on the node. */
async function fill(page, addresses, worker = WORKER) {
  await page.click("#submission summary >> text=Contracts and node");
  for (const [name, address] of Object.entries(addresses)) await page.fill(`#at-${name}`, address);
  await page.fill("#node", node.url);
  await page.fill("#worker", worker);
  await page.fill("#client", CLIENT);
  await page.fill("#job", "7");
  await page.fill("#amount", "10");
  await page.locator("#amount").blur();
  await page.waitForFunction((address) => document.querySelector("#calls")?.textContent.includes(address), addresses.router);
}

test("shows the verdict, the calls and the cost of a bundled run, and that there is no wallet", async (t) => {
  const page = await demo.visit(t);
  const elsewhere = [];
  page.on("request", (request) => request.url().startsWith(demo.server.origin) || elsewhere.push(request.url()));
  await open(page);
  assert.match(await text(page, "contract-verdict"), /^The contract would accept its form\./);
  const { gate, verifier: at, router, token } = sepolia;
  const made = verifier.calldata(readFileSync(files.proof), {
    addresses: { gate, verifier: at, router, token },
    job: 1,
    worker: "0xdead",
    client: "0xc0ffee",
    amount: (3n * SAGE) / 2n,
    usd: (3n * SAGE) / 2n,
  });
  assert.deepEqual(await shown(page), made.calls.map(({ entrypoint, calldata }) => [entrypoint, calldata]));
  // With addresses and selectors they are the felts of `__execute__`.
  const parts = await page.$$eval("#calls .message", (lines) => lines.map((line) => line.textContent.split(" ")[1]));
  const flat = made.calls.flatMap(({ calldata }, i) => [parts[2 * i], parts[2 * i + 1], `0x${calldata.length.toString(16)}`, ...calldata]);
  assert.deepEqual(["0x4", ...flat], made.executeCalldata);
  assert.match(await text(page, "calls-size"), /^334 felts in all; the network takes 5,000$/);
  const cost = await page.$$eval("#cost td", (cells) => cells.map((cell) => cell.textContent));
  const sage = ["1.5", "1.575", "1.26", "0.2835", "0.0315", "0", "0.075"].map((amount) => `${amount} SAGE`);
  assert.deepEqual(cost, [...sage, "not known without a node"]);
  await page.click("#calls li:nth-child(2) summary");
  await page.click("#send");
  assert.match(await said(page, "wallet"), /^Nothing was sent\.There is no Starknet wallet in this page\. Install one/);
  await shot(page, "starknet");
  await page.setViewportSize({ width: 390, height: 800 });
  await page.click("#submission summary >> text=Contracts and node");
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "too wide for a phone");
  await shot(page, "starknet-phone");
  // What the form cannot be, it says.
  for (const [field, value, words] of [["amount", "1,5", /decimal number/], ["worker", "dead", /felt|digits/], ["job", "0", /job/]]) {
    const right = await page.inputValue(`#${field}`);
    await page.fill(`#${field}`, value);
    await page.locator(`#${field}`).blur();
    await page.waitForFunction(() => document.querySelector("#submission-problem").textContent !== "");
    assert.match(await text(page, "submission-problem"), words);
    assert.equal(await page.locator("#calls li").count(), 0);
    await page.fill(`#${field}`, right);
    await page.locator(`#${field}`).blur();
    await page.waitForSelector("#calls li");
  }
  assert.deepEqual(elsewhere, []);
});

test("has nothing to submit of another level or of a tampered proof", async (t) => {
  const { asked, prepare } = wallet();
  const page = await demo.visit(t, { prepare });
  await pick(page, 0);
  await state(page, "valid");
  await page.waitForFunction(() => document.querySelector("#contract-verdict").textContent.includes("onchain_level"));
  assert.match(await text(page, "contract-verdict"), /^There is nothing to submit\..*choose the run marked/i);
  assert.equal(await page.isVisible("#submission"), false);
  const tampered = readFileSync(files.proof);
  tampered[tampered.length >> 1] ^= 1;
  writeFileSync(join(artifacts, "tampered.proof"), tampered);
  await open(page);
  await own(page, { ...files, proof: join(artifacts, "tampered.proof") });
  await state(page, "invalid");
  await page.waitForFunction(() => document.querySelector("#contract-verdict").textContent.includes("nothing to submit"));
  assert.equal(await page.isVisible("#send"), false);
  assert.deepEqual(asked, []);
  await own(page, files);
  await page.waitForSelector("#send:visible");
});

test("a wallet sends the transaction, and its outcome is shown", async (t) => {
  const addresses = await node.contracts();
  let refused = false;
  const { asked, prepare } = wallet({
    alter: (calls) => {
      if (refused) return calls;
      refused = true;
      throw new Error("the user said no");
    },
  });
  const page = await demo.visit(t, { prepare });
  await open(page);
  await page.click("#send");
  await said(page, "the one in the form is an example");
  assert.deepEqual(asked, []);
  await fill(page, addresses);
  await page.click("#send");
  assert.match(await said(page, "Test gives no transaction."), /the user said no/);
  asked.length = 0;
  // A fault of the node does not lose a transaction that is sent.
  let faults = 0;
  await page.route(node.url, async (route) => {
    const fault = route.request().postData().includes("starknet_getTransactionReceipt") && faults++ === 0;
    await (fault ? route.fulfill({ json: { jsonrpc: "2.0", id: 1, error: { code: -32603, message: "out of order" } } }) : route.continue());
  });
  await page.click("#send");
  assert.match(await said(page, "Accepted and paid"), /Transaction 0x[0-9a-f]+The worker got 8\.4 SAGE\.$/);
  assert.deepEqual(asked, ["wallet_requestAccounts", "wallet_requestChainId", "wallet_addInvokeTransaction"]);
  assert.ok(faults >= 2, `${faults} receipts asked for`);
  assert.equal(await node.balance(addresses.token, WORKER), (84n * SAGE) / 10n);
  const fee = /([\d.]+) STRK/.exec(await text(page, "cost"))[1];
  assert.ok(Number(fee) > 0, fee);
  await shot(page, "starknet-sent");
  // A second time the simulation says what would happen, and the wallet is not asked to sign.
  await page.click("#send");
  assert.match(await said(page, "Simulated: reverted"), /Job already registered.*Nothing was sent\.$/s);
  assert.equal(asked.filter((type) => type === "wallet_addInvokeTransaction").length, 1);
});

test("a rejection is shown although the transaction succeeds", async (t) => {
  const addresses = await node.contracts();
  const alter = (calls) => calls.map((call, i) => (i === 1 ? { ...call, calldata: call.calldata.with(7, "0x0") } : call));
  const { prepare } = wallet({ alter });
  const page = await demo.visit(t, { prepare });
  await open(page);
  await fill(page, addresses);
  await page.click("#send");
  const outcome = await said(page, "Rejected by the contract: stwo_verification_failed");
  assert.match(outcome, /The transaction succeeds all the same, and the payment is made nevertheless\.$/);
  assert.equal(await page.locator("#submitted .bad").count(), 1);
  await shot(page, "starknet-rejected");
});

test("simulates, approves, and refuses a wallet of another chain", async (t) => {
  const addresses = await node.contracts({ allowance: 0n });
  const { asked, prepare } = wallet({ chain: "0x534e5f4d41494e", another: true });
  const page = await demo.visit(t, { prepare });
  await open(page);
  await fill(page, addresses);
  await page.fill("#account", node.operator.address);
  await page.click("#simulate");
  assert.match(await said(page, "Simulated: reverted"), /Insufficient allowance/);
  await page.check("#approve");
  await page.waitForFunction(() => document.querySelectorAll("#calls li").length === 5);
  await page.click("#simulate");
  assert.match(await said(page, "Simulated: accepted and paid"), /The worker would get 8\.4 SAGE\.$/);
  assert.equal(await node.balance(addresses.token, WORKER), 0n);
  await page.click("#send");
  await said(page, "There are several wallets in this page");
  assert.deepEqual(asked, []);
  await page.selectOption("#wallet", "test");
  await page.click("#send");
  await said(page, "The wallet Test is on another chain than SN_SEPOLIA");
  assert.deepEqual(asked, ["wallet_requestAccounts", "wallet_requestChainId"]);
});
