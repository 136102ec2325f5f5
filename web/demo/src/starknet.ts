/** The panel that submits a valid proof: what the contract would say, the calls, the cost, and a wallet. */

import { VerifyError, type Calldata } from "@stwo-ml/verifier";
import { readReceipt, type Outcome } from "@stwo-ml/verifier/receipt";

import { create, element } from "./dom.js";
import { StarknetNode } from "./node.js";
import type { Session } from "./session.js";
import { box, showCalls, showCost, showOutcome, showPrecheck } from "./submission-view.js";
import { initSubmission, sameChain, submission, target, transaction, unfit } from "./submission.js";
import { account, chain, send, wallets, type Wallet } from "./wallet.js";

const panel = (): HTMLElement => element("starknet", HTMLElement);
const problem = (text: string): void => void (element("submission-problem", HTMLElement).textContent = text);
const message = (error: unknown): string => (error instanceof Error ? error.message : String((error as { message?: unknown } | null)?.message ?? error));

/** What a node says of the calls, as sent by an account. */
async function simulated(node: StarknetNode, sender: string, made: Calldata): Promise<Outcome> {
  const simulation = await node.simulate(sender, transaction(made).executeCalldata);
  const outcome = readReceipt(simulation.receipt, made);
  showCost(made, { ...simulation, outcome });
  showOutcome(outcome, undefined);
  return outcome;
}

/** The wallet to use: the only one, or the one that is chosen among several. */
function choose(found: readonly Wallet[]): Wallet {
  const [first] = found;
  if (first === undefined) {
    throw new Error("There is no Starknet wallet in this page. Install one as an extension of this browser, unlock it and load the page again.");
  }
  const label = element("wallets", HTMLLabelElement);
  if (found.length === 1) return first;
  const select = element("wallet", HTMLSelectElement);
  const chosen = found.find(({ id }) => id === select.value);
  if (label.hidden || chosen === undefined) {
    select.replaceChildren(...found.map(({ id, name }) => Object.assign(create("option", name), { value: id })));
    label.hidden = false;
    throw new Error("There are several wallets in this page: choose one and send again.");
  }
  return chosen;
}

/** Wires the panel; `session` gives the one whose proof was just found valid. */
export function initStarknet(session: () => Session | undefined): { show(): void; refuse(error: unknown): void } {
  const form = element("submission", HTMLFieldSetElement);
  const result = element("submitted", HTMLElement);
  const sender = element("account", HTMLInputElement);

  /** Verifies the proof once more and lays the calls out. */
  const make = async (): Promise<Calldata> => {
    const current = session();
    if (current === undefined) throw new Error("No valid proof is open.");
    return current.verifier.calldata(current.run.proof, submission());
  };

  const update = async (): Promise<void> => {
    const current = session();
    problem("");
    result.replaceChildren();
    try {
      const made = await make();
      if (session() !== current) return;
      showCalls(transaction(made));
      showCost(made);
    } catch (error) {
      if (session() !== current) return;
      element("calls", HTMLElement).replaceChildren();
      problem(message(error));
    }
  };

  const busy = async (work: () => Promise<void>): Promise<void> => {
    // What is shown is what is sent: nothing changes meanwhile.
    form.disabled = true;
    problem("");
    result.replaceChildren();
    try {
      await work();
    } catch (error) {
      result.replaceChildren(box(false, "Nothing was sent.", message(error)));
    } finally {
      form.disabled = false;
    }
  };

  /** The node of the form, which must be of the form's chain. */
  const connect = async (): Promise<StarknetNode> => {
    const chosen = target();
    const node = new StarknetNode(chosen.node);
    sameChain(chosen, await node.chain(), "node");
    return node;
  };

  const simulate = async (): Promise<void> => {
    if (sender.value.trim() === "") throw new Error("Which account would send? Give its address.");
    const made = await make();
    await simulated(await connect(), sender.value.trim(), made);
  };

  const submit = async (): Promise<void> => {
    const current = session();
    const made = await make();
    const wallet = choose(wallets());
    const reason = unfit();
    if (reason !== undefined) throw new Error(reason);
    sender.value = await account(wallet);
    sameChain(target(), await chain(wallet), `wallet ${wallet.name}`);
    const node = await connect();
    const before = await simulated(node, sender.value, made);
    // What the contracts would not accept and pay is not worth a signature.
    if (before.verdict !== "paid") {
      result.append(create("p", "Nothing was sent.", "hint"));
      return;
    }
    if (session() !== current) throw new Error("Another run was chosen meanwhile.");
    let hash: string;
    try {
      hash = await send(wallet, transaction(made).calls);
    } catch (error) {
      result.replaceChildren(box(false, `${wallet.name} gives no transaction.`, message(error)));
      return;
    }
    result.replaceChildren(box(true, "Sent. Waiting for its block.", `Transaction ${hash}`));
    try {
      showOutcome(readReceipt(await node.receipt(hash), made), hash);
    } catch (error) {
      result.replaceChildren(box(false, "Sent, and what became of it is not known.", `Transaction ${hash}`, message(error)));
    }
  };

  initSubmission(() => void update());
  element("simulate", HTMLButtonElement).addEventListener("click", () => void busy(simulate));
  element("send", HTMLButtonElement).addEventListener("click", () => void busy(submit));

  const show = async (current: Session): Promise<void> => {
    form.hidden = true;
    try {
      const checked = await current.verifier.precheck(current.run.proof);
      if (session() !== current) return;
      showPrecheck(checked);
      form.hidden = checked.verdict !== "accepted";
    } catch (error) {
      if (session() === current) refuse(error);
    }
    if (!form.hidden) await update();
  };

  const refuse = (error: unknown): void => {
    form.hidden = true;
    const lines = error instanceof VerifyError ? [`${error.code}: ${error.message}`] : [message(error)];
    if (error instanceof VerifyError && error.code === "onchain_level") {
      lines.push("Choose the run marked “Starknet”, or compile your model with --level onchain128.");
    }
    element("contract-verdict", HTMLElement).replaceChildren(box(false, "There is nothing to submit.", ...lines));
    panel().hidden = false;
  };

  return {
    show() {
      const current = session();
      if (current === undefined) return;
      element("contract-verdict", HTMLElement).replaceChildren(create("p", "Applying the contract’s rules …", "hint"));
      panel().hidden = false;
      void show(current);
    },
    refuse,
  };
}
