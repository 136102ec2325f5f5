//! NVIDIA's run-time compiler takes the constraints that the tests compile with clang.
//!
//! NVRTC needs no GPU: the library is that of `tests/scripts/setup-cuda`. What it makes is assembled for real
//! devices and never interpreted: its licence does not let it run elsewhere.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::proof::clang::Clang;
use crate::proof::prove::{Setting, Statement, proof_bytes};
use crate::proof::statements::{Lookups, Poseidon2, WideFibonacci};
use libloading::Library;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleChannel;
use stwo::prover::ComponentProver;
use stwo_constraint_framework::FrameworkComponent;
use stwo_ml_cuda::constraints::{Compiler, Nvrtc};
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};
use stwo_ml_cuda_tests::compile::repository;

/// A file that `tests/scripts/setup-cuda` installs.
fn tool(path: &str) -> PathBuf {
    let packages = repository().join("target/cuda-tools/lib");
    let python = std::fs::read_dir(&packages)
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run tests/scripts/setup-cuda",
                packages.display()
            )
        })
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .expect("a virtual environment has one");
    python.path().join("site-packages/nvidia").join(path)
}

/// Loads NVRTC from there: the loader gives the same library to whoever asks for it by its name.
fn load() -> Library {
    let path = tool("cuda_nvrtc/lib/libnvrtc.so.12");
    // SAFETY: the library's initialisers are NVIDIA's.
    unsafe { Library::new(&path) }
        .unwrap_or_else(|error| panic!("{error}; run tests/scripts/setup-cuda"))
}

/// Compiles with both; the tests' device runs what clang made.
#[derive(Debug, Default)]
struct Both(Mutex<Vec<String>>);

impl Compiler for Both {
    fn compile(&self, source: &str) -> Result<String, CudaError> {
        let ptx = Nvrtc.compile(source)?;
        self.0.lock().expect("no thread panics").push(ptx);
        Clang.compile(source)
    }
}

/// What NVRTC makes of a statement's constraints.
fn compiled<S: Statement>(statement: &S) -> Vec<String>
where
    FrameworkComponent<S::Eval>: ComponentProver<CudaBackend>,
{
    let both = Arc::new(Both::default());
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(Arc::clone(&both) as Arc<dyn Compiler>);
    context
        .scope(|| {
            proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(statement, Setting::new(1, 2))
                .is_ok()
        })
        .expect("no operation fails");
    std::mem::take(&mut both.0.lock().expect("no thread panics"))
}

#[test]
fn constraints_compile_and_assemble_without_spills() {
    let _library = load();
    let poseidon2 = Poseidon2 {
        log: 4,
        log_degree: 1,
    };
    let fibonacci = WideFibonacci {
        log: 4,
        columns: 26,
    };
    let all = [
        compiled(&fibonacci),
        compiled(&Lookups { log: 4 }),
        compiled(&poseidon2),
    ];
    for ptx in all.iter().flatten() {
        assert!(ptx.contains(".entry constraints("), "{ptx}");
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("constraints.ptx");
        std::fs::write(&file, ptx).expect("the folder is writable");
        for architecture in ["sm_80", "sm_90"] {
            let output = Command::new(tool("cu13/bin/ptxas"))
                .args(["-v", "-arch", architecture])
                .arg(&file)
                .arg("-o")
                .arg(folder.path().join("cubin"))
                .output()
                .expect("ptxas runs");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success()
                    && text.contains(" 0 bytes spill stores, 0 bytes spill loads"),
                "{architecture}: {text}"
            );
        }
    }
    assert!(all.iter().all(|texts| !texts.is_empty()));
}

#[test]
fn a_source_that_is_wrong_is_an_error_with_the_compilers_words() {
    let _library = load();
    let error = Nvrtc
        .compile("__global__ void f() { undeclared(); }")
        .unwrap_err();
    assert!(
        matches!(&error, CudaError::Compile { reason } if reason.contains("undeclared")),
        "{error:?}"
    );
}

#[test]
fn the_least_capability_is_compiled_for() {
    let _library = load();
    let source = "extern \"C\" __global__ void f() {}";
    let ptx = Nvrtc
        .compile(source)
        .expect("the driver takes PTX of older devices");
    assert!(ptx.contains(".target sm_80"), "{ptx}");
}
