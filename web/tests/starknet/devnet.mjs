// A starknet-devnet on loopback and the contracts of tests/contracts on it, deployed with starknet.js.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

import { Account, RpcProvider, cairo, hash } from "starknet";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** `$STARKNET_DEVNET`, else the one that tests/scripts/setup-starknet installs, else one on PATH. */
const binary =
  process.env.STARKNET_DEVNET ??
  [join(root, "target/tools/bin"), ...(process.env.PATH ?? "").split(delimiter)]
    .map((folder) => join(folder, "starknet-devnet"))
    .find(existsSync);
// None is skipped.
if (binary === undefined) throw new Error("no starknet-devnet: run tests/scripts/setup-starknet, or set STARKNET_DEVNET");

/** Units of one SAGE. */
export const SAGE = 10n ** 18n;
/** Addresses that only receive. */
export const [WORKER, CLIENT, STAKERS, TREASURY] = ["0x1001", "0x1002", "0x1003", "0x1004"];

const read = (name, kind) => JSON.parse(gunzipSync(readFileSync(join(root, `tests/contracts/classes/${name}.${kind}.json.gz`))));
const wide = (value) => Object.values(cairo.uint256(value)).map(String);

/** A node with the classes declared, and accounts that it has funded. */
export class Devnet {
  #shell;
  #salt = 0;

  /** Starts a node and declares the classes with its first account. */
  static async start() {
    // The shell kills the node when its standard input closes: with this process at the latest.
    const script = '"$0" "$@" </dev/null & node=$!; cat; kill -9 $node; wait $node 2>/dev/null';
    const args = ["--seed", "0", "--host", "127.0.0.1", "--port", "0", "--accounts", "3"];
    const node = new Devnet();
    node.#shell = spawn("sh", ["-c", script, binary, ...args], { stdio: ["pipe", "pipe", "ignore"] });
    const funded = [];
    let port;
    const lines = createInterface({ input: node.#shell.stdout });
    await new Promise((resolve, reject) => {
      // Reads on to the end: a full pipe would stop the node.
      lines.on("line", (line) => {
        const value = line.split("|").at(-1).trim();
        if (line.startsWith("| Account address")) funded.push({ address: value });
        else if (line.startsWith("| Private key")) funded.at(-1).signer = value;
        else if ((port ??= /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]) !== undefined) resolve();
      });
      lines.on("close", () => reject(new Error("the node ends before it listens")));
    });
    node.url = `http://127.0.0.1:${port}/rpc`;
    node.provider = new RpcProvider({ nodeUrl: node.url });
    [node.owner, node.operator] = funded.map((account) => new Account({ provider: node.provider, ...account }));
    node.classes = {};
    for (const name of ["sage", "stwo_verifier", "proof_gated_payment", "payment_router"]) {
      const { class_hash, transaction_hash } = await node.owner.declare(
        { contract: read(name, "sierra"), casm: read(name, "casm") },
        { tip: 0n },
      );
      await node.provider.waitForTransaction(transaction_hash, { retryInterval: 20 });
      node.classes[name] = class_hash;
    }
    return node;
  }

  /** Kills the node. */
  stop() {
    this.#shell.stdin.end();
  }

  /** Sends calls as they are; returns the receipt. */
  async send(account, calls, options = {}) {
    const { transaction_hash } = await account.execute(calls, { tip: 0n, ...options });
    return this.provider.waitForTransaction(transaction_hash, { retryInterval: 20 });
  }

  /** What a view answers. */
  view(contractAddress, entrypoint, calldata = []) {
    return this.provider.callContract({ contractAddress, entrypoint, calldata });
  }

  /** A balance in units of SAGE. */
  async balance(token, account) {
    const [low, high] = await this.view(token, "balance_of", [account]);
    return BigInt(low) + (BigInt(high) << 128n);
  }

  /**
   * Contracts of their own, set up as the documented split says: the operator may submit and has `allowance` set
   * aside for the router, which holds what it shares out beyond what it collects. Returns their addresses.
   */
  async contracts({ allowance = 100n * SAGE } = {}) {
    const salt = String(this.#salt++);
    const [owner, operator] = [this.owner.address, this.operator.address];
    const deployments = [];
    const deploy = (name, constructorCalldata) => {
      deployments.push({ classHash: this.classes[name], salt, unique: false, constructorCalldata });
      return hash.calculateContractAddressFromHash(salt, this.classes[name], constructorCalldata, 0);
    };
    const token = deploy("sage", [owner, ...wide(1_000_000n * SAGE)]);
    const verifier = deploy("stwo_verifier", [owner, "128", "262144", "0"]);
    const gate = deploy("proof_gated_payment", [owner, operator]);
    const router = deploy("payment_router", [owner, token, STAKERS, TREASURY]);
    const { transaction_hash } = await this.owner.deploy(deployments, { tip: 0n });
    await this.provider.waitForTransaction(transaction_hash, { retryInterval: 20 });
    const call = (contractAddress, entrypoint, ...calldata) => ({ contractAddress, entrypoint, calldata });
    await this.send(this.owner, [
      call(gate, "configure", router, operator, operator, verifier),
      call(router, "set_authorized_submitter", operator),
      call(router, "set_fee_distribution", "8000", "2000", "0", "9000", "1000"),
      call(token, "transfer", router, ...wide(100n * SAGE)),
      call(token, "transfer", operator, ...wide(1000n * SAGE)),
    ]);
    await this.send(this.operator, [call(token, "approve", router, ...wide(allowance))]);
    return { gate, verifier, router, token };
  }
}
