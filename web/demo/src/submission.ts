/** What is submitted where: the fields of the page, and the calls that come of them. */

import type { Calldata, ContractCall, Submission } from "@stwo-ml/verifier";

import { create, element } from "./dom.js";

/** A profile of `networks.toml`. */
interface Network {
  readonly chain_id: string;
  readonly rpc: string;
  readonly gate: string;
  readonly verifier: string;
  readonly router: string;
  readonly token: string;
}

/** The profiles, put in by the build. */
declare const NETWORKS: Readonly<Record<string, Network>>;

/** Keccak-256 of `approve`, lowest 250 bits. */
const APPROVE = "0x219209e083275171774dab1df80982e9df2096516f06319c5c6d71ae0a8480c";
/** The worker that stands in the form at first; nobody should pay it. */
const EXAMPLE_WORKER = "0xdead";
const ADDRESSES = ["gate", "verifier", "router", "token"] as const;

const field = (id: string): HTMLInputElement => element(id, HTMLInputElement);
const value = (id: string): string => field(id).value.trim();

/** Units of 10^-18 in a decimal text. */
function units(text: string, what: string): bigint {
  const [, whole, part = ""] = /^(\d+)(?:\.(\d{1,18}))?$/.exec(text) ?? [];
  if (whole === undefined) throw new Error(`${what} is a decimal number with at most 18 decimals.`);
  return BigInt(whole + part.padEnd(18, "0"));
}

/** A number of units of 10^-18, in decimals. */
export function decimal(amount: bigint): string {
  const digits = amount.toString().padStart(19, "0");
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, "");
}

/** The network of the page's fields. */
export interface Target {
  /** The chain's id, a short string. */
  readonly chain: string;
  /** Address of a node. */
  readonly node: string;
}

/** Refuses a chain, named by its felt, that is not the target's. */
export function sameChain({ chain }: Target, felt: string, whose: string): void {
  const bytes = [...chain].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
  if (BigInt(felt) !== BigInt(`0x${bytes.join("")}`)) throw new Error(`The ${whose} is on another chain than ${chain}: ${felt}.`);
}

/** Fills the fields from a profile, and again when another is chosen; calls `changed` when any of them changes. */
export function initSubmission(changed: () => void): void {
  const network = element("network", HTMLSelectElement);
  network.append(...Object.keys(NETWORKS).map((name) => create("option", name)));
  const fill = (): void => {
    const profile = NETWORKS[network.value];
    if (profile === undefined) return;
    for (const name of ADDRESSES) field(`at-${name}`).value = profile[name];
    field("node").value = profile.rpc;
  };
  fill();
  network.addEventListener("change", fill);
  element("submission", HTMLElement).addEventListener("change", changed);
}

/** The chain and the node that are chosen. */
export function target(): Target {
  return { chain: NETWORKS[element("network", HTMLSelectElement).value]?.chain_id ?? "", node: value("node") };
}

/** What the fields say; throws an error for people where they say nothing. */
export function submission(): Submission {
  const [gate, verifier, router, token] = ADDRESSES.map((name) => value(`at-${name}`)) as [string, string, string, string];
  return {
    addresses: { gate, verifier, router, token },
    job: value("job"),
    worker: value("worker"),
    client: value("client"),
    amount: units(value("amount"), "The amount"),
    usd: units(value("usd"), "The value in dollars"),
  };
}

/** Why the fields may be looked at, but not sent. */
export function unfit(): string | undefined {
  return value("worker") === EXAMPLE_WORKER ? "Put in the worker’s own address: the one in the form is an example." : undefined;
}

/** A transaction's calls, and the same as calldata of an account's `__execute__`. */
export interface Transaction {
  readonly calls: readonly ContractCall[];
  readonly executeCalldata: readonly string[];
}

/** The calls of a submission, after an approval of exactly its amount if the form asks for one. */
export function transaction({ calls, executeCalldata, fees, submission: { addresses } }: Calldata): Transaction {
  if (!field("approve").checked) return { calls, executeCalldata };
  const hex = (felt: bigint): string => `0x${felt.toString(16)}`;
  const calldata = [addresses.router, hex(fees.collected & ((1n << 128n) - 1n)), hex(fees.collected >> 128n)];
  const approve = { contractAddress: addresses.token, entrypoint: "approve", calldata };
  const flat = [addresses.token, APPROVE, hex(3n), ...calldata];
  return { calls: [approve, ...calls], executeCalldata: [hex(BigInt(calls.length + 1)), ...flat, ...executeCalldata.slice(1)] };
}
