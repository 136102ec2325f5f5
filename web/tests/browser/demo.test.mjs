// The demo page, as built, under a path of a static host. Screenshots go to web/artifacts.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, serve } from "../chromium.mjs";

const web = fileURLToPath(new URL("../../", import.meta.url));
const artifacts = join(web, "artifacts");
const dist = join(web, "demo/dist");
const proof = (name) => join(dist, "proofs", name);
const { lenet5, mlp } = JSON.parse(readFileSync(join(web, "demo/src/digits.json"), "utf8"));
let browser;
let server;

before(async () => {
  mkdirSync(artifacts, { recursive: true });
  browser = await launch();
  server = await serve({ "/some/path/": dist });
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** A page of the demo; any error in it, of any kind, fails the test. */
async function visit(t, { path = "", width = 1280, height = 1000, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => errors.push(message.text()));
  page.on("requestfailed", (request) => errors.push(request.url()));
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  await page.goto(`${server.origin}/some/path/${path}`);
  return page;
}

const state = (page, name) => page.waitForSelector(`#verdict[data-state="${name}"]`);
const text = (page, id) => page.textContent(`#${id}`);
const shot = (page, name) => page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
const pick = (page, number) => page.check(`#digits input[value="${number}"]`);
/** Waits for the visible end of a check of one's own files. */
const own = async (page, files) => {
  await page.setInputFiles("#own-vk", files.vk);
  await page.setInputFiles("#own-proof", files.proof);
  await page.fill("#own-digest", files.digest ?? "");
  await page.click("#own-check");
};

test("every bundled run is valid, and its statement is shown", async (t) => {
  const page = await visit(t);
  await shot(page, "start");
  assert.equal(await page.isVisible("#statement"), false);
  let mistakes = 0;
  for (const [number, run] of lenet5.runs.entries()) {
    await pick(page, number);
    await state(page, "valid");
    const digit = Number(/reads this as (\d)/.exec(await text(page, "verdict-title"))[1]);
    const shown = await page.$$eval("#outputs .value", (cells) => cells.map((cell) => Number(cell.textContent)));
    assert.equal(shown.length, 10);
    assert.equal(shown.indexOf(Math.max(...shown)), digit);
    mistakes += digit === run.label ? 0 : 1;
    assert.equal((await text(page, "verdict-text")).includes(`People read it as ${run.label}`), digit !== run.label);
  }
  assert.ok(mistakes >= 1, "one bundled run is a mistake of the network");
  assert.equal((await text(page, "facts")).includes(lenet5.digest), true);
  assert.equal(await page.locator("#security tr").count(), 5);
  const times = await page.$$eval("#timing td", (cells) => cells.map((cell) => parseFloat(cell.textContent)));
  assert.equal(times.length, 7);
  assert.ok(times.every((time) => time >= 0));
});

test("a changed bit is rejected with the code that the native verifier gives", async (t) => {
  const page = await visit(t);
  await pick(page, 3);
  await state(page, "valid");
  for (const [position, code, stage] of [[0, "wrong_magic", "decode"], [8, "unsupported_version", "decode"]]) {
    await page.fill("#position", String(position));
    await page.click("#flip");
    await page.waitForFunction((code) => document.querySelector("#tampered code")?.textContent === code, code);
    assert.ok((await text(page, "tampered")).includes(`stage ${stage}`));
  }
  await page.selectOption("#bit", "5");
  await page.fill("#position", "40000");
  await page.click("#flip");
  await page.waitForFunction(() => document.querySelector("#tampered")?.textContent?.includes("Byte 40,000"));
  assert.match(await text(page, "tampered"), /^Rejected [a-z_]+ at stage soundness/);
  await page.click("#sweep");
  await page.waitForFunction(() => document.querySelector("#tampered")?.textContent?.startsWith("128 of 128"));
  assert.equal(await page.locator("#strip span").count(), 128);
  await shot(page, "tampered");
  // The proof itself is as it was.
  await pick(page, 4);
  await state(page, "valid");
});

test("one's own files: pinned, not pinned, of another model, damaged", async (t) => {
  const page = await visit(t);
  await page.click("#own-check");
  assert.equal(await text(page, "own-problem"), "Choose a verifying key.");
  const files = { vk: proof("mlp.vk"), proof: proof(mlp.runs[0].proof) };
  await own(page, { ...files, digest: mlp.digest });
  await state(page, "valid");
  assert.match(await text(page, "verdict-text"), /pinned digest/);
  await own(page, files);
  await page.waitForFunction(() => document.querySelector("#verdict-text").textContent.includes("No digest was given"));
  await own(page, { ...files, digest: lenet5.digest });
  await state(page, "invalid");
  assert.match(await text(page, "verdict-text"), /^model_mismatch, stage policy/);
  assert.equal(await page.isVisible("#statement"), false);
  await shot(page, "rejected");
  await own(page, { ...files, vk: proof("lenet5.vk") });
  await page.waitForFunction(() => document.querySelector("#verdict-text").textContent.includes("stage decode"));
  const dropped = await page.evaluateHandle(
    async ([vk, proof]) => {
      const files = new DataTransfer();
      for (const name of [vk, proof]) files.items.add(new File([await (await fetch(`./proofs/${name}`)).arrayBuffer()], name));
      return files;
    },
    [lenet5.vk, lenet5.runs[7].proof],
  );
  await page.fill("#own-digest", lenet5.digest);
  await page.dispatchEvent("#drop", "drop", { dataTransfer: dropped });
  await state(page, "valid");
});

test("a drawing is proven by the native prover and accepted, and a proof of another input is refused", async (t) => {
  const page = await visit(t);
  await page.click("#draw summary");
  await page.locator("#pad").scrollIntoViewIfNeeded();
  const box = await page.locator("#pad").boundingBox();
  const at = (x, y) => [box.x + (x * box.width) / 28, box.y + (y * box.height) / 28];
  await page.mouse.move(...at(14, 5));
  await page.mouse.down();
  for (let y = 6; y < 23; y += 1) await page.mouse.move(...at(14, y));
  await page.mouse.up();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const npy = readFileSync(await saved.path());
  assert.equal(saved.suggestedFilename(), "digit.npy");
  assert.equal((10 + npy.readUInt16LE(8)) % 64, 0);
  assert.equal(npy.length, 10 + npy.readUInt16LE(8) + 4 * 784);
  writeFileSync(join(artifacts, "digit.npy"), npy);
  await shot(page, "drawing");
  await page.setInputFiles("#drawn-proof", proof(lenet5.runs[1].proof));
  await state(page, "invalid");
  assert.match(await text(page, "verdict-text"), /^input_mismatch, stage policy/);
  const drawn = join(artifacts, "drawn.proof");
  const prover = join(web, "../target/debug/stwo-ml");
  execFileSync(prover, ["prove", proof("lenet5.stwoml"), "--input", join(artifacts, "digit.npy"), "-o", drawn]);
  await page.setInputFiles("#drawn-proof", drawn);
  await state(page, "valid");
});

test("works with the keyboard alone", async (t) => {
  const page = await visit(t);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.tagName);
  const reached = [];
  for (let i = 0; i < 30 && reached.at(-1) !== "digit"; i += 1) {
    await page.keyboard.press("Tab");
    reached.push(await focused());
  }
  await page.keyboard.press("Space");
  await state(page, "valid");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector('#digits input[value="1"]').checked);
  await state(page, "valid");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement.closest("label")).outlineStyle);
  assert.equal(outline, "solid");
  for (let i = 0; i < 30 && (await focused()) !== "flip"; i += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#tampered").textContent.startsWith("Rejected"));
  assert.equal(await page.getAttribute('#verdict [role="status"]', "aria-live"), "polite");
});

for (const colorScheme of ["light", "dark"]) {
  for (const [device, width] of [["desktop", 1280], ["phone", 390]]) {
    test(`fits a ${device}, ${colorScheme}`, async (t) => {
      const page = await visit(t, { width, colorScheme });
      await pick(page, 10);
      await state(page, "valid");
      await page.click("#sweep");
      await page.waitForFunction(() => document.querySelector("#tampered").textContent.startsWith("128 of 128"));
      await shot(page, `${device}-${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide`);
      const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const system = await dark();
      await page.click("#theme");
      if (colorScheme === "light") await page.click("#theme");
      assert.notEqual(await dark(), system);
      await page.reload();
      assert.notEqual(await dark(), system);
    });
  }
}

test("the benchmark page measures", async (t) => {
  const page = await visit(t, { path: "benchmark/" });
  await page.fill("#checks", "10");
  await page.fill("#starts", "2");
  await page.click("#start");
  await page.waitForFunction(() => document.body.dataset.rows !== undefined, undefined, { timeout: 60_000 });
  const rows = JSON.parse(await page.evaluate(() => document.body.dataset.rows));
  assert.deepEqual(rows.map((row) => row.model), ["lenet5", "mlp"]);
  for (const row of rows) assert.ok(row.p50 > 0 && row.p50 <= row.p95 && row.cold > row.first, JSON.stringify(row));
  await shot(page, "benchmark");
});
