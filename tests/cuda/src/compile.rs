//! Compiles sources of the tests: CUDA to PTX with the project's script, C++ to a library of the host.

use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::Library;
use tempfile::TempDir;

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The PTX of a source file, by its path from the repository's root or absolute.
///
/// # Panics
/// If `tests/scripts/build-ptx` fails; it says what is missing.
pub fn ptx(source: impl AsRef<Path>) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let output = folder.path().join("out.ptx");
    let script = repository().join("tests/scripts/build-ptx");
    run(Command::new(script).arg(source.as_ref()).arg(&output));
    std::fs::read_to_string(output).expect("the PTX")
}

/// A library of the host, compiled from a C++ file of `tests/cuda/kernels`.
///
/// # Panics
/// If there is no C++ compiler, or it refuses the source.
pub fn host_library(source: &str) -> Library {
    let folder = TempDir::new().expect("a temporary folder");
    let output = folder.path().join("host.so");
    let kernels = repository().join("tests/cuda/kernels");
    let include = |path: PathBuf| format!("-I{}", path.display());
    // Signed integers wrap on the device and pointers of other types alias there.
    run(Command::new("c++")
        .args([
            "-std=c++17",
            "-O1",
            "-fwrapv",
            "-fno-strict-aliasing",
            "-shared",
            "-fPIC",
        ])
        .arg(include(kernels.clone()))
        .arg(include(repository().join("cuda/kernels/include")))
        .arg(kernels.join(source))
        .arg("-o")
        .arg(&output));
    // SAFETY: the library has no code that runs when it is loaded.
    unsafe { Library::new(&output) }.expect("the library just built")
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
