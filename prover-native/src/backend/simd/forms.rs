//! Forms, written out in packed loops.

use rayon::prelude::*;
use stwo::prover::backend::simd::m31::N_LANES;
use stwo::prover::backend::simd::qm31::PackedQM31;
use stwo_ml_verifier::field::QM31;

use super::Table;
use crate::backend::description::digit;
use crate::backend::lanes::{Lanes, Values, from_secure, pack, to_secure};
use crate::backend::{Cells, Contracted, Form, Part, Replacement};

/// The coefficients of a form over `base`.
pub(super) fn write_out(tables: [&Table; 2], base: Cells, form: &Form) -> Values {
    match form {
        Form::Sum(parts) if base.log_size >= 5 => {
            let mut table = vec![PackedQM31::splat(QM31::ZERO); (1 << base.log_size) / N_LANES];
            parts.iter().for_each(|part| add(&mut table, part));
            Values::Packed(table)
        }
        Form::Sum(parts) => {
            let mut table = vec![QM31::ZERO; 1 << base.log_size];
            for part in parts {
                let [low, high] = part.halves(usize::MAX);
                let target = table[part.offset..].iter_mut().zip(&low);
                target.for_each(|(t, v)| *t += *v * high[0]);
            }
            Values::Scalar(table)
        }
        Form::Contracted(form) => {
            let left = tables[form.left.table()].cells(form.left);
            let mut steps = form.replacements.iter();
            let table = match steps.next() {
                None => vec![QM31::from(left[0])],
                Some(first) => steps.fold(replace(left, first), |t, step| replace(&t, step)),
            };
            Values::new(&spread(form, &table))
        }
    }
}

/// Cells of the lower factor of a part: few enough to stay in a cache, enough for long loops.
const RUN: usize = 1 << 10;

/// Adds a part to a packed table.
fn add(table: &mut [PackedQM31], part: &Part) {
    let [low, high] = part.halves(RUN);
    if low.len() < N_LANES {
        // The whole run lies in one vector.
        let vector = &mut table[part.offset / N_LANES];
        let mut lanes = vector.to_array();
        let own = &mut lanes[part.offset % N_LANES..];
        for (lane, v) in own.iter_mut().zip(&low) {
            *lane = to_secure(from_secure(*lane) + *v * high[0]);
        }
        *vector = PackedQM31::from_array(lanes);
        return;
    }
    let low = pack(&low);
    let own = &mut table[part.offset / N_LANES..][..low.len() * high.len()];
    own.par_chunks_mut(low.len())
        .zip(&high)
        .with_min_len(RUN.div_ceil(low.len()))
        .for_each(|(run, factor)| {
            let factor = PackedQM31::splat(*factor);
            run.iter_mut()
                .zip(&low)
                .for_each(|(t, v)| *t += factor * *v);
        });
}

/// `new[high, n, low] = sum over entries (o, n, w) of w old[high, o, low]`.
fn replace<T>(old: &[T], step: &Replacement) -> Vec<QM31>
where
    T: Copy + Sync,
    QM31: std::ops::Mul<T, Output = QM31>,
{
    let low = 1usize << step.shift;
    let (old_block, new_block) = (low << step.old, low << step.new);
    let mut new = vec![QM31::ZERO; old.len() / old_block * new_block];
    // Blocks are independent; within the only block of the highest axis, runs of cells are.
    let run = low.clamp(1, 256);
    new.par_chunks_mut(new_block)
        .zip(old.par_chunks(old_block))
        .for_each(|(new, old)| {
            let new = Target(new.as_mut_ptr());
            (0..low / run).into_par_iter().for_each(|part| {
                let new = &new;
                let start = part * run;
                for &(o, n, weight) in &step.entries {
                    let source = &old[o as usize * low + start..][..run];
                    let first = n as usize * low + start;
                    // SAFETY: parts touch disjoint runs of every row of the block, all inside it.
                    let target = unsafe { std::slice::from_raw_parts_mut(new.0.add(first), run) };
                    let pairs = target.iter_mut().zip(source);
                    pairs.for_each(|(t, s)| *t += weight * *s);
                }
            });
        });
    new
}

/// A block that parallel tasks write in disjoint runs.
struct Target(*mut QM31);
// SAFETY: `replace` gives every task its own cells.
unsafe impl Sync for Target {}

/// The coefficients, from the contracted table.
fn spread(form: &Contracted, table: &[QM31]) -> Vec<QM31> {
    (0..1usize << form.log_size)
        .into_par_iter()
        .with_min_len(1024)
        .map(|index| {
            let first = table[form.source(index)] * form.scale;
            let factors = form.spread.iter();
            factors.fold(first, |v, (bits, values)| v * values[digit(index, *bits)])
        })
        .collect()
}
