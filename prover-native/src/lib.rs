//! Proves that a given neural network produced a given output.

// Vectors for the proof of work; stwo needs the same feature.
#![feature(portable_simd)]

pub mod artifact;
pub mod backend;
pub mod circuit;
pub mod compile;
mod components;
pub mod model;
pub mod prove;
pub mod starknet;
