//! A CUDA backend for stwo 2.3: kernels, columns on the device, and the launches between them.
//!
//! Use it to prove any stwo statement on an NVIDIA GPU: open a [`CudaContext`] and run the proof
//! inside [`CudaContext::scope`] with [`CudaBackend`] in place of stwo's `SimdBackend`. Proofs are
//! the same bytes. The crate loads the driver at run time: it builds, and its tests that need no
//! device run, where no CUDA is installed.
//!
//! Kernels are CUDA C in `cuda/kernels`, compiled to the PTX in `cuda/ptx` by
//! `tests/scripts/build-ptx` and embedded here. Not measured on a GPU.

pub mod backend;
pub mod column;
pub mod constraints;
mod context;
mod counters;
pub mod doctor;
mod error;
pub mod launch;
pub mod memory;
pub mod multilinear;
pub mod roofline;
pub mod scheduler;

pub use backend::CudaBackend;
pub use context::{CudaContext, STAND_IN_DEVICE};
pub use counters::{Counters, Counts};
pub use error::{CudaError, OrRaise};
