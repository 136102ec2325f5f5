/** The script of a web worker. */

import { Verifier } from "./index.js";
import type { Request } from "./messages.js";
import { serve } from "./serve.js";

const handle = serve(Verifier, (answer, transfer) => postMessage(answer, { transfer }));
addEventListener("message", ({ data }: MessageEvent<Request>) => void handle(data));
