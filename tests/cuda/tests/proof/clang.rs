//! The run-time compilers of the tests.

use std::sync::Arc;

use stwo_ml_cuda::CudaError;
use stwo_ml_cuda::constraints::{Compiler, Nvrtc};

/// Compiles with `tests/scripts/build-ptx`: the clang that compiles the committed kernels.
#[derive(Debug)]
pub struct Clang;

impl Compiler for Clang {
    fn compile(&self, source: &str) -> Result<String, CudaError> {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("constraints.cu");
        std::fs::write(&file, source).expect("the folder is writable");
        Ok(stwo_ml_cuda_tests::compile::ptx(&file))
    }
}

/// Clang, or NVRTC where `tests/scripts/gpu` asks for it, on a GPU: NVRTC's output may run nowhere else.
pub fn compiler() -> Arc<dyn Compiler> {
    match std::env::var_os("CUDA_TESTS_NVRTC") {
        Some(_) => Arc::new(Nvrtc),
        None => Arc::new(Clang),
    }
}
