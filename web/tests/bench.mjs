// Runs the demo's benchmark page in Chromium and prints its table.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { launch, serve } from "./chromium.mjs";

const browser = await launch();
const server = await serve({ "/": fileURLToPath(new URL("../demo/dist", import.meta.url)) });
const page = await browser.newPage();
await page.goto(`${server.origin}/benchmark/`);
await page.click("#start");
await page.waitForFunction(() => document.body.dataset.rows !== undefined, undefined, { timeout: 300_000 });
const rows = JSON.parse(await page.evaluate(() => document.body.dataset.rows));
const checks = await page.inputValue("#checks");
const starts = await page.inputValue("#starts");
const ms = (value) => `${value.toFixed(1)} ms`;
console.log(`${checks} warm checks, ${starts} cold starts; Chromium ${browser.version()}\n`);
console.log("| model | proof | p50 | p95 | first check | cold | fetch, compile, instantiate |\n|---|---|---|---|---|---|---|");
for (const row of rows) {
  const times = [row.p50, row.p95, row.first, row.cold, row.load].map(ms);
  console.log(`| ${row.model} | ${row.proofBytes.toLocaleString("en")} bytes | ${times.join(" | ")} |`);
}
console.log(`\nLoad while measuring: ${spawnSync("uptime", { encoding: "utf8" }).stdout?.trim() ?? "unknown"}`);
await browser.close();
server.close();
