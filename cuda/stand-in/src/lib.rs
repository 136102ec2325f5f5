//! A stand-in for NVIDIA's driver library, for tests on machines without a GPU.
//!
//! The crate builds a `libcuda.so` that takes the committed PTX of the kernels, interprets it on the
//! processor and checks every access: bounds, alignment, content that was never written, races between
//! threads, blocks and streams, barriers and warp operations that not all lanes reach. What it finds it
//! returns as the error of the call, whose text names kernel, thread and source line.
//!
//! It is no device and says so: its name is `ptx-interpreter`. It cannot see bugs of weak memory, of real
//! interleavings, of the assembler, or of speed.
//!
//! Rooms: `ptx` decodes the text, `machine` runs a launch, `memory` holds device memory and its
//! checks, `driver` is the C interface, `profile` counts.

mod driver;
mod finding;
mod machine;
mod memory;
mod profile;
mod ptx;
