//! The verifying key: everything the verifier believes about a model before it reads a proof.
//!
//! A model is a set of integer [`Tensor`]s packed into two committed tables (the *oracles*: one
//! for the witness, one for the weights) and the relations between them. There are only two
//! kinds of relation, and no operator of a neural network is known to the verifier:
//!
//! * a [`Lookup`]: at every cell of a box, a pair of [`Expression`]s is a row of a [`Table`];
//! * a [`Zero`]: at every cell of a box, an [`Expression`] is zero.
//!
//! An expression is a sum of [`Term`]s. A term is a linear or bilinear form in tensors whose
//! wiring is a product of small [`Factor`]s, one per axis, so that the verifier evaluates it in
//! time linear in the axes and not in the tensors. Matrix products, convolutions, slices,
//! broadcasts and averages differ only in their factors.

use alloc::string::String;
use alloc::vec::Vec;

use crate::hash::Digest;
use crate::security::Level;

mod encoding;
mod range;
mod validate;

pub use encoding::{MAX_VK_BYTES, VK_MAGIC, VK_VERSION};

/// Index of a tensor in [`Vk::tensors`].
pub type TensorId = u32;
/// Index of a table in [`Vk::tables`].
pub type TableId = u32;

/// A model as the verifier knows it, with the commitment to its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vk {
    /// Name of the model, for people; part of the digest.
    pub name: String,
    /// Security level; fixes every parameter of the argument.
    pub level: Level,
    /// Number of variables of a column: each oracle has columns of `2^log_rows` cells.
    pub log_rows: u8,
    /// Base-two logarithm of the number of columns of the witness oracle.
    pub log_witness_columns: u8,
    /// Base-two logarithm of the number of columns of the weight oracle.
    pub log_weight_columns: u8,
    /// The Merkle cap of the weight oracle.
    pub weights: Vec<Digest>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// All lookup tables; the tag of a table is its index plus one.
    pub tables: Vec<Table>,
    /// All lookups.
    pub lookups: Vec<Lookup>,
    /// All vanishing expressions.
    pub zeros: Vec<Zero>,
    /// Public inputs, in the model's order.
    pub inputs: Vec<Port>,
    /// Public outputs, in the model's order.
    pub outputs: Vec<Port>,
}

/// Which committed table holds a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// Committed anew by every proof.
    Witness,
    /// Committed once, when the model is compiled; its cap is in the verifying key.
    Weights,
}

/// A box of `2^log_size` integers, flat, with the last axis in the lowest bits and every axis
/// padded to a power of two. What a padded cell holds is irrelevant unless a relation says so:
/// every read goes through a [`Factor`], which selects the real cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The committed table that holds the tensor.
    pub oracle: Oracle,
    /// First cell in the oracle; a multiple of `2^log_size`.
    pub offset: u32,
    /// Base-two logarithm of the number of cells.
    pub log_size: u8,
    /// Least integer that a real cell can hold.
    pub lo: i32,
    /// Greatest integer that a real cell can hold.
    pub hi: i32,
}

/// A lookup table of `2^log_size` rows `(input, output)`.
///
/// The input of row `i` is `base + min(i, len - 1)`: rows past the real ones repeat the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Base-two logarithm of the number of rows, at most 16.
    pub log_size: u8,
    /// Input of row 0.
    pub base: i32,
    /// Number of distinct rows, `1..=2^log_size`.
    pub len: u32,
    /// What the second column holds.
    pub output: TableOutput,
    /// Witness tensor of the same size: how often each row is looked up.
    pub multiplicity: TensorId,
}

/// The second column of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableOutput {
    /// No second column: the table is a range check.
    None,
    /// `min(max(input, lo), hi)`: rounding to a range, ReLU, clip.
    Clamp {
        /// Least output.
        lo: i32,
        /// Greatest output.
        hi: i32,
    },
    /// A tensor of the weight oracle, of the table's size.
    Column(TensorId),
}

/// The claim that at every cell of a box of `2^log_size` cells the expressions are a row of the
/// table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Base-two logarithm of the number of cells.
    pub log_size: u8,
    /// The table.
    pub table: TableId,
    /// First column.
    pub input: Expression,
    /// Second column; present exactly when the table has one.
    pub output: Option<Expression>,
}

/// The claim that an expression is zero at every cell of a box of `2^log_size` cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zero {
    /// Base-two logarithm of the number of cells.
    pub log_size: u8,
    /// The vanishing expression; its divisor is 1.
    pub expression: Expression,
}

/// The value `v` with `divisor * v = constant + sum of terms`, cell by cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Positive integer by which the sum is divided; the division is exact in the field, and in
    /// the integers because the range check of [`Vk::validate`] leaves no room for a wrap.
    pub divisor: u32,
    /// Added to every cell, padded ones included.
    pub constant: i32,
    /// The terms.
    pub terms: Vec<Term>,
}

/// `coefficient * sum_{k, i} left[k] * right[i] * prod_f factor_f(out, k, i)` at cell `out`.
///
/// The bit ranges of the factors partition the bits of the box, of `left` and of `right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Integer coefficient.
    pub coefficient: i32,
    /// First operand of a bilinear term; absent in a linear one.
    pub left: Option<TensorId>,
    /// Second operand of a bilinear term; the only operand of a linear one.
    pub right: TensorId,
    /// Wiring, one factor per axis or group of axes.
    pub factors: Vec<Factor>,
    /// Least value of the sum (without the coefficient) over real cells and admitted operands.
    pub lo: i64,
    /// Greatest such value.
    pub hi: i64,
}

/// A run of bits of a flat index: bits `shift .. shift + bits`, bit 0 lowest. With no bits, the
/// operand does not take part in the factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    /// Lowest bit.
    pub shift: u8,
    /// Number of bits.
    pub count: u8,
}

/// The wiring of one axis: a sparse set of index triples with integer weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Bits of the box that the axis occupies.
    pub out: Bits,
    /// Bits of the left operand.
    pub left: Bits,
    /// Bits of the right operand.
    pub right: Bits,
    /// The triples.
    pub wiring: Wiring,
}

/// The index triples `(out, left, right)` of a [`Factor`]. An index into bits that are absent is
/// taken as zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// `(j, j, j)` for `j < len`: an axis that operands share, that is summed, or broadcast.
    Diagonal {
        /// Number of real positions of the axis.
        len: u32,
    },
    /// `(y, k, y * stride + k * dilation - padding)` where the last lies in `0..right_len`: a
    /// convolution's spatial axis.
    Window {
        /// Number of output positions.
        out_len: u32,
        /// Number of taps of the kernel.
        taps: u32,
        /// Number of input positions.
        right_len: u32,
        /// Distance between windows.
        stride: u32,
        /// Distance between taps.
        dilation: u32,
        /// Zeros before the first input position.
        padding: u32,
    },
    /// `(f in out_dims, -, f in right_dims)` for every flat index `f`: a change of shape, each
    /// axis padded to a power of two on its own.
    Reshape {
        /// Axes of the output, outermost first.
        out_dims: Vec<u32>,
        /// Axes of the input, outermost first; the product is the same.
        right_dims: Vec<u32>,
    },
    /// Any other triples, with weights.
    Entries(Vec<Entry>),
}

/// One weighted triple of [`Wiring::Entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index in the box's bits.
    pub out: u32,
    /// Index in the left operand's bits.
    pub left: u32,
    /// Index in the right operand's bits.
    pub right: u32,
    /// Integer weight.
    pub weight: i32,
}

/// A public tensor: its shape and scale, and the witness tensor that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in the model.
    pub name: String,
    /// Axes, outermost first; each padded to a power of two in the tensor.
    pub dims: Vec<u32>,
    /// An integer `v` stands for the real number `v * 2^-scale`.
    pub scale: i8,
    /// The tensor. Its `lo..=hi` is the range of the public integers.
    pub tensor: TensorId,
}
