/**
 * Checks proofs off the main thread: `WorkerVerifier.load(vkBytes, { modelDigest })`.
 *
 * @packageDocumentation
 */

import { workerVerifierFrom, type WorkerVerifier as Instance, type WorkerVerifierConstructor } from "./client.js";
import type { Answer, Port } from "./messages.js";

export type { WorkerVerifierConstructor, WorkerVerifyOptions } from "./client.js";
export * from "./shared.js";

function spawn(): Port {
  const worker = new Worker(new URL("./worker-thread.js", import.meta.url), { type: "module" });
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen(answer, fail) {
      worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => answer(data));
      worker.addEventListener("error", (event) => fail(new Error(event.message || "its script could not be loaded")));
    },
    terminate: () => worker.terminate(),
  };
}

/** Checks proofs under one key in a worker; made by {@link WorkerVerifierConstructor.load}. */
export type WorkerVerifier = Instance;
/** `WorkerVerifier.load(vkBytes, { modelDigest })` starts a worker. */
export const WorkerVerifier: WorkerVerifierConstructor = workerVerifierFrom(spawn);
