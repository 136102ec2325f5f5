//! From an ONNX file to a float graph, to integers.

pub mod float;
pub mod graph;
pub mod onnx;
pub mod reference;
pub mod report;
