//! How far the integer network is from the float one.

use ndarray::ArrayD;
use serde::Serialize;

use super::float::InputShape;
use super::graph::Graph;
use super::reference::IntegerGraph;
use crate::compile::{Compiled, InputError};

/// Errors of one value over all examples.
#[derive(Clone, Debug, Serialize)]
pub struct ValueReport {
    /// Name of the value.
    pub name: String,
    /// Binary digits after the point.
    pub scale: i32,
    /// Greatest magnitude of the float value.
    pub magnitude: f64,
    /// Greatest absolute error.
    pub max_error: f64,
    /// Mean absolute error.
    pub mean_error: f64,
}

/// The comparison over a set of examples.
#[derive(Clone, Debug, Serialize)]
pub struct AccuracyReport {
    /// Number of examples.
    pub examples: usize,
    /// Share of rows of the first output whose greatest entry is at the same place.
    pub top1_agreement: f64,
    /// Per value of the integer network, in order.
    pub values: Vec<ValueReport>,
}

/// Why no report was made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// An example has the wrong shape.
    #[error(transparent)]
    Shape(#[from] InputShape),
    /// An example is outside the calibrated range.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// The position of the greatest entry, the first of equals.
pub fn argmax<T: PartialOrd + Copy>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// Compares the networks on examples.
///
/// # Errors
/// [`ReportError`].
pub fn accuracy(
    graph: &Graph,
    compiled: &Compiled,
    examples: &[Vec<ArrayD<f32>>],
) -> Result<AccuracyReport, ReportError> {
    let integers: &IntegerGraph = &compiled.integers;
    let mut values: Vec<ValueReport> = integers
        .nodes
        .iter()
        .map(|node| ValueReport {
            name: graph.values[node.output].name.clone(),
            scale: node.scale,
            magnitude: 0.0,
            max_error: 0.0,
            mean_error: 0.0,
        })
        .collect();
    let (mut rows, mut agreeing) = (0usize, 0usize);
    for example in examples {
        let floats = graph.evaluate_float(example)?;
        let inputs = compiled.quantize_inputs(example)?;
        let run = integers.run(&inputs);
        for (node, report) in integers.nodes.iter().zip(&mut values) {
            let unit = f64::exp2(-f64::from(node.scale));
            let (float, integer) = (&floats[node.output], &run[&node.output]);
            let mut sum = 0.0;
            for (f, v) in float.iter().zip(integer) {
                let error = (f64::from(*f) - *v as f64 * unit).abs();
                report.magnitude = report.magnitude.max(f64::from(f.abs()));
                report.max_error = report.max_error.max(error);
                sum += error;
            }
            report.mean_error += sum / integer.len() as f64 / examples.len() as f64;
        }
        let output = graph.outputs[0];
        let width = graph.shape(output).last().copied().unwrap_or(1);
        let float: Vec<f32> = floats[output].iter().copied().collect();
        for (f, v) in float.chunks(width).zip(run[&output].chunks(width)) {
            rows += 1;
            agreeing += usize::from(argmax(f) == argmax(v));
        }
    }
    let top1_agreement = agreeing as f64 / rows.max(1) as f64;
    Ok(AccuracyReport {
        examples: examples.len(),
        top1_agreement,
        values,
    })
}
