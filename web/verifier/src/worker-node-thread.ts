/** The script of a thread of Node, Bun or Deno. */

import { parentPort } from "node:worker_threads";

import { Verifier } from "./node.js";
import type { Request } from "./messages.js";
import { serve } from "./serve.js";

const port = parentPort;
if (port === null) throw new Error("this script is a worker's");
const handle = serve(Verifier, (answer) => port.postMessage(answer));
port.on("message", (request: Request) => void handle(request));
