/** Measures the verifier in this browser. `tests/scripts/bench-web` runs it and prints the table. */

import { WorkerVerifier, type Statement } from "@stwo-ml/verifier/worker";

import models from "./digits.json";
import { create, download, element, milliseconds, whole } from "./dom.js";
import { initTheme } from "./theme.js";

/** Milliseconds, but for the proof's bytes. */
interface Row {
  readonly model: string;
  readonly proofBytes: number;
  readonly p50: number;
  readonly p95: number;
  readonly first: number;
  readonly cold: number;
  readonly load: number;
}

/** The value that a share `q` of the samples does not exceed. */
function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.ceil(q * sorted.length), sorted.length) - 1] ?? NaN;
}

const median = (samples: readonly number[]): number => quantile(samples, 0.5);

async function measure(name: keyof typeof models, checks: number, starts: number): Promise<Row> {
  const { vk: key, digest, runs } = models[name];
  const run = runs[0];
  if (run === undefined) throw new Error(`${name} has no proof`);
  const [vk, proof] = await Promise.all([download(`../proofs/${key}`), download(`../proofs/${run.proof}`)]);
  const check = async (verifier: WorkerVerifier): Promise<Statement> => verifier.verify(proof, { input: run.input });
  const [first, cold, load, warm]: number[][] = [[], [], [], []];
  for (let i = 0; i < starts; i += 1) {
    const start = performance.now();
    const verifier = await WorkerVerifier.load(vk, { modelDigest: digest });
    const { timing } = await check(verifier);
    cold?.push(performance.now() - start);
    first?.push(timing.verify);
    const phases = verifier.info.timing;
    load?.push(phases.fetch + phases.compile + phases.instantiate);
    if (i === starts - 1) for (let n = 0; n < checks; n += 1) warm?.push((await check(verifier)).timing.verify);
    verifier.free();
  }
  return {
    model: name,
    proofBytes: proof.length,
    p50: median(warm ?? []),
    p95: quantile(warm ?? [], 0.95),
    first: median(first ?? []),
    cold: median(cold ?? []),
    load: median(load ?? []),
  };
}

async function run(): Promise<Row[]> {
  const count = (id: string): number => Math.max(1, Math.trunc(element(id, HTMLInputElement).valueAsNumber) || 1);
  const progress = element("progress", HTMLElement);
  const body = element("rows", HTMLElement);
  body.replaceChildren();
  const rows: Row[] = [];
  for (const name of ["lenet5", "mlp"] as const) {
    progress.textContent = `Measuring ${name}`;
    const row = await measure(name, count("checks"), count("starts"));
    rows.push(row);
    const line = create("tr");
    const head = create("th", name);
    head.scope = "row";
    line.append(head, create("td", whole(row.proofBytes), "number"));
    for (const time of [row.p50, row.p95, row.first, row.cold, row.load]) line.append(create("td", milliseconds(time), "number"));
    body.append(line);
  }
  progress.textContent = "Done.";
  return rows;
}

initTheme();
element("browser", HTMLElement).textContent = navigator.userAgent;
const button = element("start", HTMLButtonElement);
button.addEventListener("click", () => {
  button.disabled = true;
  run()
    .then((rows) => (document.body.dataset["rows"] = JSON.stringify(rows)))
    .catch((error: unknown) => (element("progress", HTMLElement).textContent = `Not measured: ${String(error)}`))
    .finally(() => (button.disabled = false));
});
