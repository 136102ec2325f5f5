/** What became of a submission, read from the events of its transaction. */

import type { Calldata } from "./starknet.js";

/** An event as a node gives it. */
export interface ContractEvent {
  readonly from_address: string;
  readonly keys: readonly string[];
  readonly data: readonly string[];
}

/** A receipt as a node, hence starknet.js, gives it. */
export interface Receipt {
  readonly execution_status?: string | undefined;
  readonly revert_reason?: string | undefined;
  readonly events: readonly ContractEvent[];
}

/** How the router shared a payment out, in units of 10^-18 SAGE. */
export interface Shares {
  readonly shared: bigint;
  readonly worker: bigint;
  readonly burned: bigint;
  readonly treasury: bigint;
  readonly stakers: bigint;
}

/**
 * What a transaction did.
 *
 * - `paid`: the contract accepted this proof for this job, and the worker was paid.
 * - `rejected`: the contract emitted `ProofRejected`. **The transaction succeeded all the same**, and `paid` says whether the payment was made.
 * - `reverted`: nothing happened but the transaction's fee.
 * - `contradiction`: the events are not those of this submission.
 */
export type Outcome =
  | { readonly verdict: "paid"; readonly shares: Shares }
  | { readonly verdict: "rejected"; readonly reason: string; readonly paid: boolean }
  | { readonly verdict: "reverted"; readonly reason: string }
  | { readonly verdict: "contradiction"; readonly differences: readonly string[] };

/** Keccak-256 of the events' names, lowest 250 bits. */
const SELECTORS = {
  JobPaymentRegistered: 0x3a5f3a58749d76537728e640a542d018c3c84b392a0e7bf7ef23327d8b564d8n,
  ProofSubmitted: 0x3c4bf3720dc00f8fadfef1670ce47fd18ba9c388c9ba1170e95e4d5ccd57d88n,
  ProofLinkedToJob: 0x366ed2cb6d74510d0e85dc126033a75f4a550e0e1c6bb7b74866b00988bf7a7n,
  ProofVerified: 0x25f5db00da7753cb4cfb1a2277cc6bf8308287c0e09a1c190dd9c04e4e3494dn,
  ProofRejected: 0x1f0d5b470c178e153db58f57e42d432c10cd63ef3bd12c679fd0b9f9f8eb7b5n,
  Transfer: 0x99cd8bde557814842a3121e8ddfd433a539b8c9f14bf31ebf108d12e6196e9n,
  WorkerPaid: 0x136ee2ea551fdd2ac3ea97d6010f1cef66749cb24d8b4263162caad2f12a1c8n,
  FeesDistributed: 0x3acd317246331c29f3e92755aba333dbee54bbc12b2b743096844b6ba547916n,
  PaymentExecuted: 0x3ae62d82a266d15e34e65c1c3e41ad24a94ddc58cdf4aa097a037118ce8c4c0n,
} as const;

/** A felt that an event must have; `undefined` where any will do. */
type Wanted = bigint | undefined;

const halves = (value: bigint): [bigint, bigint] => [value & ((1n << 128n) - 1n), value >> 128n];
const begins = (felts: readonly bigint[], wanted: readonly Wanted[]): boolean =>
  wanted.every((felt, i) => i < felts.length && (felt === undefined || felt === felts[i]));

function shortString(felt: bigint): string {
  const digits = felt.toString(16);
  const text = (digits.match(/../g) ?? []).map((byte) => String.fromCharCode(parseInt(byte, 16))).join("");
  // A text has two digits for each of its letters.
  return digits.length % 2 === 0 && /^[ -~]+$/.test(text) ? text : `0x${digits}`;
}

interface Decoded {
  readonly from: bigint;
  readonly selector: bigint | undefined;
  readonly keys: readonly bigint[];
  readonly data: readonly bigint[];
}

const decoded = (events: readonly ContractEvent[]): Decoded[] =>
  events.map(({ from_address, keys, data }) => {
    const [selector, ...rest] = keys.map(BigInt);
    return { from: BigInt(from_address), selector, keys: rest, data: data.map(BigInt) };
  });

/** Tells what a transaction did with the submission that `made` is. */
export function readReceipt(receipt: Receipt, made: Calldata): Outcome {
  if (receipt.execution_status === "REVERTED") {
    return { verdict: "reverted", reason: receipt.revert_reason ?? "the node gives no reason" };
  }
  const { addresses, job, worker: workerText, amount: amountText } = made.submission;
  const [gate, verifier, router, token] = [addresses.gate, addresses.verifier, addresses.router, addresses.token].map(BigInt);
  const [worker, amount, hash] = [BigInt(workerText), halves(BigInt(amountText)), BigInt(made.proofHash)];
  const id = halves(BigInt(job));
  const events = decoded(receipt.events);
  const named = (from: bigint | undefined, name: keyof typeof SELECTORS): Decoded[] =>
    events.filter((event) => event.from === from && event.selector === SELECTORS[name]);

  const [rejected] = named(verifier, "ProofRejected");
  if (rejected !== undefined) {
    const paid = named(router, "PaymentExecuted").length > 0;
    return { verdict: "rejected", reason: shortString(rejected.data[0] ?? 0n), paid };
  }

  const differences: string[] = [];
  if (receipt.execution_status !== "SUCCEEDED") differences.push(`the status is ${String(receipt.execution_status)}`);
  const once = (from: bigint | undefined, name: keyof typeof SELECTORS, keys: Wanted[], data: Wanted[]): void => {
    const found = named(from, name);
    const right = found.filter((event) => begins(event.keys, keys) && begins(event.data, data));
    // A token moves several times in one payment; the other events come once.
    if (right.length !== 1 || (name !== "Transfer" && found.length !== 1)) {
      differences.push(`${name}: ${right.length} of ${found.length} are this submission's`);
    }
  };
  const distributed = named(router, "FeesDistributed")[0]?.data ?? [];
  const wide = (index: number): bigint => (distributed[2 * index] ?? 0n) + ((distributed[2 * index + 1] ?? 0n) << 128n);
  const shares = { shared: wide(0), worker: wide(1), burned: wide(3), treasury: wide(4), stakers: wide(5) };
  once(gate, "JobPaymentRegistered", [...id, worker], amount);
  once(verifier, "ProofSubmitted", [hash], [undefined, BigInt(made.ioCommitment)]);
  once(verifier, "ProofLinkedToJob", [hash, ...id], []);
  once(verifier, "ProofVerified", [hash], []);
  once(token, "Transfer", [], [undefined, router, ...amount]);
  once(token, "Transfer", [], [router, worker, ...halves(shares.worker)]);
  once(router, "WorkerPaid", [...id, worker], halves(shares.worker));
  once(router, "FeesDistributed", [], Array<Wanted>(12).fill(undefined));
  once(router, "PaymentExecuted", [undefined, undefined, ...id], [undefined, ...amount, ...halves(shares.shared)]);
  return differences.length === 0 ? { verdict: "paid", shares } : { verdict: "contradiction", differences };
}
