import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { parse } from "smol-toml";
import { defineConfig } from "vite";

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));
// The addresses of the contracts are in one place.
const networks = readFileSync(new URL("../../prover-native/src/starknet/networks.toml", import.meta.url), "utf8");

export default defineConfig({
  // Relative addresses: the build works under any path of any static host.
  base: "./",
  worker: { format: "es" },
  define: { NETWORKS: JSON.stringify(parse(networks)) },
  optimizeDeps: { exclude: ["@stwo-ml/verifier"] },
  build: {
    target: "es2022",
    // The module and the scripts stay files of their own.
    assetsInlineLimit: 0,
    rolldownOptions: { input: [page("index.html"), page("benchmark/index.html")] },
  },
});
