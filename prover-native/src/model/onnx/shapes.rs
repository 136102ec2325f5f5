//! The shapes of the translation against those that tract infers.

use tract_onnx::pb;
use tract_onnx::prelude::*;

use super::{ImportError, Importer, guarded};

/// Compares the shapes of the outputs.
///
/// # Errors
/// [`ImportError::Graph`] if tract cannot analyse the file or finds another shape.
pub(super) fn compare_with_tract(
    model: &pb::ModelProto,
    importer: &Importer,
) -> Result<(), ImportError> {
    let graph = &importer.graph;
    let infer = || -> TractResult<Vec<Option<Vec<usize>>>> {
        let framework = tract_onnx::onnx();
        let mut inference = framework.model_for_proto_model(model)?;
        for (i, id) in graph.inputs.iter().enumerate() {
            let fact = InferenceFact::dt_shape(f32::datum_type(), graph.shape(*id));
            inference.set_input_fact(i, fact)?;
        }
        let typed = inference.into_typed()?;
        (0..graph.outputs.len())
            .map(|i| {
                Ok(typed
                    .output_fact(i)?
                    .shape
                    .as_concrete()
                    .map(<[usize]>::to_vec))
            })
            .collect()
    };
    let fail = |reason: String| ImportError::Graph(format!("shape inference: {reason}"));
    let inferred = guarded(infer)
        .map_err(fail)?
        .map_err(|e| fail(format!("{e:#}")))?;
    for (id, shape) in graph.outputs.iter().zip(inferred) {
        let value = &graph.values[*id];
        if shape.as_ref().is_some_and(|s| *s != value.shape) {
            return Err(fail(format!(
                "output `{}` has shape {:?}, tract infers {:?}",
                value.name,
                value.shape,
                shape.unwrap_or_default()
            )));
        }
    }
    Ok(())
}
