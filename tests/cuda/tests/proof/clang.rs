//! The run-time compiler of the tests: the clang that compiles the committed kernels.

use stwo_ml_cuda::CudaError;
use stwo_ml_cuda::constraints::Compiler;

/// Compiles with `tests/scripts/build-ptx`.
#[derive(Debug)]
pub struct Clang;

impl Compiler for Clang {
    fn compile(&self, source: &str, _: (i32, i32)) -> Result<String, CudaError> {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("constraints.cu");
        std::fs::write(&file, source).expect("the folder is writable");
        Ok(stwo_ml_cuda_tests::compile::ptx(&file))
    }
}
