//! Run-time compilers: CUDA C to PTX.

use std::fmt::Debug;

use cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};

use crate::doctor::COMPUTE_CAPABILITY;
use crate::error::CudaError;

/// Compiles CUDA C at run time.
pub trait Compiler: Debug + Send + Sync {
    /// PTX of `source` for the least compute capability that the kernels need, [`COMPUTE_CAPABILITY`].
    ///
    /// # Errors
    /// [`CudaError::Compile`] with the compiler's words.
    fn compile(&self, source: &str) -> Result<String, CudaError>;
}

/// NVIDIA's run-time compiler, which CUDA toolkits bring.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nvrtc;

impl Compiler for Nvrtc {
    fn compile(&self, source: &str) -> Result<String, CudaError> {
        // SAFETY: looks for the library and loads it; its initialisers are NVIDIA's.
        if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
            return Err(CudaError::Compile {
                reason: "no NVRTC was found (libnvrtc): install it from the CUDA toolkit, \
                         or set another compiler with CudaContext::set_compiler"
                    .to_owned(),
            });
        }
        // The driver takes that PTX for every later capability, and an NVRTC that is older than the device knows it.
        let (major, minor) = COMPUTE_CAPABILITY;
        let options = CompileOptions {
            options: vec![
                "--std=c++17".to_owned(),
                format!("--gpu-architecture=compute_{major}{minor}"),
            ],
            ..CompileOptions::default()
        };
        compile_ptx_with_opts(source, options)
            .map(|ptx| ptx.to_src())
            .map_err(|error| CudaError::Compile {
                reason: match error {
                    CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
                    other => other.to_string(),
                },
            })
    }
}
