/** Wallets that the browser's extensions put into the page: `window.starknet…` with a `request` function. */

import type { ContractCall } from "@stwo-ml/verifier";

/** A wallet by the convention of get-starknet. */
export interface Wallet {
  readonly id: string;
  readonly name: string;
  request(call: { readonly type: string; readonly params?: unknown }): Promise<unknown>;
}

function isWallet(value: unknown): value is Wallet {
  const wallet = value as Partial<Wallet> | null | undefined;
  return typeof wallet === "object" && typeof wallet?.request === "function" && typeof wallet.id === "string";
}

/** The wallets in this page, each once. */
export function wallets(): Wallet[] {
  const page = window as unknown as Record<string, unknown>;
  const found = Object.keys(page)
    .filter((name) => name.startsWith("starknet"))
    .map((name) => page[name])
    .filter(isWallet);
  return [...new Map(found.map((wallet) => [wallet.id, wallet])).values()];
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Error(`the wallet gives no ${what}`);
  return value;
}

/** Asks for the user's account; its address. */
export async function account(wallet: Wallet): Promise<string> {
  const accounts = await wallet.request({ type: "wallet_requestAccounts" });
  return text(Array.isArray(accounts) ? accounts[0] : undefined, "account");
}

/** The chain that the wallet is set to, as a felt. */
export async function chain(wallet: Wallet): Promise<string> {
  return text(await wallet.request({ type: "wallet_requestChainId" }), "chain");
}

/** Has the user sign and send calls as one transaction; its hash. */
export async function send(wallet: Wallet, calls: readonly ContractCall[]): Promise<string> {
  const params = {
    calls: calls.map(({ contractAddress, entrypoint, calldata }) => ({
      contract_address: contractAddress,
      entry_point: entrypoint,
      calldata,
    })),
  };
  const sent = (await wallet.request({ type: "wallet_addInvokeTransaction", params })) as { transaction_hash?: unknown } | null;
  return text(sent?.transaction_hash, "hash of the transaction");
}
