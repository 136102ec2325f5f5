//! WebAssembly glue over `stwo-ml-verifier`: empty until the browser package is built.
