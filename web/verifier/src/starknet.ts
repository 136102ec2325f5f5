import { call, feeSplit, type Key } from "./engine.js";

/** An integer, as a bigint, a safe number, or a text in decimal or `0x` and hexadecimal digits. */
export type Integer = bigint | number | string;

/** What the verifier contract holds; read it from a node. Defaults: as the deployment sets it up. */
export interface ContractState {
  /** Whether it is paused; default false. */
  readonly paused?: boolean;
  /** Its least security bits; default 128. */
  readonly minSecurityBits?: number;
  /** Its greatest number of felts; default 262144. */
  readonly maxProofFelts?: number;
  /** Whether it has seen this `proofData` before; default false. */
  readonly alreadySubmitted?: boolean;
}

/** What is submitted where. Felts are `0x` and hexadecimal digits. */
export interface Submission {
  /** Addresses of ProofGatedPayment, StwoVerifier, PaymentRouter and the SAGE token. */
  readonly addresses: { readonly gate: string; readonly verifier: string; readonly router: string; readonly token: string };
  /** Number of the job. */
  readonly job: Integer;
  /** Account of the worker. */
  readonly worker: string;
  /** Account of the client. */
  readonly client: string;
  /** Payment in units of 10^-18 SAGE. */
  readonly amount: Integer;
  /** Its value in units of 10^-18 dollars, for the record. */
  readonly usd: Integer;
  /** Recorded with the job; default false. */
  readonly privacy?: boolean;
}

/** A valid proof, what the contract is sent for it, and what the contract would say. */
export interface Precheck {
  /** The input-output commitment. */
  readonly ioCommitment: string;
  /** `proof_data`, felt by felt: the projection of the proof. */
  readonly proofData: readonly string[];
  /**
   * `accepted`; `rejected`: the transaction succeeds, pays, and emits `ProofRejected`; or `reverts`.
   * The contract checks the form only: that the proof is valid is this verifier's word.
   */
  readonly verdict: "accepted" | "rejected" | "reverts";
  /** The contract's reason, unless it accepts. */
  readonly reason?: string;
}

/** A call as starknet.js takes it. */
export interface ContractCall {
  readonly contractAddress: string;
  readonly entrypoint: string;
  readonly calldata: string[];
}

/** A submission, ready to be signed. */
export interface Calldata extends Precheck {
  /** The four calls, in the only order that pays the worker. */
  readonly calls: ContractCall[];
  /** The same as calldata of an account's `__execute__`. */
  readonly executeCalldata: readonly string[];
  /** How the router shares the payment out at the documented split. */
  readonly fees: FeeSplit;
}

/** A payment shared out, in units of 10^-18 SAGE. */
export interface FeeSplit {
  /** What the payer pays. */
  readonly collected: bigint;
  /** What the router shares out: five per cent more. */
  readonly shared: bigint;
  readonly worker: bigint;
  readonly burned: bigint;
  readonly treasury: bigint;
  readonly stakers: bigint;
  /** What the router must hold beforehand, or the payment reverts. */
  readonly needed: bigint;
}

/** @internal */
export function precheck(key: Key, proof: Uint8Array, state: ContractState): Precheck {
  return prechecked(key, proof, state, (checked) => checked);
}

/** @internal */
export function calldata(key: Key, proof: Uint8Array, submission: Submission, state: ContractState): Calldata {
  const { addresses, job, worker, client, amount, usd, privacy = false } = submission;
  const { gate, verifier, router, token } = addresses;
  const integers = [job, amount, usd].map(String) as [string, string, string];
  const texts = [gate, verifier, router, token, integers[0], worker, client, integers[1], integers[2]];
  return prechecked(key, proof, state, (checked, made) => {
    const [calls, executeCalldata] = made(texts, privacy);
    const fees = call(() => feeSplit(integers[1])).map(BigInt) as [bigint, bigint, bigint, bigint, bigint, bigint, bigint];
    const [collected, shared, worker, burned, treasury, stakers, needed] = fees;
    return {
      ...checked,
      calls: calls.map(([[contractAddress], entrypoint, calldata]) => ({ contractAddress, entrypoint, calldata })),
      executeCalldata,
      fees: { collected, shared, worker, burned, treasury, stakers, needed },
    };
  });
}

/** The calls as the module lays them out: address, entry point, calldata. */
type Calls = [[[string], string, string[]][], string[]];

function prechecked<T>(
  key: Key,
  proof: Uint8Array,
  state: ContractState,
  use: (checked: Precheck, calls: (texts: string[], privacy: boolean) => Calls) => T,
): T {
  const { paused = false, minSecurityBits = 128, maxProofFelts = 262_144, alreadySubmitted = false } = state;
  const made = call(() => key.precheck(proof, paused, minSecurityBits, maxProofFelts, alreadySubmitted));
  const checked = call((): Precheck => {
    const proofData = made.felts();
    const [verdict, reason] = [made.verdict() as Precheck["verdict"], made.reason()];
    return { ioCommitment: proofData[4] ?? "", proofData, verdict, ...(reason === undefined ? {} : { reason }) };
  });
  try {
    return use(checked, (texts, privacy) => call(() => made.calls(texts, privacy) as Calls));
  } finally {
    made.free();
  }
}

/** @internal */
export function ioCommitment(key: Key, proof: Uint8Array): string {
  return call(() => key.ioCommitment(proof));
}
