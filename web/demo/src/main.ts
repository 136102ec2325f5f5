/** The demo: picks a run, checks it in a worker, shows what it proves. */

import { WASM_SHA256 } from "@stwo-ml/verifier";

import models from "./digits.json";
import { create, download, element } from "./dom.js";
import { Pad } from "./drawing.js";
import { paint } from "./picture.js";
import { Session, type Run } from "./session.js";
import { initTamper } from "./tamper.js";
import { initTheme } from "./theme.js";
import { hideResult, showRefusal, showStatement, showTiming, showVerdict } from "./view.js";

const { lenet5 } = models;
const proofs = (name: string): string => `./proofs/${name}`;
let session: Session | undefined;
let latest = 0;

const tamper = initTamper(() => session);

/** Checks what `find` finds; a later call makes an earlier one's result void. */
async function check(find: () => Promise<Run>): Promise<void> {
  const turn = ++latest;
  session?.close();
  session = undefined;
  hideResult();
  showVerdict("busy", "Checking", "The proof is being verified in a worker on this device.");
  let opened: Session | undefined;
  try {
    opened = await Session.open(await find());
    const checked = await opened.check();
    if (turn !== latest) throw new Error("another run was chosen");
    if (!checked.verdict.ok) throw checked.verdict.error;
    session = opened;
    const { info } = opened.verifier;
    showStatement(opened.run, info, checked.verdict.statement);
    showTiming(opened.run, info, checked);
    tamper.reset();
  } catch (error) {
    opened?.close();
    if (turn === latest) showRefusal(error);
  }
}

async function bundled(run: (typeof lenet5.runs)[number]): Promise<Run> {
  const start = performance.now();
  const [vk, proof] = await Promise.all([download(proofs(lenet5.vk)), download(proofs(run.proof))]);
  const fetched = performance.now() - start;
  // Digest and input are part of this page's code, not of what it fetches.
  return { vk, proof, digest: lenet5.digest, input: run.input, label: run.label, fetched };
}

function initDigits(): void {
  const digits = element("digits", HTMLFieldSetElement);
  lenet5.runs.forEach((run, number) => {
    const label = create("label");
    const radio = create("input");
    Object.assign(radio, { type: "radio", name: "digit", value: String(number) });
    const canvas = create("canvas");
    paint(canvas, [28, 28], run.input, 0, Math.max(...run.input));
    const name = number < 10 ? `Digit ${run.label}` : `Digit ${run.label}, read wrongly`;
    radio.setAttribute("aria-label", `${name}, test image ${run.index}`);
    label.title = `${name} (test image ${run.index})`;
    label.append(radio, canvas, create("span", number < 10 ? String(run.label) : "missed"));
    radio.addEventListener("change", () => void check(() => bundled(run)));
    digits.append(label);
  });
}

const contents = async (file: File): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await file.arrayBuffer());

function initOwnFiles(): void {
  const [vk, proof] = [element("own-vk", HTMLInputElement), element("own-proof", HTMLInputElement)];
  const digest = element("own-digest", HTMLInputElement);
  const problem = element("own-problem", HTMLElement);
  const card = element("drop", HTMLElement);

  const start = (): void => {
    const [key, file] = [vk.files?.[0], proof.files?.[0]];
    problem.textContent = key === undefined ? "Choose a verifying key." : file === undefined ? "Choose a proof." : "";
    if (key === undefined || file === undefined) return;
    const pin = digest.value.trim();
    void check(async () => ({
      vk: await contents(key),
      proof: await contents(file),
      ...(pin === "" ? {} : { digest: pin }),
    }));
  };
  element("own-check", HTMLButtonElement).addEventListener("click", start);

  const over = (on: boolean) => (event: DragEvent) => {
    event.preventDefault();
    card.classList.toggle("over", on);
  };
  card.addEventListener("dragover", over(true));
  card.addEventListener("dragleave", over(false));
  card.addEventListener("drop", (event) => {
    over(false)(event);
    for (const file of event.dataTransfer?.files ?? []) {
      const list = new DataTransfer();
      list.items.add(file);
      (file.name.endsWith(".vk") ? vk : proof).files = list.files;
    }
    if (vk.files?.length === 1 && proof.files?.length === 1) start();
    else problem.textContent = vk.files?.length === 1 ? "Now the proof." : "Now the verifying key (a .vk file).";
  });
}

function initDrawing(): void {
  const pad = new Pad();
  const problem = element("draw-problem", HTMLElement);
  const drawn = element("drawn-proof", HTMLInputElement);
  element("model", HTMLAnchorElement).href = proofs("lenet5.stwoml");
  element("clear", HTMLButtonElement).addEventListener("click", () => pad.clear());
  element("save", HTMLButtonElement).addEventListener("click", () => {
    problem.textContent = pad.empty ? "Draw something first." : "";
    if (pad.empty) return;
    const link = create("a");
    link.href = URL.createObjectURL(pad.npy());
    link.download = "digit.npy";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
  drawn.addEventListener("change", () => {
    const file = drawn.files?.[0];
    if (file === undefined) return;
    void check(async () => ({
      vk: await download(proofs(lenet5.vk)),
      proof: await contents(file),
      digest: lenet5.digest,
      input: pad.integers(lenet5.scale),
    }));
    drawn.value = "";
  });
}

initTheme();
initDigits();
initOwnFiles();
initDrawing();
element("module-digest", HTMLElement).textContent = WASM_SHA256;
