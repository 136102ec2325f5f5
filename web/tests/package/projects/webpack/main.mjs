import { Verifier } from "@stwo-ml/verifier";
import { WorkerVerifier } from "@stwo-ml/verifier/worker";

import { check } from "./check.mjs";

const read = async (name) => new Uint8Array(await (await fetch(`./${name}`)).arrayBuffer());
document.body.dataset.result = await check({ Verifier, WorkerVerifier }, await read("small.vk"), await read("small.proof"));
