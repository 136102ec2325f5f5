/** Flips bits of a valid proof and shows what stops it. */

import { create, element, whole } from "./dom.js";
import type { Session } from "./session.js";

/** Positions that a sweep tries, evenly spaced. */
const POSITIONS = 128;

function flipped(proof: Uint8Array, position: number, bit: number): Uint8Array {
  const copy = new Uint8Array(proof);
  copy[position] = (copy[position] ?? 0) ^ (1 << bit);
  return copy;
}

const hex = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, "0")}`;

/** Wires the controls; `session` gives the one whose proof was just found valid. */
export function initTamper(session: () => Session | undefined): { reset(): void } {
  const position = element("position", HTMLInputElement);
  const range = element("position-range", HTMLInputElement);
  const bit = element("bit", HTMLSelectElement);
  const result = element("tampered", HTMLElement);
  const strip = element("strip", HTMLElement);
  const figure = element("sweep-result", HTMLElement);
  const buttons = [element("flip", HTMLButtonElement), element("sweep", HTMLButtonElement)] as const;

  range.addEventListener("input", () => (position.value = range.value));
  position.addEventListener("input", () => (range.value = position.value));

  const busy = async (work: (current: Session) => Promise<void>): Promise<void> => {
    const current = session();
    if (current === undefined) return;
    for (const button of buttons) button.disabled = true;
    try {
      await work(current);
    } catch (error) {
      result.replaceChildren(create("p", `Not checked: ${String(error)}`, "outcome bad"));
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };

  const flip = async (current: Session): Promise<void> => {
    const { proof } = current.run;
    const place = Math.min(Math.max(Math.trunc(position.valueAsNumber) || 0, 0), proof.length - 1);
    position.value = range.value = String(place);
    const changed = flipped(proof, place, Number(bit.value));
    const { verdict } = await current.check(changed);
    const bytes = `Byte ${whole(place)}: ${hex(proof[place])} became ${hex(changed[place])}.`;
    if (verdict.ok) {
      result.replaceChildren(create("p", `${bytes} The proof was still accepted. This should never happen.`, "outcome bad"));
      return;
    }
    const outcome = create("p", "", "outcome");
    outcome.append(create("strong", "Rejected "), create("code", verdict.error.code), ` at stage ${verdict.error.stage}. ${bytes}`);
    result.replaceChildren(outcome, create("p", verdict.error.message, "message"));
  };

  const sweep = async (current: Session): Promise<void> => {
    const { proof } = current.run;
    strip.replaceChildren();
    figure.hidden = false;
    const codes = new Map<string, number>();
    let accepted = 0;
    for (let i = 0; i < POSITIONS; i += 1) {
      const place = Math.floor(((i + 0.5) * proof.length) / POSITIONS);
      const { verdict } = await current.check(flipped(proof, place, i % 8));
      const code = verdict.ok ? "accepted" : verdict.error.code;
      if (verdict.ok) accepted += 1;
      codes.set(code, (codes.get(code) ?? 0) + 1);
      const cell = create("span");
      cell.dataset["stage"] = verdict.ok ? "accepted" : verdict.error.stage;
      cell.title = `byte ${whole(place)}: ${code}`;
      strip.append(cell);
      if (session() !== current) return;
    }
    const summary = create("p", "", accepted === 0 ? "outcome" : "outcome bad");
    summary.append(create("strong", `${POSITIONS - accepted} of ${POSITIONS} changed files rejected.`));
    const list = create("ul", "", "codes");
    for (const [code, count] of [...codes].toSorted((a, b) => b[1] - a[1])) {
      const item = create("li");
      item.append(create("code", code), ` ${count}`);
      list.append(item);
    }
    result.replaceChildren(summary, list);
  };

  buttons[0].addEventListener("click", () => void busy(flip));
  buttons[1].addEventListener("click", () => void busy(sweep));
  return {
    reset() {
      const length = session()?.run.proof.length ?? 1;
      position.max = range.max = String(length - 1);
      position.value = range.value = String(length >> 1);
      result.replaceChildren();
      figure.hidden = true;
      element("tamper", HTMLElement).hidden = false;
    },
  };
}
