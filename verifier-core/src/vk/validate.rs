//! The rules that a key must keep for the argument to mean what it says.
//!
//! A key is trusted to describe the model; these rules catch a compiler that is wrong and keep
//! every later step total and bounded. They cannot see the weights, so the bounds that the key
//! states for them, and for products with them, are the compiler's word: whoever needs more
//! compiles the model and compares digests. The bounds of all other terms are computed anew.

use alloc::vec::Vec;

use super::range::{Interval, expression_range, term_range};
use super::{
    Bits, Expression, Factor, Oracle, Port, Table, TableOutput, Tensor, TensorId, Vk, Wiring,
};
use crate::error::VerifyError;
use crate::field::P;
use crate::shape::{Shape, Word};
use crate::wiring::axis_bits;

/// Variables of a column: at least the clear polynomial's and a coset's, at most what the circle
/// domain holds at the greatest blow-up.
const LOG_ROWS: core::ops::RangeInclusive<u8> = 8..=24;
/// Most columns of an oracle, base-two logarithm.
const MAX_LOG_COLUMNS: u8 = 10;
/// Largest lookup table, base-two logarithm.
const MAX_LOG_TABLE: u8 = 16;
/// Most fractions of the lookup argument, base-two logarithm.
const MAX_LOG_LEAVES: u32 = 30;
/// Most bits of a box or tensor.
const MAX_LOG_SIZE: u8 = 28;
/// Most bits of an axis whose wiring is evaluated entry by entry.
const MAX_LOG_AXIS: u8 = 20;
/// Most entries of wirings that a verification visits.
const MAX_ENTRIES: u64 = 1 << 24;
/// Most axes of a public tensor or of a change of shape: every index is split into them.
const MAX_RANK: usize = 16;
/// Integers of tensors lie strictly between plus and minus this.
const MAX_VALUE: i64 = 1 << 30;

fn rule(holds: bool, rule: &'static str) -> Result<(), VerifyError> {
    if holds {
        Ok(())
    } else {
        Err(VerifyError::InvalidKey { rule })
    }
}

fn item<T>(list: &[T], id: u32) -> Option<&T> {
    usize::try_from(id).ok().and_then(|i| list.get(i))
}

impl Vk {
    /// Checks every rule.
    ///
    /// # Errors
    /// [`VerifyError::InvalidKey`] or [`VerifyError::PossibleWrap`].
    pub fn validate(&self) -> Result<(), VerifyError> {
        rule(LOG_ROWS.contains(&self.log_rows), "log_rows")?;
        let widest = self.log_witness_columns.max(self.log_weight_columns);
        rule(widest <= MAX_LOG_COLUMNS, "log_columns")?;
        rule(
            self.log_rows.saturating_add(widest) <= MAX_LOG_SIZE,
            "oracle size",
        )?;
        self.tensors
            .iter()
            .try_for_each(|t| self.validate_tensor(t))?;
        self.validate_overlap()?;
        self.tables
            .iter()
            .try_for_each(|t| self.validate_table(t))?;
        let mut entries = 0u64;
        for (index, lookup) in self.lookups.iter().enumerate() {
            let table = item(&self.tables, lookup.table);
            let table = table.ok_or(VerifyError::InvalidKey {
                rule: "lookup table",
            })?;
            let two_columns = table.output != TableOutput::None;
            rule(lookup.output.is_some() == two_columns, "lookup width")?;
            let (input, output) = self.table_range(table);
            for (expression, range) in core::iter::once((&lookup.input, input))
                .chain(lookup.output.iter().map(|e| (e, output)))
            {
                self.validate_expression(expression, lookup.log_size, &mut entries)?;
                let value = range.scaled(expression.divisor);
                if !value.joins_without_wrap(expression_range(expression)) {
                    return Err(VerifyError::PossibleWrap {
                        rule: "lookup",
                        index,
                    });
                }
            }
        }
        for (index, zero) in self.zeros.iter().enumerate() {
            rule(zero.expression.divisor == 1, "zero divisor")?;
            self.validate_expression(&zero.expression, zero.log_size, &mut entries)?;
            let range = expression_range(&zero.expression);
            if !Interval::new(0, 0).joins_without_wrap(range) {
                return Err(VerifyError::PossibleWrap {
                    rule: "zero",
                    index,
                });
            }
        }
        self.inputs
            .iter()
            .chain(&self.outputs)
            .try_for_each(|p| self.validate_port(p))?;
        self.validate_shape()
    }

    /// The intervals of a table's two columns.
    fn table_range(&self, table: &Table) -> (Interval, Interval) {
        let last = i64::from(table.base)
            .saturating_add(table.len.into())
            .saturating_sub(1);
        let input = Interval::new(table.base, last);
        let output = match table.output {
            TableOutput::None => input,
            TableOutput::Clamp { lo, hi } => Interval::new(lo, hi),
            TableOutput::Column(id) => {
                item(&self.tensors, id).map_or(input, |t| Interval::new(t.lo, t.hi))
            }
        };
        (input, output)
    }

    fn validate_tensor(&self, tensor: &Tensor) -> Result<(), VerifyError> {
        let columns = match tensor.oracle {
            Oracle::Witness => self.log_witness_columns,
            Oracle::Weights => self.log_weight_columns,
        };
        let variables = u32::from(self.log_rows.saturating_add(columns));
        let size = 1u64.checked_shl(tensor.log_size.into()).unwrap_or(u64::MAX);
        let end = u64::from(tensor.offset).saturating_add(size);
        rule(tensor.log_size <= MAX_LOG_SIZE, "tensor size")?;
        rule(
            end <= 1u64.checked_shl(variables).unwrap_or(0),
            "tensor place",
        )?;
        rule(
            u64::from(tensor.offset).is_multiple_of(size),
            "tensor alignment",
        )?;
        rule(tensor.lo <= tensor.hi, "tensor bounds")
    }

    /// Two tensors of one oracle share no cell: a bound stated for one would bind the other.
    fn validate_overlap(&self) -> Result<(), VerifyError> {
        for oracle in [Oracle::Witness, Oracle::Weights] {
            let own = self.tensors.iter().filter(|t| t.oracle == oracle);
            let mut places: Vec<(u64, u64)> = own
                .map(|t| {
                    let size = 1u64.checked_shl(t.log_size.into()).unwrap_or(u64::MAX);
                    (t.offset.into(), u64::from(t.offset).saturating_add(size))
                })
                .collect();
            places.sort_unstable();
            let apart = places.windows(2).all(|w| match w {
                [(_, end), (start, _)] => end <= start,
                _ => true,
            });
            rule(apart, "tensor overlap")?;
        }
        Ok(())
    }

    fn validate_table(&self, table: &Table) -> Result<(), VerifyError> {
        let rows = 1u32.checked_shl(table.log_size.into()).unwrap_or(0);
        rule(table.log_size <= MAX_LOG_TABLE, "table size")?;
        rule(1 <= table.len && table.len <= rows, "table length")?;
        let (input, _) = self.table_range(table);
        let small = |v: i128| v.abs() < i128::from(MAX_VALUE);
        rule(small(input.lo) && small(input.hi), "table range")?;
        let same_size = |id: TensorId, oracle| {
            let tensor = item(&self.tensors, id);
            tensor.is_some_and(|t| t.oracle == oracle && t.log_size == table.log_size)
        };
        rule(
            same_size(table.multiplicity, Oracle::Witness),
            "table multiplicity",
        )?;
        match table.output {
            TableOutput::None => Ok(()),
            TableOutput::Clamp { lo, hi } => rule(
                lo <= hi && small(lo.into()) && small(hi.into()),
                "table clamp",
            ),
            TableOutput::Column(id) => rule(same_size(id, Oracle::Weights), "table column"),
        }
    }

    fn validate_expression(
        &self,
        expression: &Expression,
        log_size: u8,
        entries: &mut u64,
    ) -> Result<(), VerifyError> {
        rule((1..P).contains(&expression.divisor), "divisor")?;
        rule(log_size <= MAX_LOG_SIZE, "box size")?;
        for term in &expression.terms {
            let operand = |id: TensorId, name| {
                item(&self.tensors, id).ok_or(VerifyError::InvalidKey { rule: name })
            };
            let right = operand(term.right, "term right")?;
            let left = match term.left {
                None => None,
                Some(id) => Some(operand(id, "term left")?),
            };
            rule(
                partition(term.factors.iter().map(|f| f.out), log_size),
                "out bits",
            )?;
            rule(
                partition(
                    term.factors.iter().map(|f| f.left),
                    left.map_or(0, |t| t.log_size),
                ),
                "left bits",
            )?;
            rule(
                partition(term.factors.iter().map(|f| f.right), right.log_size),
                "right bits",
            )?;
            for factor in &term.factors {
                *entries = entries.saturating_add(validate_factor(factor)?);
            }
            rule(*entries <= MAX_ENTRIES, "wiring entries")?;
            rule(term.lo <= term.hi, "term bounds")?;
            let has_weights =
                left.is_some_and(|l| [l, right].iter().any(|t| t.oracle == Oracle::Weights));
            let (lo, hi) = (i128::from(term.lo.min(0)), i128::from(term.hi.max(0)));
            let range = term_range(term, right, left);
            rule(
                has_weights || (lo <= range.lo && range.hi <= hi),
                "term range",
            )?;
        }
        Ok(())
    }

    fn validate_port(&self, port: &Port) -> Result<(), VerifyError> {
        let bits = port
            .dims
            .iter()
            .map(|d| axis_bits(*d))
            .fold(0, u32::saturating_add);
        let tensor = item(&self.tensors, port.tensor);
        let tensor = tensor.ok_or(VerifyError::InvalidKey {
            rule: "port tensor",
        })?;
        rule(port.dims.len() <= MAX_RANK, "port rank")?;
        rule(port.dims.iter().all(|d| *d >= 1), "port dims")?;
        rule(tensor.oracle == Oracle::Witness, "port oracle")?;
        rule(bits == tensor.log_size.into(), "port size")?;
        let small = |v: i32| i64::from(v).abs() < MAX_VALUE;
        rule(small(tensor.lo) && small(tensor.hi), "port range")
    }

    /// Rules on what is derived. So few lookups fit in a field element, hence no multiplicity
    /// wraps; the cap of the weights has its length.
    fn validate_shape(&self) -> Result<(), VerifyError> {
        let shape = Shape::new(self);
        rule(shape.log_leaves <= MAX_LOG_LEAVES, "lookup size")?;
        let cap = shape.words.first().map_or(0, Word::cap_length);
        rule(self.weights.len() == cap, "weight cap")
    }
}

/// Whether the ranges cover each of the `width` lowest bits exactly once and no other.
fn partition(ranges: impl Iterator<Item = Bits>, width: u8) -> bool {
    let mut covered = 0u64;
    for range in ranges {
        let end = u32::from(range.shift).saturating_add(range.count.into());
        if end > width.into() {
            return false;
        }
        let ones = 1u64
            .checked_shl(range.count.into())
            .unwrap_or(0)
            .saturating_sub(1);
        let mask = ones.checked_shl(range.shift.into()).unwrap_or(0);
        if covered & mask != 0 {
            return false;
        }
        covered |= mask;
    }
    covered
        == 1u64
            .checked_shl(width.into())
            .unwrap_or(0)
            .saturating_sub(1)
}

/// Checks a factor and returns the number of entries that its evaluation visits.
fn validate_factor(factor: &Factor) -> Result<u64, VerifyError> {
    let Factor {
        out,
        left,
        right,
        wiring,
    } = factor;
    let room = |bits: &Bits| 1u64.checked_shl(bits.count.into()).unwrap_or(0);
    let all = [out, left, right];
    if !matches!(wiring, Wiring::Diagonal { .. }) {
        rule(all.iter().all(|b| b.count <= MAX_LOG_AXIS), "axis size")?;
    }
    // The tables of `eq` are visited too.
    let tables = all.iter().map(|b| room(b)).fold(0, u64::saturating_add);
    match wiring {
        Wiring::Diagonal { len } => {
            let widths = all.iter().filter(|b| b.count > 0);
            let width = widths.clone().map(|b| b.count).max().unwrap_or(0);
            rule(widths.clone().all(|b| b.count == width), "diagonal widths")?;
            rule(
                *len >= 1 && u64::from(*len) <= 1u64.checked_shl(width.into()).unwrap_or(0),
                "diagonal length",
            )?;
            Ok(width.into())
        }
        Wiring::Window {
            out_len,
            taps,
            right_len,
            stride,
            dilation,
            ..
        } => {
            let fits = |len: &u32, bits| *len >= 1 && u64::from(*len) <= room(bits);
            rule(
                fits(out_len, out) && fits(taps, left) && fits(right_len, right),
                "window",
            )?;
            rule(*stride >= 1 && *dilation >= 1, "window step")?;
            Ok(tables.saturating_add(u64::from(*out_len).saturating_mul((*taps).into())))
        }
        Wiring::Reshape {
            out_dims,
            right_dims,
        } => {
            let bits = |dims: &[u32]| {
                dims.iter()
                    .map(|d| axis_bits(*d))
                    .fold(0, u32::saturating_add)
            };
            let count = |dims: &[u32]| dims.iter().fold(1u64, |n, d| n.saturating_mul((*d).into()));
            let rank = out_dims.len().max(right_dims.len());
            rule(rank <= MAX_RANK, "reshape rank")?;
            rule(bits(out_dims) == out.count.into(), "reshape out")?;
            rule(
                bits(right_dims) == right.count.into() && left.count == 0,
                "reshape right",
            )?;
            rule(
                count(out_dims) == count(right_dims) && count(out_dims) >= 1,
                "reshape count",
            )?;
            Ok(tables.saturating_add(count(out_dims)))
        }
        Wiring::Entries(entries) => {
            let inside = entries.iter().all(|e| {
                [(e.out, out), (e.left, left), (e.right, right)]
                    .iter()
                    .all(|(index, bits)| u64::from(*index) < room(bits))
            });
            rule(inside, "entries")?;
            Ok(tables.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX)))
        }
    }
}
