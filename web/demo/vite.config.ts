import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  // Relative addresses: the build works under any path of any static host.
  base: "./",
  worker: { format: "es" },
  optimizeDeps: { exclude: ["@stwo-ml/verifier"] },
  build: {
    target: "es2022",
    // The module and the scripts stay files of their own.
    assetsInlineLimit: 0,
    rolldownOptions: { input: [page("index.html"), page("benchmark/index.html")] },
  },
});
