/** Verdict, statement, security and timing on the page. */

import { VerifyError, toReal, type ModelInfo, type Regime, type Statement } from "@stwo-ml/verifier";

import { create, element, milliseconds, whole } from "./dom.js";
import { paint, pictureSize } from "./picture.js";
import { predicted, type Checked, type Run } from "./session.js";

/** What each regime assumes, and whether that is proven. */
const REGIMES: Record<Regime["regime"], readonly [name: string, meaning: string, proven: boolean]> = {
  unique_decoding: ["Unique decoding", "Proven radius, the most cautious", true],
  johnson: ["Johnson", "Proven radius", true],
  pointwise: ["Elias radius, pointwise", "Conjecture (ePrint 2026/532)", false],
  random_words: ["Random words", "Conjecture (ePrint 2025/2010)", false],
  capacity: ["Capacity", "Old conjecture, no longer believed in full generality", false],
};

/** At most this many outputs are listed. */
const LISTED = 32;

function fact(name: string, value: string): HTMLElement[] {
  return [create("dt", name), create("dd", value)];
}

/** The verdict's headline, which assistive technology reads aloud. */
export function showVerdict(state: "busy" | "valid" | "invalid" | "failed", title: string, ...text: (string | Node)[]): void {
  element("verdict", HTMLElement).dataset["state"] = state;
  element("verdict-title", HTMLElement).textContent = title;
  element("verdict-text", HTMLElement).replaceChildren(...text);
}

/** Hides what belongs to an earlier verdict. */
export function hideResult(): void {
  for (const id of ["statement", "details", "times", "tamper"]) element(id, HTMLElement).hidden = true;
  element("explain", HTMLElement).hidden = false;
}

/** A refusal: nothing of the proof's content is shown. */
export function showRefusal(error: unknown): void {
  hideResult();
  if (!(error instanceof VerifyError)) {
    showVerdict("failed", "Not checked", String(error));
    return;
  }
  const reached = error.stage !== "engine" && error.stage !== "usage";
  showVerdict(
    reached ? "invalid" : "failed",
    reached ? "Rejected" : "No verdict",
    create("code", error.code),
    `, stage ${error.stage}`,
    create("span", error.message, "message"),
  );
}

/** What a valid proof says. */
export function showStatement(run: Run, info: ModelInfo, statement: Statement): void {
  const digit = predicted(statement);
  const classes = statement.output.data.length === 10 && pictureSize(statement.input) !== undefined;
  const says = classes ? `${info.name} reads this as ${digit}` : `${info.name} gives this output`;
  const pinned =
    run.digest === undefined
      ? "No digest was given: compare the model’s digest below with the one that its owner publishes."
      : "The key has the pinned digest.";
  const wrong = run.label !== undefined && run.label !== digit;
  const mistaken = wrong ? ` People read it as ${run.label}: the proof shows what the network computed, not that it is right.` : "";
  showVerdict("valid", `Valid: ${says}`, `${pinned}${mistaken}`);

  const size = pictureSize(statement.input);
  const picture = element("picture", HTMLCanvasElement);
  picture.hidden = size === undefined;
  const { input, output } = statement;
  if (size !== undefined) paint(picture, size, input.data, input.lo, input.hi);
  element("input-caption", HTMLElement).textContent =
    `Input “${input.name}”, ${input.shape.join(" × ")}, drawn from the proven integers`;
  element("output-caption", HTMLElement).textContent = `“${output.name}”, ${output.shape.join(" × ")}`;
  const reals = toReal(output).slice(0, LISTED);
  const largest = Math.max(...reals.map(Math.abs), Number.MIN_VALUE);
  const rows = [...reals].map((value, i) => {
    const row = create("li", "", i === digit ? "best" : "");
    const meter = create("meter");
    Object.assign(meter, { min: -largest, max: largest, value });
    meter.setAttribute("aria-hidden", "true");
    row.append(create("span", String(i), "index"), meter, create("span", value.toFixed(4), "value"));
    row.title = `integer ${output.data[i] ?? 0}`;
    return row;
  });
  if (output.data.length > LISTED) rows.push(create("li", `and ${whole(output.data.length - LISTED)} more`));
  element("outputs", HTMLElement).replaceChildren(...rows);
  element("facts", HTMLElement).replaceChildren(
    ...fact("Model", info.name),
    ...fact("Model digest", statement.modelDigest),
    ...fact("Proof", `${whole(statement.proofBytes)} bytes`),
    ...fact("Key", `${whole(run.vk.length)} bytes`),
  );
  element("statement", HTMLElement).hidden = false;
  element("explain", HTMLElement).hidden = true;
  showSecurity(statement);
}

function showSecurity({ security: { level, regimes } }: Statement): void {
  const about =
    level === "standard"
      ? "about 100 bits against known attacks: heuristic, not proven."
      : "see docs/security.md for its parameters.";
  element("security-text", HTMLElement).textContent =
    `Level “${level}”: ${about} Security is a number per assumption, never one number; the most cautious comes first.`;
  const rows = regimes.toReversed().map(({ regime, bits, boundBy }) => {
    const [name, meaning, proven] = REGIMES[regime];
    const row = create("tr");
    const head = create("th", name);
    head.scope = "row";
    head.append(create("span", proven ? "proven" : "conjecture", proven ? "tag proven" : "tag"), create("small", meaning));
    const cell = create("td", bits.toFixed(1), "number");
    cell.append(create("small", `bound by ${boundBy}`));
    row.append(head, cell);
    return row;
  });
  element("security", HTMLElement).replaceChildren(...rows);
  element("details", HTMLElement).hidden = false;
}

/** The phases of loading and of the last check. */
export function showTiming(run: Run, info: ModelInfo, { verdict, elapsed }: Checked): void {
  if (!verdict.ok) return;
  const { fetch, compile, instantiate, parse } = info.timing;
  const phases: [string, number][] = [
    ["Fetch the verifier’s module", fetch],
    ["Compile it, while it streams", compile],
    ["Instantiate it", instantiate],
    ["Parse the key", parse],
    ["Verify the proof", verdict.statement.timing.verify],
    ["From the page to the worker and back", elapsed],
  ];
  if (run.fetched !== undefined) phases.unshift(["Fetch key and proof", run.fetched]);
  const rows = phases.map(([name, time]) => {
    const row = create("tr", "", name.startsWith("Verify") ? "best" : "");
    const head = create("th", name);
    head.scope = "row";
    row.append(head, create("td", milliseconds(time), "number"));
    return row;
  });
  element("timing", HTMLElement).replaceChildren(...rows);
  element("timing-text", HTMLElement).textContent =
    "Measured on this device, just now. The last row contains the row above it.";
  element("times", HTMLElement).hidden = false;
}
