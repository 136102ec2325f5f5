//! What the prover asks of a backend, in terms of committed cells and of tables that are small
//! beside them.

use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::vk::{Bits, Oracle, Tensor};

/// A run of `2^log_size` cells of a committed table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// The table.
    pub oracle: Oracle,
    /// First cell.
    pub offset: usize,
    /// Base-two logarithm of the number of cells.
    pub log_size: u32,
}

impl From<&Tensor> for Cells {
    fn from(tensor: &Tensor) -> Self {
        Self {
            oracle: tensor.oracle,
            offset: tensor.offset as usize,
            log_size: tensor.log_size.into(),
        }
    }
}

impl Cells {
    /// The index of the table in a pair of tables.
    pub fn table(&self) -> usize {
        match self.oracle {
            Oracle::Witness => 0,
            Oracle::Weights => 1,
        }
    }

    /// The range of the cells in their table.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + (1 << self.log_size)
    }
}

/// One column of the rows that fractions stand for.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Integers, one per row.
    Integers(&'a [i32]),
    /// Committed cells, one per row.
    Cells(Cells),
    /// `clamp(base + min(row, last), lo, hi)`.
    Ramp {
        /// The value of row 0, before clamping.
        base: i32,
        /// The last row that differs from the one before it.
        last: i32,
        /// Least value.
        lo: i32,
        /// Greatest value.
        hi: i32,
    },
}

impl Column<'_> {
    /// Zero in every row.
    pub const ZERO: Self = Self::Ramp {
        base: 0,
        last: 0,
        lo: 0,
        hi: 0,
    };
}

/// An aligned run of `2^log_size` fractions
/// `numerator / (alpha - tag - beta input - beta^2 output)`.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// First leaf.
    pub offset: usize,
    /// Base-two logarithm of the number of leaves.
    pub log_size: u32,
    /// The numerators are minus these, or 1.
    pub multiplicities: Option<Cells>,
    /// What separates tables from each other.
    pub tag: M31,
    /// The first column.
    pub input: Column<'a>,
    /// The second column.
    pub output: Column<'a>,
}

impl<'a> Block<'a> {
    /// The columns whose values are stated, in their order: multiplicities, input and output,
    /// without those that the verifier computes itself.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column<'a>> {
        let multiplicities = self.multiplicities.map(Column::Cells);
        [multiplicities, Some(self.input), Some(self.output)]
            .into_iter()
            .flatten()
            .filter(|column| !matches!(column, Column::Ramp { .. }))
    }
}

/// A product of the cells of a tensor or table and as many coefficients.
#[derive(Clone, Debug)]
pub struct Product {
    /// The cells.
    pub base: Cells,
    /// The coefficients.
    pub form: Form,
}

/// Coefficients over a run of cells.
#[derive(Clone, Debug)]
pub enum Form {
    /// The sum of the parts, zero where none is.
    Sum(Vec<Part>),
    /// The left operand of a bilinear term, contracted.
    Contracted(Contracted),
}

/// `scale * prod_k axes[k][digit k]` over an aligned run of cells whose index is made of digits.
#[derive(Clone, Debug)]
pub struct Part {
    /// First cell of the run.
    pub offset: usize,
    /// Factor of every coefficient.
    pub scale: QM31,
    /// Per digit of the index, the lowest first, a power of two of values; the product of their
    /// numbers is the length of the run.
    pub axes: Vec<Vec<QM31>>,
}

impl Part {
    /// Two tables whose outer product, the first in the low bits, is the part: the first has at
    /// most `limit` entries, unless the lowest axis alone has more, and at least sixteen if the
    /// part has.
    pub fn halves(&self, limit: usize) -> [Vec<QM31>; 2] {
        let (mut low, mut high) = (vec![QM31::ONE], vec![self.scale]);
        let extend = |table: &mut Vec<QM31>, axis: &[QM31]| {
            let entries = axis.iter();
            *table = entries
                .flat_map(|v| table.iter().map(move |t| *t * *v))
                .collect();
        };
        for axis in &self.axes {
            if high.len() == 1 && (low.len() < 16 || low.len() * axis.len() <= limit) {
                extend(&mut low, axis);
            } else {
                extend(&mut high, axis);
            }
        }
        [low, high]
    }
}

/// The coefficients of the right operand of a bilinear term.
///
/// The cells of the left operand, with digits replaced one after the other, are a table; then
/// coefficient `i` is `scale * table[sum_g (digit g of i) << shift_g] * prod_s values_s[digit s of i]`.
#[derive(Clone, Debug)]
pub struct Contracted {
    /// The left operand.
    pub left: Cells,
    /// Digits to replace.
    pub replacements: Vec<Replacement>,
    /// Base-two logarithm of the number of coefficients.
    pub log_size: u32,
    /// Digits of the coefficient's index, and where they lie in the table's index.
    pub gather: Vec<(Bits, u32)>,
    /// Digits of the coefficient's index, and a factor for each of their values.
    pub spread: Vec<(Bits, Vec<QM31>)>,
    /// Factor of every coefficient.
    pub scale: QM31,
}

/// `new[high, n, low] = sum over entries (o, n, w) of w old[high, o, low]`.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Bits of `low`.
    pub shift: u32,
    /// Bits of the old digit `o`.
    pub old: u32,
    /// Bits of the new digit `n`.
    pub new: u32,
    /// `(o, n, w)`.
    pub entries: Vec<(u32, u32, QM31)>,
}

impl Contracted {
    /// The index in the contracted table that coefficient `index` reads.
    pub fn source(&self, index: usize) -> usize {
        let fields = self.gather.iter();
        fields
            .map(|(bits, shift)| digit(index, *bits) << shift)
            .sum()
    }
}

/// The value of a run of bits of an index.
pub(super) fn digit(index: usize, bits: Bits) -> usize {
    (index >> bits.shift) & ((1 << bits.count) - 1)
}
