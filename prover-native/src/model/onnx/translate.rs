//! From a node of the file to the normalised operator, its operands and the shape of its result:
//! one function per operator, in the files named below.

use ndarray::ArrayD;

use super::{ImportError, Importer, Source};
use crate::model::graph::{Activation, Op, ValueId};

pub(super) type Translated = (Op, Vec<ValueId>, Vec<usize>);

impl Importer {
    pub(super) fn translate(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        match &source.proto.op_type[..] {
            "Gemm" => self.gemm(source),
            "MatMul" => self.matmul(source),
            "Conv" => self.conv(source),
            "MaxPool" | "AveragePool" | "GlobalAveragePool" => self.pool(source),
            "Relu" => self.activation(source, Activation::Relu, &[], 1),
            "Sigmoid" => self.activation(source, Activation::Sigmoid, &[], 1),
            "Tanh" => self.activation(source, Activation::Tanh, &[], 1),
            "LeakyRelu" => {
                let alpha = source.float("alpha", 0.01)?;
                self.activation(source, Activation::LeakyRelu { alpha }, &["alpha"], 1)
            }
            "Clip" => self.clip(source),
            "Neg" => {
                source.only(&[], 1)?;
                let x = self.operand(source, 0)?;
                let shape = self.graph.shape(x).to_vec();
                let constant = ArrayD::from_elem(shape.clone(), -1.0);
                Ok((Op::MulConst(constant), vec![x], shape))
            }
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(source),
            "Concat" => self.concat(source),
            "Slice" => self.slice(source),
            "Pad" => self.pad(source),
            "Transpose" => self.transpose(source),
            _ => self.reshape(source),
        }
    }
}
