//! Activations and arithmetic.

use ndarray::{ArrayD, IxDyn};

use super::constant::Constant;
use super::translate::Translated;
use super::{ImportError, Importer, Source};
use crate::model::graph::{Activation, Op};

/// The shape of `a` and `b` broadcast together, as numpy does.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

impl Importer {
    pub(super) fn activation(
        &self,
        source: &Source<'_>,
        activation: Activation,
        known: &[&str],
        inputs: usize,
    ) -> Result<Translated, ImportError> {
        source.only(known, inputs)?;
        let x = self.operand(source, 0)?;
        Ok((
            Op::Activation(activation),
            vec![x],
            self.graph.shape(x).to_vec(),
        ))
    }

    pub(super) fn clip(&self, source: &Source<'_>) -> Result<Translated, ImportError> {
        let bound = |name: &str, i: usize, default: f32| -> Result<f32, ImportError> {
            let attribute = source.float(name, default)?;
            match self.float_constant(source, i)? {
                None => Ok(attribute),
                Some(_) if attribute != default => {
                    Err(source.fail(format!("it has `{name}` twice")))
                }
                Some(c) if c.len() == 1 => Ok(*c.iter().next().expect("one element")),
                Some(_) => Err(source.fail(format!("`{name}` is not a single number"))),
            }
        };
        let min = bound("min", 1, f32::NEG_INFINITY)?;
        let max = bound("max", 2, f32::INFINITY)?;
        if min > max || min.is_nan() || max.is_nan() {
            return Err(source.fail(format!("its range {min}..={max} is empty")));
        }
        self.activation(source, Activation::Clip { min, max }, &["min", "max"], 3)
    }

    pub(super) fn arithmetic(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&[], 2)?;
        let constant = |i: usize| -> Result<Option<ArrayD<f32>>, ImportError> {
            match source.input(i).and_then(|n| self.constants.get(n)) {
                None => Ok(None),
                Some(Constant::Float(c)) => Ok(Some(c.clone())),
                Some(Constant::Integer(_)) => {
                    Err(source.fail("its constant must be of 32-bit floats"))
                }
            }
        };
        let op = &source.proto.op_type[..];
        let joined = |a: &[usize], b: &[usize]| {
            broadcast(a, b)
                .ok_or_else(|| source.fail(format!("shapes {a:?} and {b:?} do not broadcast")))
        };
        match (constant(0)?, constant(1)?) {
            (Some(_), Some(_)) => Err(source.fail("both operands are constants")),
            (None, None) => {
                let (a, b) = (self.operand(source, 0)?, self.operand(source, 1)?);
                let shape = joined(self.graph.shape(a), self.graph.shape(b))?;
                let op = match op {
                    "Add" => Op::Add,
                    "Sub" => Op::Sub,
                    "Mul" => Op::Mul,
                    _ => return Err(source.fail("its divisor must be a constant")),
                };
                Ok((op, vec![a, b], shape))
            }
            (left, right) => {
                let (number, constant) = match (left, right) {
                    (Some(c), _) => (1, c),
                    (_, c) => (0, c.expect("one is a constant")),
                };
                let mut x = self.operand(source, number)?;
                let shape = joined(self.graph.shape(x), constant.shape())?;
                let spread = constant
                    .broadcast(IxDyn(&shape))
                    .expect("it broadcasts")
                    .to_owned();
                let op = match (op, number) {
                    ("Add", _) => Op::AddConst(spread),
                    ("Sub", 0) => Op::AddConst(-spread),
                    ("Sub", _) => {
                        let own = self.graph.shape(x).to_vec();
                        let minus = Op::MulConst(ArrayD::from_elem(own.clone(), -1.0));
                        x = self.push(
                            source,
                            minus,
                            vec![x],
                            own,
                            &format!("{}.negated", source.name),
                        );
                        Op::AddConst(spread)
                    }
                    ("Mul", _) => Op::MulConst(spread),
                    (_, 0) => Op::MulConst(spread.mapv(|v| 1.0 / v)),
                    _ => return Err(source.fail("its divisor must be a constant")),
                };
                if let Op::MulConst(c) | Op::AddConst(c) = &op
                    && c.iter().any(|v| !v.is_finite())
                {
                    return Err(source.fail("its constant divides by zero"));
                }
                Ok((op, vec![x], shape))
            }
        }
    }
}
