// The packed tarball, installed as a user installs it, verifies a proof in every kind of project.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, serve } from "../chromium.mjs";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const web = join(here, "../..");
const vectors = join(web, "../tests/vectors");
const work = mkdtempSync(join(tmpdir(), "stwo-ml-package-"));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const bin = (name) => join(web, "node_modules/.bin", name);
let tarball;
let browser;

/** Digest and output of the valid proof, code of the damaged one. */
const EXPECTED = /^verified [0-9a-f]{64} \[-?\d+(,-?\d+)*\] rejected [a-z_]+$/;

before(async () => {
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", work], join(web, "verifier")));
  tarball = join(work, filename);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(work, { recursive: true, force: true });
});

/** A project made from a folder of `projects/`, with the tarball installed and the vectors beside. */
function project(name) {
  const folder = join(work, name);
  cpSync(join(here, "projects", name), folder, { recursive: true });
  mkdirSync(join(folder, "public"), { recursive: true });
  for (const file of ["small.vk", "small.proof"]) cpSync(join(vectors, file), join(folder, "public", file));
  cpSync(join(here, "projects/check.mjs"), join(folder, "check.mjs"));
  if (name !== "plain") {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, ...(name === "node-cjs" ? {} : { type: "module" }) }));
  }
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", tarball], folder);
  return folder;
}

/** Opens a static folder in Chromium and returns what its page writes into the body. */
async function open(root) {
  const errors = [];
  const server = await serve({ "/": root });
  const page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => document.body.dataset.result !== undefined, undefined, { timeout: 30_000 });
    return await page.evaluate(() => document.body.dataset.result);
  } catch (error) {
    throw new Error(`${error}; page errors: ${errors.join("; ")}`);
  } finally {
    await page.close();
    server.close();
  }
}

test("publint and the types' checker find no fault", () => {
  run(bin("publint"), ["run", "--strict", tarball], web);
  run(bin("attw"), [tarball, "--profile", "esm-only", "--exclude-entrypoints", "verifier.wasm"], web);
});

test("the packed README prints the module's digest", async () => {
  const folder = join(project("node-esm"), "node_modules/@stwo-ml/verifier");
  const digest = createHash("sha256").update(readFileSync(join(folder, "dist/verifier.wasm"))).digest("hex");
  assert.equal(/SHA-256: `([0-9a-f]{64})`/.exec(readFileSync(join(folder, "README.md"), "utf8"))?.[1], digest);
  assert.equal((await import(join(folder, "dist/node.js"))).WASM_SHA256, digest);
  assert.match(readFileSync(join(web, "verifier/README.md"), "utf8"), /SHA-256: `printed here/);
});

test("Node, ES modules", () => {
  assert.match(run(process.execPath, ["main.mjs"], project("node-esm")).trim(), EXPECTED);
});

test("Node, CommonJS", () => {
  assert.match(run(process.execPath, ["main.cjs"], project("node-cjs")).trim(), EXPECTED);
});

for (const runtime of ["deno", "bun"]) {
  test(`${runtime}`, () => {
    const args = runtime === "deno" ? ["run", "--allow-read", "--node-modules-dir=manual", "--no-remote", "main.mjs"] : ["main.mjs"];
    assert.match(run(bin(runtime), args, project("node-esm")).trim(), EXPECTED);
  });
}

test("TypeScript, strict, with bundler and Node resolution", async () => {
  const folder = project("typescript");
  for (const resolution of [["bundler", "esnext"], ["nodenext", "nodenext"]]) {
    const args = ["-p", ".", "--moduleResolution", resolution[0], "--module", resolution[1]];
    run(process.execPath, [require.resolve("typescript/bin/tsc"), ...args], folder);
    const [vk, proof] = ["small.vk", "small.proof"].map((name) => new Uint8Array(readFileSync(join(vectors, name))));
    const { use } = await import(join(folder, `main.js?${resolution[0]}`));
    const [digest, data] = await use(vk, proof, new AbortController().signal);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.ok(data instanceof Int32Array && data.length > 0);
    const damaged = proof.slice();
    damaged[damaged.length >> 1] ^= 1;
    await assert.rejects(use(vk, damaged, new AbortController().signal), { name: "VerifyError" });
  }
});

test("Vite", async () => {
  const folder = project("vite");
  const { build } = await import("vite");
  await build({ root: folder, logLevel: "error", base: "./", worker: { format: "es" } });
  assert.match(await open(join(folder, "dist")), EXPECTED);
});

test("webpack", async () => {
  const folder = project("webpack");
  const { default: webpack } = await import("webpack");
  const stats = await new Promise((resolve, reject) => {
    webpack(
      { mode: "production", context: folder, entry: "./main.mjs", output: { path: join(folder, "public"), filename: "main.js" } },
      (error, stats) => (error ? reject(error) : resolve(stats)),
    );
  });
  assert.equal(stats.hasErrors(), false, stats.toString("errors-only"));
  assert.match(await open(join(folder, "public")), EXPECTED);
});

test("a page without a bundler, and the inline entry", async () => {
  const folder = project("plain");
  for (const file of ["small.vk", "small.proof"]) cpSync(join(folder, "public", file), join(folder, file));
  assert.match(await open(folder), EXPECTED);
});
