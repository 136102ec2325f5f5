/** What a page and its worker say to each other. */

import type { VerifyErrorCode, VerifyErrorStage } from "./errors.js";
import type { Calldata, ContractState, Precheck, Submission } from "./starknet.js";
import type { LoadOptions, ModelInfo, Statement, VerifyOptions } from "./types.js";

/** A request; the worker answers each with one {@link Answer} of the same number. */
export type Request =
  | { readonly id: number; readonly kind: "load"; readonly vk: Uint8Array; readonly options: LoadOptions }
  | { readonly id: number; readonly kind: "verify"; readonly proof: Uint8Array; readonly options: VerifyOptions }
  | { readonly id: number; readonly kind: "ioCommitment"; readonly proof: Uint8Array }
  | { readonly id: number; readonly kind: "precheck"; readonly proof: Uint8Array; readonly state: ContractState }
  | {
      readonly id: number;
      readonly kind: "calldata";
      readonly proof: Uint8Array;
      readonly submission: Submission;
      readonly state: ContractState;
    };

/** What a worker's work comes to, by the kind of request. */
export interface Results {
  readonly load: ModelInfo;
  readonly verify: Statement;
  readonly ioCommitment: string;
  readonly precheck: Precheck;
  readonly calldata: Calldata;
}

/** An answer; errors cross as their parts. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: Results[keyof Results] }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: VerifyErrorCode;
      readonly stage: VerifyErrorStage;
      readonly message: string;
    };

/** A running worker, of whatever kind the runtime has. */
export interface Port {
  post(request: Request, transfer: ArrayBuffer[]): void;
  listen(answer: (answer: Answer) => void, fail: (error: Error) => void): void;
  terminate(): void;
}
