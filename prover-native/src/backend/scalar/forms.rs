//! Forms, written out.

use stwo_ml_verifier::field::{M31, QM31};

use super::Table;
use crate::backend::description::digit;
use crate::backend::{Cells, Contracted, Form, Part};

/// The coefficients of a form over `base`.
pub(super) fn write_out(tables: [&Table; 2], base: Cells, form: &Form) -> Vec<QM31> {
    match form {
        Form::Sum(parts) => {
            let mut table = vec![QM31::ZERO; 1 << base.log_size];
            for part in parts {
                let own = expand(part);
                let target = &mut table[part.offset..][..own.len()];
                target.iter_mut().zip(own).for_each(|(t, v)| *t += v);
            }
            table
        }
        Form::Contracted(form) => contract(form, tables[form.left.table()].cells(form.left)),
    }
}

fn expand(part: &Part) -> Vec<QM31> {
    let mut table = vec![part.scale];
    for axis in &part.axes {
        table = axis
            .iter()
            .flat_map(|v| table.iter().map(move |t| *t * *v))
            .collect();
    }
    table
}

fn contract(form: &Contracted, left: &[M31]) -> Vec<QM31> {
    let mut table: Vec<QM31> = left.iter().map(|v| QM31::from(*v)).collect();
    for step in &form.replacements {
        let low = 1usize << step.shift;
        let (old, new) = (low << step.old, low << step.new);
        let mut replaced = vec![QM31::ZERO; table.len() / old * new];
        for (from, to) in table.chunks(old).zip(replaced.chunks_mut(new)) {
            for (o, n, weight) in &step.entries {
                let from = &from[*o as usize * low..][..low];
                let to = &mut to[*n as usize * low..][..low];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(t, f)| *t += *weight * *f);
            }
        }
        table = replaced;
    }
    let coefficient = |index: usize| {
        let factors = form.spread.iter();
        let factors = factors.map(|(bits, values)| values[digit(index, *bits)]);
        form.scale * table[form.source(index)] * factors.product::<QM31>()
    };
    (0..1 << form.log_size).map(coefficient).collect()
}
