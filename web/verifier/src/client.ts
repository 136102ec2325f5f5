import { copy, owned } from "./bytes.js";
import { VerifyError, loadedBy } from "./errors.js";
import type { Answer, Port, Request } from "./messages.js";
import type { Bytes, LoadOptions, ModelInfo, Statement, Verdict, VerifyOptions } from "./types.js";

/** What a caller asks of one check in a worker. */
export interface WorkerVerifyOptions extends VerifyOptions {
  /** Ends the check: the worker is stopped, and started again when it is next needed. */
  readonly signal?: AbortSignal;
  /** Hands the proof's buffer over instead of copying it; the caller's array is empty afterwards. */
  readonly transfer?: boolean;
}

/** Checks proofs under one key, off the calling thread. */
export interface WorkerVerifier {
  /** What the key says. */
  readonly info: ModelInfo;
  /**
   * Checks a proof file and resolves to the statement that it proves.
   *
   * Rejects with a `VerifyError` if the proof is not valid, or not of what `options` require, and with
   * the signal's reason if it was cancelled.
   */
  verify(proof: Bytes, options?: WorkerVerifyOptions): Promise<Statement>;
  /** As {@link WorkerVerifier.verify}, with the refusal as a value. */
  safeVerify(proof: Bytes, options?: WorkerVerifyOptions): Promise<Verdict>;
  /** Stops the worker. Later calls are refused with the code `freed`. */
  free(): void;
}

/** Makes verifiers that run in a worker. */
export interface WorkerVerifierConstructor {
  /**
   * Starts a worker and parses a verifying key in it.
   *
   * Rejects with a `VerifyError` if the key is unusable, or is not the pinned one.
   */
  load(vk: Bytes, options?: LoadOptions): Promise<WorkerVerifier>;
}

interface Waiting {
  resolve(value: ModelInfo | Statement): void;
  reject(reason: unknown): void;
}

type RequestBody = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;

/** A worker with its unanswered requests. */
class Connection {
  #next = 0;
  readonly #waiting = new Map<number, Waiting>();

  constructor(readonly port: Port) {
    port.listen(
      (answer) => this.#settle(answer),
      (error) => this.close(new VerifyError("trap", "engine", `the worker stopped: ${error.message}`, { cause: error })),
    );
  }

  ask(request: RequestBody, transfer: ArrayBuffer[]): Promise<ModelInfo | Statement> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.port.post({ ...request, id } as Request, transfer);
    });
  }

  close(reason: unknown): void {
    this.port.terminate();
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value);
    else waiting?.reject(new VerifyError(answer.code, answer.stage, answer.message));
  }
}

class Client implements WorkerVerifier {
  #connection: Connection | undefined;
  #freed = false;
  /** Settles when the check before is done: one at a time, so that cancelling one spares the others. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly info: ModelInfo,
    private readonly spawn: () => Port,
    private readonly vk: Uint8Array,
    connection: Connection,
  ) {
    this.#connection = connection;
  }

  static async load(spawn: () => Port, vk: Uint8Array, options: LoadOptions): Promise<Client> {
    const connection = new Connection(spawn());
    try {
      const info = (await connection.ask({ kind: "load", vk, options }, [])) as ModelInfo;
      return new Client(info, spawn, vk, connection);
    } catch (error) {
      connection.close(error);
      throw error;
    }
  }

  async verify(proof: Bytes, options: WorkerVerifyOptions = {}): Promise<Statement> {
    const { signal, transfer = false, ...pins } = options;
    signal?.throwIfAborted();
    if (this.#freed) throw freed();
    const data = transfer ? owned(proof, "the proof") : copy(proof, "the proof");
    const result = this.#turn.then(() => this.#ask(data, pins, signal));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async safeVerify(proof: Bytes, options: WorkerVerifyOptions = {}): Promise<Verdict> {
    try {
      return { ok: true, statement: await this.verify(proof, options) };
    } catch (error) {
      if (error instanceof VerifyError) return { ok: false, error };
      throw error;
    }
  }

  free(): void {
    this.#freed = true;
    if (this.#connection !== undefined) this.#drop(this.#connection, freed());
  }

  async #ask(proof: Uint8Array<ArrayBuffer>, options: VerifyOptions, signal: AbortSignal | undefined): Promise<Statement> {
    signal?.throwIfAborted();
    if (this.#freed) throw freed();
    const connection = (this.#connection ??= this.#restart());
    const abort = (): void => this.#drop(connection, signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return (await connection.ask({ kind: "verify", proof, options }, [proof.buffer])) as Statement;
    } catch (error) {
      // A worker that stopped answers nothing more; the next call starts another.
      if (error instanceof VerifyError && error.stage === "engine") this.#drop(connection, error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #restart(): Connection {
    const connection = new Connection(this.spawn());
    const { modelDigest } = this.info;
    // A failure shows in the request that follows, which the worker answers after this one.
    connection.ask({ kind: "load", vk: this.vk, options: { modelDigest } }, []).catch(() => undefined);
    return connection;
  }

  #drop(connection: Connection, reason: unknown): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.close(reason);
  }
}

function freed(): VerifyError {
  return new VerifyError("freed", "usage", "the verifier was freed");
}

/**
 * Verifiers whose workers `spawn` starts.
 *
 * @internal
 */
export function workerVerifierFrom(spawn: () => Port): WorkerVerifierConstructor {
  return loadedBy(
    async (vk: Bytes, options: LoadOptions = {}): Promise<WorkerVerifier> =>
      Client.load(spawn, copy(vk, "the verifying key"), options),
  );
}
