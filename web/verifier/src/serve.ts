/** The worker's side: one verifier, one request after the other. */

import { VerifyError } from "./errors.js";
import type { Answer, Request } from "./messages.js";
import type { Statement, Verifier } from "./types.js";
import type { VerifierConstructor } from "./verifier.js";

/** Answers requests with the engine of this runtime. */
export function serve(
  constructor: VerifierConstructor,
  answer: (answer: Answer, transfer: ArrayBuffer[]) => void,
): (request: Request) => Promise<void> {
  let verifier: Verifier | undefined;
  const run = async (request: Request): Promise<void> => {
    const { id } = request;
    try {
      if (request.kind === "load") {
        verifier = await constructor.load(request.vk, request.options);
        answer({ id, ok: true, value: verifier.info }, []);
        return;
      }
      if (verifier === undefined) throw new VerifyError("unavailable", "engine", "the worker has no key");
      const value: Statement = verifier.verify(request.proof, request.options);
      const buffers = [...value.inputs, ...value.outputs].map((tensor) => tensor.data.buffer as ArrayBuffer);
      answer({ id, ok: true, value }, buffers);
    } catch (error) {
      const { code, stage, message } =
        error instanceof VerifyError ? error : new VerifyError("trap", "engine", `the worker failed: ${String(error)}`);
      answer({ id, ok: false, code, stage, message }, []);
    }
  };
  let queue = Promise.resolve();
  return (request) => (queue = queue.then(() => run(request)));
}
