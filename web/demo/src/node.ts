/** A Starknet node, by JSON-RPC: what a transaction would do, and what it did. */

import type { ContractEvent, Receipt } from "@stwo-ml/verifier/receipt";

/** What a transaction would do if it were sent now. */
export interface Simulation {
  /** As a receipt would have it. */
  readonly receipt: Receipt;
  /** In units of 10^-18 STRK, at the node's present prices. */
  readonly fee: bigint;
}

interface Invocation {
  readonly contract_address: string;
  readonly calls?: readonly Invocation[];
  readonly events?: readonly { order: number; keys: string[]; data: string[] }[];
  readonly revert_reason?: string;
}

type Ordered = ContractEvent & { readonly order: number };

/** How often a receipt is asked for, and for how long, in milliseconds. */
const [POLL, PATIENCE] = [1000, 600_000];

function emitted({ contract_address, events = [], calls = [] }: Invocation): Ordered[] {
  const own = events.map((event) => ({ from_address: contract_address, ...event }));
  return [...own, ...calls.flatMap(emitted)];
}

/** A node at an address. */
export class StarknetNode {
  constructor(private readonly url: string) {}

  /** The chain's id, as a felt. */
  chain(): Promise<string> {
    return this.#ask<string>("starknet_chainId", {});
  }

  /** Runs the calls of an account without its signature; the fee covers no signature check that the account adds. */
  async simulate(sender: string, calldata: readonly string[]): Promise<Simulation> {
    const block_id = "latest";
    const nonce = await this.#ask<string>("starknet_getNonce", { block_id, contract_address: sender });
    const gas = { max_amount: "0x0", max_price_per_unit: "0x0" };
    const transaction = {
      type: "INVOKE",
      version: "0x3",
      sender_address: sender,
      calldata,
      signature: [],
      nonce,
      resource_bounds: { l1_gas: gas, l2_gas: gas, l1_data_gas: gas },
      tip: "0x0",
      paymaster_data: [],
      account_deployment_data: [],
      nonce_data_availability_mode: "L1",
      fee_data_availability_mode: "L1",
    };
    type Simulated = { transaction_trace: { execute_invocation: Invocation }; fee_estimation: { overall_fee: string } };
    const [simulated] = await this.#ask<Simulated[]>("starknet_simulateTransactions", {
      block_id,
      transactions: [transaction],
      simulation_flags: ["SKIP_VALIDATE", "SKIP_FEE_CHARGE"],
    });
    if (simulated === undefined) throw new Error("the node simulated nothing");
    const { execute_invocation: invocation } = simulated.transaction_trace;
    const fee = BigInt(simulated.fee_estimation.overall_fee);
    const reason = invocation.revert_reason;
    if (reason !== undefined) return { receipt: { execution_status: "REVERTED", revert_reason: reason, events: [] }, fee };
    const events = emitted(invocation).toSorted((a, b) => a.order - b.order);
    return { receipt: { execution_status: "SUCCEEDED", events }, fee };
  }

  /** Waits until a transaction is in a block, whatever the node says meanwhile. */
  async receipt(hash: string): Promise<Receipt> {
    let fault: unknown;
    for (const end = performance.now() + PATIENCE; performance.now() < end; ) {
      try {
        const params = { transaction_hash: hash };
        const receipt = await this.#ask<Receipt & { finality_status: string }>("starknet_getTransactionReceipt", params);
        if (receipt.finality_status.startsWith("ACCEPTED")) return receipt;
      } catch (error) {
        fault = error;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
    throw new Error("the node knows of no block with it after ten minutes", { cause: fault });
  }

  async #ask<T>(method: string, params: object): Promise<T> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const answer = (await response.json()) as { result?: T; error?: { message: string; data?: unknown } };
    if (answer.error !== undefined) {
      const { message, data } = answer.error;
      throw new Error(`the node says: ${message}${data === undefined ? "" : ` (${JSON.stringify(data)})`}`);
    }
    if (answer.result === undefined) throw new Error(`the node answers ${method} with HTTP ${response.status} and no result`);
    return answer.result;
  }
}
