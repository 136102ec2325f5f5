/** One worker under one key, and what is checked in it. */

import { WorkerVerifier, type Statement, type Verdict, type VerifyOptions } from "@stwo-ml/verifier/worker";

/** What is to be checked, and against what. */
export interface Run {
  readonly vk: Uint8Array<ArrayBuffer>;
  readonly proof: Uint8Array<ArrayBuffer>;
  /** The digest that the key must have; without it the page says that nothing vouches for the key. */
  readonly digest?: string;
  /** The integers that the input must have. */
  readonly input?: readonly number[] | Int32Array;
  /** What people say the digit is. */
  readonly label?: number;
  /** Milliseconds that fetching key and proof took, if they were fetched. */
  readonly fetched?: number;
}

/** A verdict with the time from the call to the answer, in milliseconds. */
export interface Checked {
  readonly verdict: Verdict;
  readonly elapsed: number;
}

/** A key in a worker. */
export class Session {
  private constructor(
    readonly run: Run,
    readonly verifier: WorkerVerifier,
  ) {}

  /** Starts a worker under the run's key; rejects with a `VerifyError` if the key is not usable, or not the pinned one. */
  static async open(run: Run): Promise<Session> {
    const options = run.digest === undefined ? {} : { modelDigest: run.digest };
    return new Session(run, await WorkerVerifier.load(run.vk, options));
  }

  /** Checks the run's proof, or the given bytes in its place. */
  async check(proof: Uint8Array = this.run.proof): Promise<Checked> {
    const options: VerifyOptions = this.run.input === undefined ? {} : { input: this.run.input };
    const start = performance.now();
    const verdict = await this.verifier.safeVerify(proof, options);
    return { verdict, elapsed: performance.now() - start };
  }

  close(): void {
    this.verifier.free();
  }
}

/** The index of the greatest value; the first of equals. */
export function predicted(statement: Statement): number {
  const { data } = statement.output;
  return data.indexOf(data.reduce((a, b) => Math.max(a, b), -Infinity));
}
