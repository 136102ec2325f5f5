// The built package in Chromium, as a static host serves it, on the vectors of the native verifier.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, serve } from "../chromium.mjs";

const folder = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const vectors = folder("tests/vectors");
let browser;
let server;
let page;

before(async () => {
  browser = await launch();
  server = await serve({ "/dist/": folder("web/verifier/dist"), "/vectors/": vectors, "/": folder("web/tests/browser/blank") });
  page = await browser.newPage();
  await page.goto(`${server.origin}/`);
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** Every hostile proof: its key, the code in its first line, its place. */
const hostile = readdirSync(vectors)
  .filter((name) => name.startsWith("reject"))
  .flatMap((name) =>
    readdirSync(`${vectors}/${name}`).map((file) => {
      const header = readFileSync(`${vectors}/${name}/${file}`).toString("latin1").split("\n", 1)[0];
      const key = name === "reject" ? "small" : name.slice("reject-".length);
      return { file: `${name}/${file}`, key, code: header.replace("expected: ", "") };
    }),
  );

/** Runs `check(tools, argument)` in the page; `tools` are the package's entries and a way to read vectors. */
function inPage(check, argument) {
  return page.evaluate(
    async ([body, argument]) => {
      const read = async (name) => new Uint8Array(await (await fetch(`/vectors/${name}`)).arrayBuffer());
      const [main, inline, worker] = await Promise.all(
        ["index", "inline", "worker"].map((entry) => import(`/dist/${entry}.js`)),
      );
      return (0, eval)(`(${body})`)({ main, inline, worker, read }, argument);
    },
    [check.toString(), argument],
  );
}

test("is neither isolated nor in need of it", async () => {
  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
  assert.equal(await page.evaluate(() => typeof SharedArrayBuffer), "undefined");
});

for (const entry of ["main", "inline", "worker"]) {
  test(`${entry}: verifies the valid proofs and rejects every hostile one with the native code`, async () => {
    assert.ok(hostile.length >= 60, `${hostile.length} hostile proofs`);
    const verdicts = await inPage(
      async ({ main, inline, worker, read }, [entry, hostile]) => {
        const Verifier = { main: main.Verifier, inline: inline.Verifier, worker: worker.WorkerVerifier }[entry];
        const verifiers = {};
        const verdicts = [];
        for (const key of new Set(hostile.map(({ key }) => key))) {
          verifiers[key] = await Verifier.load(await read(`${key}.vk`));
          const { ok, statement } = await verifiers[key].safeVerify(await read(`${key}.proof`));
          verdicts.push(ok && statement.output.data instanceof Int32Array ? "valid" : "refused");
        }
        for (const { file, key } of hostile) {
          const bytes = await read(file);
          const verdict = await verifiers[key].safeVerify(bytes.slice(bytes.indexOf(10) + 1));
          const refused = verdict.ok === false && verdict.statement === undefined && verdict.error instanceof main.VerifyError;
          verdicts.push(refused ? verdict.error.code : "no VerifyError");
        }
        return verdicts;
      },
      [entry, hostile],
    );
    const keys = new Set(hostile.map(({ key }) => key)).size;
    assert.deepEqual(verdicts.slice(0, keys), Array(keys).fill("valid"));
    assert.deepEqual(
      verdicts.slice(keys).map((code, i) => [hostile[i].file, code]),
      hostile.map(({ file, code }) => [file, code]),
    );
  });
}

test("a worker's check is cancelled, and the next one works", async () => {
  const outcome = await inPage(async ({ worker, read }) => {
    const [vk, proof] = [await read("small.vk"), await read("small.proof")];
    const verifier = await worker.WorkerVerifier.load(vk);
    const controller = new AbortController();
    const pending = verifier.verify(proof, { signal: controller.signal }).catch((error) => error.message);
    const other = verifier.verify(proof);
    controller.abort(new Error("no longer needed"));
    const transferred = proof.slice();
    const kept = await verifier.verify(transferred, { transfer: true });
    return [await pending, (await other).modelDigest === kept.modelDigest, transferred.length, proof.length > 0];
  });
  assert.deepEqual(outcome, ["no longer needed", true, 0, true]);
});

test("reports the phases of loading once, and the module that it loaded", async () => {
  const fresh = await browser.newPage();
  await fresh.goto(`${server.origin}/`);
  const [timing, again, digest, loaded] = await fresh.evaluate(async () => {
    const { Verifier, WASM_SHA256 } = await import("/dist/index.js");
    const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
    const vk = await bytes("/vectors/small.vk");
    const [first, second] = [(await Verifier.load(vk)).info.timing, (await Verifier.load(vk)).info.timing];
    return [first, second, WASM_SHA256, [...(await bytes("/dist/verifier.wasm"))]];
  });
  await fresh.close();
  assert.ok(timing.fetch > 0 && timing.compile > 0 && timing.parse >= 0, JSON.stringify(timing));
  assert.deepEqual([again.fetch, again.compile, again.instantiate], [0, 0, 0]);
  const { createHash } = await import("node:crypto");
  assert.equal(createHash("sha256").update(Buffer.from(loaded)).digest("hex"), digest);
});

test("loads from a host that sends the module with another type, and says when it is missing", async () => {
  const untyped = await serve({ "/": folder("web/verifier/dist"), "/none": vectors }, { ".js": "text/javascript" });
  const other = await browser.newPage();
  try {
    // A page of the same host, so that no headers are needed.
    await other.route("**/page", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await other.goto(`${untyped.origin}/page`);
    const vk = [...readFileSync(`${vectors}/small.vk`)];
    const load = (vk) => import("/index.js").then(({ Verifier }) => Verifier.load(new Uint8Array(vk)));
    await other.route("**/verifier.wasm", (route) => route.fulfill({ status: 404 }));
    const failed = await other.evaluate(`(${load})(${JSON.stringify(vk)}).catch(({ code, stage }) => [code, stage])`);
    assert.deepEqual(failed, ["unavailable", "engine"]);
    await other.unroute("**/verifier.wasm");
    const digest = await other.evaluate(`(${load})(${JSON.stringify(vk)}).then((verifier) => verifier.info.modelDigest)`);
    assert.match(digest, /^[0-9a-f]{64}$/);
  } finally {
    await other.close();
    untyped.close();
  }
});
