//! The public statement: the input and output tensors of one inference.

use alloc::vec::Vec;

use crate::codec::{Reader, Writer};
use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::multilinear::{eq_table, low};
use crate::transcript::{Label, Transcript};
use crate::vk::{Port, Vk};
use crate::wiring::{axis_bits, padded_index};

/// The integers of the public tensors, row-major, in the order of the key's ports. Shapes and
/// scales are the key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Input tensors.
    pub inputs: Vec<Vec<i32>>,
    /// Output tensors.
    pub outputs: Vec<Vec<i32>>,
}

impl Port {
    /// Number of public integers.
    pub fn count(&self) -> usize {
        let count = self.dims.iter().fold(1u32, |n, d| n.saturating_mul(*d));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The multilinear extension, at a point, of the padded box that holds `values` and zeros.
    /// The tables of `eq` are those of two halves of the point: a box of short axes has far more
    /// cells than there are values.
    fn evaluate(&self, values: &[i32], point: &[QM31]) -> QM31 {
        let bits: u32 = self
            .dims
            .iter()
            .map(|d| axis_bits(*d))
            .fold(0, u32::saturating_add);
        let point = low(point, usize::try_from(bits).unwrap_or(usize::MAX));
        let (above, below) = point.split_at(point.len().div_ceil(2));
        let (above, below) = (eq_table(above), eq_table(below));
        let at = |flat: u32| -> Option<QM31> {
            let index = usize::try_from(padded_index(flat, &self.dims)).ok()?;
            let above = above.get(index.checked_div(below.len())?)?;
            let below = below.get(index.checked_rem(below.len())?)?;
            Some(*above * *below)
        };
        values
            .iter()
            .zip(0u32..)
            .map(|(v, flat)| at(flat).unwrap_or(QM31::ZERO) * M31::from_i64((*v).into()))
            .sum()
    }
}

impl Statement {
    /// Reads the statement of a key: four bytes per integer, two's complement.
    ///
    /// # Errors
    /// [`VerifyError::Truncated`].
    pub fn read(r: &mut Reader<'_>, vk: &Vk) -> Result<Self, VerifyError> {
        let mut ports = |ports: &[Port]| {
            ports
                .iter()
                .map(|p| r.many(p.count(), Reader::i32))
                .collect::<Result<_, _>>()
        };
        Ok(Self {
            inputs: ports(&vk.inputs)?,
            outputs: ports(&vk.outputs)?,
        })
    }

    /// Appends the encoding.
    pub fn write(&self, w: &mut Writer) {
        self.inputs
            .iter()
            .chain(&self.outputs)
            .flatten()
            .for_each(|v| w.i32(*v));
    }

    /// Checks the number and the range of the integers. There is one encoding of each integer
    /// and no other integer equals it modulo `p` within the admitted range.
    ///
    /// # Errors
    /// [`VerifyError::StatementShape`] or [`VerifyError::StatementRange`].
    pub fn check(&self, vk: &Vk) -> Result<(), VerifyError> {
        for (ports, tensors) in [(&vk.inputs, &self.inputs), (&vk.outputs, &self.outputs)] {
            if ports.len() != tensors.len() {
                let (expected, got) = (ports.len(), tensors.len());
                return Err(VerifyError::StatementShape { expected, got });
            }
            for (number, (port, values)) in ports.iter().zip(tensors).enumerate() {
                let (expected, got) = (port.count(), values.len());
                if expected != got {
                    return Err(VerifyError::StatementShape { expected, got });
                }
                let tensor = crate::claims::tensor(vk, port.tensor)?;
                let outside = values.iter().position(|v| *v < tensor.lo || *v > tensor.hi);
                if let Some(index) = outside {
                    return Err(VerifyError::StatementRange {
                        port: number,
                        index,
                    });
                }
            }
        }
        Ok(())
    }

    /// Absorbs the statement.
    pub fn absorb(&self, transcript: &mut Transcript) {
        for (label, tensors) in [(Label::Input, &self.inputs), (Label::Output, &self.outputs)] {
            for values in tensors {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                transcript.absorb(label, &bytes);
            }
        }
    }

    /// The multilinear extensions of all public tensors, inputs first, each at the low
    /// coordinates of the point.
    pub fn evaluate(&self, vk: &Vk, point: &[QM31]) -> Vec<QM31> {
        let ports = vk.inputs.iter().chain(&vk.outputs);
        let tensors = self.inputs.iter().chain(&self.outputs);
        ports
            .zip(tensors)
            .map(|(port, values)| port.evaluate(values, point))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec;

    /// A product of functions of single axes, in a box of 64 times as many cells: its extension
    /// is the product of theirs.
    #[test]
    fn evaluates_boxes_of_short_axes() {
        let axis = [1, -1, 2, 0, 3];
        let port = Port {
            name: String::new(),
            dims: vec![5; 9],
            scale: 0,
            tensor: 0,
        };
        let values: Vec<i32> = (0..port.count())
            .map(|flat| (0..9u32).map(|k| axis[flat / 5usize.pow(k) % 5]).product())
            .collect();
        let element =
            |i: u64| QM31::from_coordinates([3, 5, 7, 11].map(|k| M31::reduce(k * i + k)));
        let point: Vec<QM31> = (1..=27).map(element).collect();
        let expected: QM31 = point
            .as_chunks::<3>()
            .0
            .iter()
            .map(|p| {
                let terms = eq_table(p).into_iter().zip(axis);
                terms
                    .map(|(e, v)| e * M31::from_i64(v.into()))
                    .sum::<QM31>()
            })
            .product();
        assert_eq!(port.evaluate(&values, &point), expected);
        // Coordinates above the box do not matter.
        let longer = [&[element(99)], &point[..]].concat();
        assert_eq!(port.evaluate(&values, &longer), expected);
    }
}
