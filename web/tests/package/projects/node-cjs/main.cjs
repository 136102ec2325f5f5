const { readFileSync } = require("node:fs");
const { join } = require("node:path");

async function main() {
  const { Verifier } = await import("@stwo-ml/verifier");
  const { WorkerVerifier } = await import("@stwo-ml/verifier/worker");
  const { check } = await import("./check.mjs");
  const read = (name) => new Uint8Array(readFileSync(join(__dirname, "public", name)));
  console.log(await check({ Verifier, WorkerVerifier }, read("small.vk"), read("small.proof")));
}

main();
