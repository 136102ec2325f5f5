//! BatchNormalization, folded into the operator before it where that is possible.

use ndarray::{ArrayD, Axis};

use super::{ImportError, Importer, Source};
use crate::model::graph::{Op, ValueId};

impl Importer {
    /// Folds the normalisation into the linear operator before it, or scales and shifts.
    pub(super) fn batch_normalization(
        &mut self,
        source: &Source<'_>,
        input: ValueId,
        shape: Vec<usize>,
        output: String,
    ) -> Result<(), ImportError> {
        source.only(&["epsilon", "momentum", "training_mode", "spatial"], 5)?;
        if source.int("training_mode", 0)? != 0 || source.int("spatial", 1)? != 1 {
            return Err(source.fail("training mode is not supported"));
        }
        let epsilon = source.float("epsilon", 1e-5)?;
        let parts: Vec<ArrayD<f32>> = (1..5)
            .map(|i| self.needed_constant(source, i))
            .collect::<Result<_, _>>()?;
        let channels = shape.get(1).copied().unwrap_or(0);
        if parts.iter().any(|p| p.shape() != [channels]) {
            return Err(source.fail(format!("its parameters do not have {channels} values")));
        }
        let scale: Vec<f32> = (0..channels)
            .map(|c| parts[0][c] / (parts[3][c] + epsilon).sqrt())
            .collect();
        let shift: Vec<f32> = (0..channels)
            .map(|c| parts[1][c] - parts[2][c] * scale[c])
            .collect();
        if scale.iter().chain(&shift).any(|v| !v.is_finite()) {
            return Err(source.fail("its variance is not positive"));
        }
        let only_reader = source
            .input(0)
            .is_some_and(|name| self.reads.get(name) == Some(&1));
        let named_once = self.values.values().filter(|v| **v == input).count() == 1;
        let before = self.graph.nodes.iter_mut().find(|n| n.output == input);
        let rank = shape.len();
        if let Some(node) = before.filter(|_| only_reader && named_once) {
            let fold = |weight: &mut ArrayD<f32>, bias: &mut Option<Vec<f32>>| {
                for (c, mut row) in weight.axis_iter_mut(Axis(0)).enumerate() {
                    row.mapv_inplace(|v| v * scale[c]);
                }
                let old = bias.take().unwrap_or_else(|| vec![0.0; channels]);
                *bias = Some(
                    (0..channels)
                        .map(|c| old[c] * scale[c] + shift[c])
                        .collect(),
                );
            };
            let folded = match &mut node.op {
                Op::Conv { weight, bias, .. } => Some((weight, bias)),
                Op::Linear { weight, bias } if rank == 2 => Some((weight, bias)),
                _ => None,
            };
            if let Some((weight, bias)) = folded {
                fold(weight, bias);
                self.values.insert(output, input);
                return Ok(());
            }
        }
        let spread = |v: &[f32]| ArrayD::from_shape_fn(shape.clone(), |index| v[index[1]]);
        let scaled = format!("{output}.scaled");
        let id = self.push(
            source,
            Op::MulConst(spread(&scale)),
            vec![input],
            shape.clone(),
            &scaled,
        );
        let shifted = Op::AddConst(spread(&shift));
        let id = self.push(source, shifted, vec![id], shape, &output);
        self.values.insert(output, id);
        Ok(())
    }
}
