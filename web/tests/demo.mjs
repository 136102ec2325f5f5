// The demo page, as built, under a path of a static host, for tests. Screenshots go to web/artifacts.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch, serve } from "./chromium.mjs";

export const web = fileURLToPath(new URL("../", import.meta.url));
export const artifacts = join(web, "artifacts");
const dist = join(web, "demo/dist");

/** The bundled runs, and where a bundled file lies. */
export const models = JSON.parse(readFileSync(join(web, "demo/src/digits.json"), "utf8"));
export const proof = (name) => join(dist, "proofs", name);

export const state = (page, name) => page.waitForSelector(`#verdict[data-state="${name}"]`);
export const text = (page, id) => page.textContent(`#${id}`);
export const shot = (page, name) => page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
export const pick = (page, number) => page.check(`#digits input[value="${number}"]`);
/** Checks one's own files. */
export const own = async (page, files) => {
  await page.setInputFiles("#own-vk", files.vk);
  await page.setInputFiles("#own-proof", files.proof);
  await page.fill("#own-digest", files.digest ?? "");
  await page.click("#own-check");
};

/** A host with the page, and a browser. */
export class Demo {
  static async start() {
    mkdirSync(artifacts, { recursive: true });
    const demo = new Demo();
    demo.browser = await launch();
    demo.server = await serve({ "/some/path/": dist });
    return demo;
  }

  async stop() {
    await this.browser.close();
    this.server.close();
  }

  /** A page of the demo, after `prepare`; any error in it, of any kind, fails the test. */
  async visit(t, { path = "", width = 1280, height = 1000, prepare = () => undefined, ...options } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, ...options });
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => errors.push(message.text()));
    page.on("requestfailed", (request) => errors.push(request.url()));
    t.after(async () => {
      await context.close();
      assert.deepEqual(errors, []);
    });
    await prepare(page);
    await page.goto(`${this.server.origin}/some/path/${path}`);
    return page;
  }
}
