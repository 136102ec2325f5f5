//! Launches of the kernels: one typed function per kernel, generated from its declaration.
//!
//! `build.rs` reads every `KERNEL void name(...)` in `cuda/kernels`, checks it against the
//! parameter list of the committed PTX, and writes a function that takes exactly those arguments.
//! A missing, surplus or mistyped argument does not compile. The functions trust lengths: a wrong
//! one reads or writes other device memory, never the host's.

#![allow(clippy::too_many_arguments)]

use cudarc::driver::{DeviceRepr, LaunchConfig, PushKernelArg};

use crate::context::CudaContext;
use crate::error::CudaError;
use crate::memory::{Ptr, PtrMut};

/// An element of QM31 as kernels take it: the four coordinates.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qm31(pub [u32; 4]);

// SAFETY: four 32-bit words, as `struct qm31` of the kernels.
unsafe impl DeviceRepr for Qm31 {}

/// A point of the circle over M31 as kernels take it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// First coordinate.
    pub x: u32,
    /// Second coordinate.
    pub y: u32,
}

// SAFETY: two 32-bit words, as `struct point` of the kernels.
unsafe impl DeviceRepr for Point {}

/// The shape of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks in x and y.
    pub blocks: (u32, u32),
    /// Threads of a block.
    pub threads: u32,
    /// Dynamic shared memory of a block, in bytes.
    pub shared_bytes: u32,
}

impl Grid {
    /// Threads per block of a linear launch.
    pub const THREADS: u32 = 256;
    /// Most blocks of a linear launch; kernels loop over what is left.
    pub const MAX_BLOCKS: u32 = 1 << 14;

    /// One-dimensional, for `n` elements.
    pub fn linear(n: usize) -> Self {
        Self::rows(n, 1)
    }

    /// `n` elements for each of `rows` rows; the row is the block's y.
    pub fn rows(n: usize, rows: usize) -> Self {
        let blocks = n
            .div_ceil(Self::THREADS as usize)
            .clamp(1, Self::MAX_BLOCKS as usize);
        Self {
            blocks: (blocks as u32, rows as u32),
            threads: (n.clamp(1, Self::THREADS as usize) as u32).next_multiple_of(32),
            shared_bytes: 0,
        }
    }
}

impl From<Grid> for LaunchConfig {
    fn from(grid: Grid) -> Self {
        Self {
            grid_dim: (grid.blocks.0, grid.blocks.1, 1),
            block_dim: (grid.threads, 1, 1),
            shared_mem_bytes: grid.shared_bytes,
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/launches.rs"));
