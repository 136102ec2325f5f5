//! Linear forms written out on the device from tables that are small beside them.

use std::collections::BTreeSet;
use std::sync::Arc;

use num_traits::One;
use stwo::core::fields::qm31::SecureField;

use super::{Result, add_shares, entries, planes, planes_mut, qm31};
use crate::column::SecureColumn;
use crate::context::CudaContext;
use crate::launch::{self, Grid};
use crate::memory::Words;

/// The outer product of two tables, the first in the low bits, on a run of cells.
#[derive(Clone, Debug)]
pub struct Part {
    /// First cell of the run.
    pub offset: usize,
    /// A power of two of entries.
    pub low: Vec<SecureField>,
    /// Any number of entries.
    pub high: Vec<SecureField>,
}

impl Part {
    fn end(&self) -> usize {
        self.offset + self.low.len() * self.high.len()
    }
}

/// Most cells of a block of the kernel.
const CHUNK: usize = 1 << 10;

/// The sum of the parts over `cells` cells, zero where none is.
///
/// # Errors
/// [`crate::CudaError::OutOfMemory`] and driver errors.
pub fn form(context: &Arc<CudaContext>, cells: usize, parts: &[Part]) -> Result<SecureColumn> {
    let mut values = Vec::new();
    let mut described = Vec::with_capacity(parts.len());
    for part in parts {
        let low = values.len() as u32 / 4;
        values.extend(entries(&part.low));
        let high = values.len() as u32 / 4;
        values.extend(entries(&part.high));
        described.push([part.offset as u32, part.low.len().ilog2(), low, high]);
    }
    let (chunks, lists) = chunks(cells, parts, &described);
    let values = Words::list(context, values)?;
    let lists = Words::list(context, lists)?;
    let count = chunks.len() as u32 / 4;
    let chunks = Words::list(context, chunks)?;
    let mut form = SecureColumn::allocate(context, cells)?;
    let [a, b, c, d] = planes_mut(&mut form)?;
    let grid = Grid {
        blocks: (count, 1),
        threads: Grid::linear(cells.min(CHUNK)).threads,
        shared_bytes: 0,
    };
    let (chunks, lists, values) = (chunks.ptr(), lists.ptr(), values.ptr());
    launch::write_form(context, grid, a, b, c, d, chunks, lists, values)?;
    Ok(form)
}

/// Cuts the cells at the ends of all parts, and what lies between into chunks; lists the parts
/// that cover each.
fn chunks(cells: usize, parts: &[Part], described: &[[u32; 4]]) -> (Vec<u32>, Vec<u32>) {
    let mut cuts: BTreeSet<usize> = parts.iter().flat_map(|p| [p.offset, p.end()]).collect();
    cuts.extend([0, cells]);
    let cuts: Vec<usize> = cuts.into_iter().collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|p| parts[*p].offset);
    let mut waiting = order.into_iter().peekable();
    let mut active: Vec<usize> = Vec::new();
    let (mut chunks, mut lists): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for cut in cuts.windows(2) {
        let (start, end) = (cut[0], cut[1]);
        active.retain(|p| parts[*p].end() > start);
        while let Some(part) = waiting.next_if(|p| parts[*p].offset <= start) {
            active.push(part);
        }
        let first = lists.len() as u32 / 4;
        lists.extend(active.iter().flat_map(|p| described[*p]));
        let last = lists.len() as u32 / 4;
        for from in (start..end).step_by(CHUNK) {
            let to = (from + CHUNK).min(end);
            chunks.extend([from as u32, to as u32, first, last]);
        }
    }
    (chunks, lists)
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
    pub entries: Vec<(u32, u32, SecureField)>,
}

/// The coefficients of the right operand of a bilinear term: coefficient `i` is
/// `scale * table[sum_g (digit g of i) << shift_g] * prod_s values_s[digit s of i]`, where the
/// table is the left operand with digits replaced one after the other.
#[derive(Clone, Debug)]
pub struct Contraction {
    /// The left operand's cells.
    pub left: Words,
    /// Digits to replace.
    pub replacements: Vec<Replacement>,
    /// Base-two logarithm of the number of coefficients.
    pub log_size: u32,
    /// Shift and bits of digits of the coefficient's index, and their shifts in the table's.
    pub gather: Vec<([u32; 2], u32)>,
    /// Shift and bits of digits of the coefficient's index, and a factor for each value.
    pub spread: Vec<([u32; 2], Vec<SecureField>)>,
    /// Factor of every coefficient.
    pub scale: SecureField,
}

/// A table under replacement.
enum Table<'a> {
    Cells(&'a Words),
    Secure(Box<SecureColumn>),
}

/// Writes out the coefficients.
///
/// # Errors
/// [`crate::CudaError::OutOfMemory`] and driver errors.
pub fn contracted_form(contraction: &Contraction) -> Result<SecureColumn> {
    let context = contraction.left.context();
    let identity = [Replacement {
        shift: 0,
        old: 0,
        new: 0,
        entries: vec![(0, 0, SecureField::one())],
    }];
    let steps = match &contraction.replacements[..] {
        [] => &identity,
        steps => steps,
    };
    let mut table = Table::Cells(&contraction.left);
    for step in steps {
        table = Table::Secure(Box::new(replace(context, &table, step)?));
    }
    let Table::Secure(table) = table else {
        unreachable!("there is a step");
    };
    let (mut fields, mut values) = (Vec::new(), Vec::new());
    for ([shift, bits], to) in &contraction.gather {
        fields.extend([*shift, *bits, *to]);
    }
    for ([shift, bits], factors) in &contraction.spread {
        fields.extend([*shift, *bits, values.len() as u32 / 4]);
        values.extend(entries(factors));
    }
    let fields = Words::list(context, fields)?;
    let values = Words::list(context, values)?;
    let count = 1usize << contraction.log_size;
    let mut form = SecureColumn::allocate(context, count)?;
    let (t, [a, b, c, d]) = (planes(&table), planes_mut(&mut form)?);
    launch::spread_form(
        context,
        Grid::linear(count),
        t[0],
        t[1],
        t[2],
        t[3],
        fields.ptr(),
        contraction.gather.len() as u32,
        contraction.spread.len() as u32,
        values.ptr(),
        qm31(contraction.scale),
        a,
        b,
        c,
        d,
        count as u64,
    )?;
    Ok(form)
}

/// Threads that keep a device busy.
const BUSY: usize = 1 << 16;

fn replace(
    context: &Arc<CudaContext>,
    table: &Table<'_>,
    step: &Replacement,
) -> Result<SecureColumn> {
    // Entries by their new digit.
    let mut sorted = step.entries.clone();
    sorted.sort_by_key(|(_, new, _)| *new);
    let starts: Vec<u32> = (0..=1u32 << step.new)
        .map(|n| sorted.partition_point(|(_, new, _)| *new < n) as u32)
        .collect();
    let digits: Vec<u32> = sorted.iter().map(|(old, ..)| *old).collect();
    let weights = entries(sorted.iter().map(|(.., weight)| weight));
    let longest = starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0) as usize;
    let starts = Words::list(context, starts)?;
    let digits = Words::list(context, digits)?;
    let weights = Words::list(context, weights)?;

    let length = match table {
        Table::Cells(cells) => cells.len(),
        Table::Secure(column) => column.len(),
    };
    let count = (length >> step.old) << step.new;
    // Where the outputs are few, several threads share the entries of one.
    let shares = (BUSY / count).min(longest / 16).clamp(1, 256);
    let mut new = SecureColumn::allocate(context, count * shares)?;
    let [a, b, c, d] = planes_mut(&mut new)?;
    let grid = Grid::rows(count, shares);
    let (s, g, w) = (starts.ptr(), digits.ptr(), weights.ptr());
    let (shift, old, new_bits, n) = (step.shift, step.old, step.new, count as u64);
    match table {
        Table::Cells(cells) => launch::replace_digit_m31(
            context,
            grid,
            cells.ptr(),
            s,
            g,
            w,
            shift,
            old,
            new_bits,
            a,
            b,
            c,
            d,
            n,
        )?,
        Table::Secure(column) => {
            let t = planes(column);
            launch::replace_digit_qm31(
                context, grid, t[0], t[1], t[2], t[3], s, g, w, shift, old, new_bits, a, b, c, d, n,
            )?;
        }
    }
    if shares == 1 {
        return Ok(new);
    }
    add_shares(&new, shares)
}
