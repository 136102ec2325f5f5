/** The worker's side: one verifier, one request after the other. */

import { VerifyError } from "./errors.js";
import type { Answer, Request, Results } from "./messages.js";
import type { Verifier } from "./types.js";
import type { VerifierConstructor } from "./verifier.js";

function work(verifier: Verifier, request: Exclude<Request, { kind: "load" }>): Results[Request["kind"]] {
  switch (request.kind) {
    case "verify":
      return verifier.verify(request.proof, request.options);
    case "ioCommitment":
      return verifier.ioCommitment(request.proof);
    case "precheck":
      return verifier.precheck(request.proof, request.state);
    case "calldata":
      return verifier.calldata(request.proof, request.submission, request.state);
  }
}

/** Answers requests with the engine of this runtime. */
export function serve(
  constructor: VerifierConstructor,
  answer: (answer: Answer) => void,
): (request: Request) => Promise<void> {
  let verifier: Verifier | undefined;
  const run = async (request: Request): Promise<void> => {
    const { id } = request;
    try {
      if (request.kind === "load") {
        verifier = await constructor.load(request.vk, request.options);
        answer({ id, ok: true, value: verifier.info });
        return;
      }
      if (verifier === undefined) throw new VerifyError("unavailable", "engine", "the worker has no key");
      answer({ id, ok: true, value: work(verifier, request) });
    } catch (error) {
      const { code, stage, message } =
        error instanceof VerifyError ? error : new VerifyError("trap", "engine", `the worker failed: ${String(error)}`);
      answer({ id, ok: false, code, stage, message });
    }
  };
  let queue = Promise.resolve();
  return (request) => (queue = queue.then(() => run(request)));
}
