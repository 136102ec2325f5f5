/** As `worker.ts`, on the threads of Node, Bun and Deno. */

import { Worker } from "node:worker_threads";

import { workerVerifierFrom, type WorkerVerifier as Instance, type WorkerVerifierConstructor } from "./client.js";
import type { Answer, Port } from "./messages.js";

export type { WorkerVerifierConstructor, WorkerVerifyOptions } from "./client.js";
export * from "./shared.js";

function spawn(): Port {
  const worker = new Worker(new URL("./worker-node-thread.js", import.meta.url));
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen(answer, fail) {
      worker.on("message", (data: Answer) => answer(data));
      worker.on("error", fail);
    },
    terminate: () => void worker.terminate(),
  };
}

/** Checks proofs under one key in a worker; made by {@link WorkerVerifierConstructor.load}. */
export type WorkerVerifier = Instance;
/** `WorkerVerifier.load(vkBytes, { modelDigest })` starts a worker. */
export const WorkerVerifier: WorkerVerifierConstructor = workerVerifierFrom(spawn);
