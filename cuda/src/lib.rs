//! A CUDA backend for stwo 2.3: kernels, columns on the device, and the launches between them.
//!
//! Use it to prove any stwo statement on an NVIDIA GPU: open a [`CudaContext`] and run the proof
//! inside [`CudaContext::scope`] with [`CudaBackend`] in place of stwo's `SimdBackend`. Proofs are
//! the same bytes. The crate loads the driver at run time: it builds, and its tests that need no
//! device run, where no CUDA is installed.
//!
//! Kernels are CUDA C in `cuda/kernels`, compiled to the PTX in `cuda/ptx` by
//! `tests/scripts/build-ptx` and embedded here. Not measured on a GPU.
//!
//! # Example
//! ```no_run
//! use stwo::core::channel::Blake2sChannel;
//! use stwo::core::fields::m31::BaseField;
//! use stwo::core::fields::qm31::SecureField;
//! use stwo::core::pcs::PcsConfig;
//! use stwo::core::poly::circle::CanonicCoset;
//! use stwo::core::proof::StarkProof;
//! use stwo::core::vcs_lifted::blake2_merkle::{Blake2sMerkleChannel, Blake2sMerkleHasher};
//! use stwo::prover::CommitmentSchemeProver;
//! use stwo::prover::poly::BitReversedOrder;
//! use stwo::prover::poly::circle::{CircleEvaluation, PolyOps};
//! use stwo_constraint_framework::{
//!     EvalAtRow, FrameworkComponent, FrameworkEval, TraceLocationAllocator,
//! };
//! use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};
//!
//! struct Squares {
//!     log_rows: u32,
//! }
//!
//! impl FrameworkEval for Squares {
//!     fn log_size(&self) -> u32 {
//!         self.log_rows
//!     }
//!     fn max_constraint_log_degree_bound(&self) -> u32 {
//!         self.log_rows + 1
//!     }
//!     fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
//!         let (a, b) = (eval.next_trace_mask(), eval.next_trace_mask());
//!         eval.add_constraint(b - a.clone() * a);
//!         eval
//!     }
//! }
//!
//! fn prove(values: &[BaseField]) -> Result<StarkProof<Blake2sMerkleHasher>, CudaError> {
//!     let log_rows = values.len().ilog2();
//!     let (config, channel) = (PcsConfig::default(), &mut Blake2sChannel::default());
//!     CudaContext::new(0)?.scope(|| {
//!         let largest = CanonicCoset::new(log_rows + 1 + config.fri_config.log_blowup_factor);
//!         let twiddles = CudaBackend::precompute_twiddles(largest.half_coset());
//!         let mut scheme =
//!             CommitmentSchemeProver::<CudaBackend, Blake2sMerkleChannel>::new(config, &twiddles);
//!         scheme.set_store_polynomials_coefficients();
//!         scheme.tree_builder().commit(channel);
//!         let domain = CanonicCoset::new(log_rows).circle_domain();
//!         let columns = [
//!             values.iter().copied().collect(),
//!             values.iter().map(|v| *v * *v).collect(),
//!         ];
//!         let columns = columns.map(|c| {
//!             CircleEvaluation::<CudaBackend, BaseField, BitReversedOrder>::new(domain, c)
//!         });
//!         let mut tree = scheme.tree_builder();
//!         tree.extend_evals(columns.into());
//!         tree.commit(channel);
//!         let component = FrameworkComponent::new(
//!             &mut TraceLocationAllocator::default(),
//!             Squares { log_rows },
//!             SecureField::default(),
//!         );
//!         // stwo's `prove`, but for reading all openings at once.
//!         stwo_ml_cuda::backend::prove(&[&component], channel, scheme)
//!             .expect("the constraints hold")
//!     })
//! }
//! ```
//! stwo's prover needs features of a nightly compiler; `RUSTC_BOOTSTRAP=1` lets a stable one build it.

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
