/** The script of a web worker. */

import { Verifier } from "./index.js";
import type { Request } from "./messages.js";
import { serve } from "./serve.js";

const handle = serve(Verifier, (answer) => postMessage(answer));
addEventListener("message", ({ data }: MessageEvent<Request>) => void handle(data));
