//! Linear operators: Gemm and MatMul with a constant.

use super::translate::Translated;
use super::{ImportError, Importer, Source};
use crate::model::graph::Op;

impl Importer {
    pub(super) fn gemm(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["alpha", "beta", "transA", "transB"], 3)?;
        let mut x = self.operand(source, 0)?;
        let mut weight = self.needed_constant(source, 1)?;
        if weight.ndim() != 2 || self.graph.shape(x).len() != 2 {
            return Err(source.fail("its operands must have two axes"));
        }
        if source.int("transB", 0)? == 0 {
            weight = weight.reversed_axes().as_standard_layout().into_owned();
        }
        if source.int("transA", 0)? != 0 {
            let shape: Vec<usize> = self.graph.shape(x).iter().rev().copied().collect();
            let name = format!("{}.transposed", source.name);
            x = self.push(
                source,
                Op::Transpose { perm: vec![1, 0] },
                vec![x],
                shape,
                &name,
            );
        }
        let alpha = source.float("alpha", 1.0)?;
        weight.mapv_inplace(|v| v * alpha);
        let (rows, width) = (self.graph.shape(x)[0], self.graph.shape(x)[1]);
        let features = weight.shape()[0];
        if weight.shape()[1] != width {
            return Err(source.fail(format!(
                "its input has {width} features, its weight {}",
                weight.shape()[1]
            )));
        }
        let beta = source.float("beta", 1.0)?;
        let bias = match self.float_constant(source, 2)? {
            None => None,
            Some(c) => {
                let flat: Vec<f32> = c.iter().map(|v| v * beta).collect();
                match (c.shape(), flat.len()) {
                    (_, 1) => Some(vec![flat[0]; features]),
                    ([.., last], n) if *last == features && n == features => Some(flat),
                    _ => {
                        return Err(source.fail(format!(
                            "its bias of shape {:?} is not one value per feature",
                            c.shape()
                        )));
                    }
                }
            }
        };
        Ok((Op::Linear { weight, bias }, vec![x], vec![rows, features]))
    }

    pub(super) fn matmul(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&[], 2)?;
        let x = self.operand(source, 0)?;
        let is_constant = source
            .input(1)
            .is_some_and(|n| self.constants.contains_key(n));
        if !is_constant {
            return Err(source.fail("its second operand must be a constant"));
        }
        let weight = self.needed_constant(source, 1)?;
        if weight.ndim() != 2 {
            return Err(source.fail("its constant must have two axes"));
        }
        let weight = weight.reversed_axes().as_standard_layout().into_owned();
        let mut shape = self.graph.shape(x).to_vec();
        match shape.last_mut() {
            Some(last) if *last == weight.shape()[1] => *last = weight.shape()[0],
            _ => {
                return Err(source.fail(format!(
                    "its operands have shapes {shape:?} and {:?}",
                    [weight.shape()[1], weight.shape()[0]]
                )));
            }
        }
        Ok((Op::Linear { weight, bias: None }, vec![x], shape))
    }
}
