import { readFileSync } from "node:fs";

import { Verifier } from "@stwo-ml/verifier";
import { WorkerVerifier } from "@stwo-ml/verifier/worker";

import { check } from "./check.mjs";

const read = (name) => new Uint8Array(readFileSync(new URL(`./public/${name}`, import.meta.url)));
console.log(await check({ Verifier, WorkerVerifier }, read("small.vk"), read("small.proof")));
