// Prints the module's digest in the README of the packed package, and takes it out again.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("./README.md", import.meta.url);
const wasm = readFileSync(new URL("./dist/verifier.wasm", import.meta.url));
const digest = createHash("sha256").update(wasm).digest("hex");
const text = process.argv[2] === "write" ? digest : "printed here when the package is packed";
writeFileSync(file, readFileSync(file, "utf8").replace(/SHA-256: `[^`]*`/, `SHA-256: \`${text}\``));
