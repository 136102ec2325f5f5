//! The tree of fractions of the lookup argument and its sumchecks.

use rayon::prelude::*;
use stwo::prover::backend::simd::qm31::PackedQM31;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::multilinear::low;

use super::Table;
use crate::backend::lanes::{Lanes, PARALLEL, Values, sum};
use crate::backend::{Block, Column, FractionTree, LayerSumcheck, Result};
use crate::prove::eq_table;

pub(super) struct Fractions<'a> {
    tables: [&'a Table; 2],
    blocks: &'a [Block<'a>],
    /// Numerators and denominators, from the leaves up; the last has two nodes.
    layers: Vec<[Values; 2]>,
}

fn element(v: i32) -> M31 {
    M31::from_i64(v.into())
}

/// A column's value in every row, by index.
fn rows<'a>(tables: [&'a Table; 2], column: Column<'a>) -> Box<dyn Fn(usize) -> M31 + Sync + 'a> {
    match column {
        Column::Integers(values) => Box::new(|row| element(values[row])),
        Column::Cells(cells) => {
            let values = tables[cells.table()].cells(cells);
            Box::new(|row| values[row])
        }
        Column::Ramp { base, last, lo, hi } => {
            Box::new(move |row| element((base + (row as i32).min(last)).clamp(lo, hi)))
        }
    }
}

/// Numerators and denominators of all leaves.
fn leaves(
    tables: [&Table; 2],
    blocks: &[Block<'_>],
    log_leaves: u32,
    fingerprint: Fingerprint,
) -> [Vec<QM31>; 2] {
    let mut numerators = vec![QM31::ZERO; 1 << log_leaves];
    let mut denominators = vec![QM31::ONE; 1 << log_leaves];
    for block in blocks {
        let range = block.offset..block.offset + (1 << block.log_size);
        let (numerators, denominators) = (&mut numerators[range.clone()], &mut denominators[range]);
        match block.multiplicities {
            None => numerators.fill(QM31::ONE),
            Some(cells) => numerators
                .iter_mut()
                .zip(tables[cells.table()].cells(cells))
                .for_each(|(n, m)| *n = -QM31::from(*m)),
        }
        let (input, output) = (rows(tables, block.input), rows(tables, block.output));
        denominators
            .par_iter_mut()
            .with_min_len(1024)
            .enumerate()
            .for_each(|(row, d)| {
                let (input, output) = (input(row).into(), output(row).into());
                *d = fingerprint.denominator(block.tag, input, output);
            });
    }
    [numerators, denominators]
}

impl<'a> Fractions<'a> {
    pub(super) fn new(
        tables: [&'a Table; 2],
        blocks: &'a [Block<'a>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> Self {
        let leaves = leaves(tables, blocks, log_leaves, fingerprint);
        let mut layers = vec![leaves.each_ref().map(|v| Values::new(v))];
        drop(leaves);
        for _ in 1..log_leaves {
            let next = next_layer(layers.last().expect("a layer"));
            layers.push(next);
        }
        Self {
            tables,
            blocks,
            layers,
        }
    }
}

impl FractionTree for Fractions<'_> {
    fn root(&self) -> Result<[QM31; 4]> {
        let [n, d] = self.layers.last().expect("a layer");
        let (n, d) = (n.scalars(), d.scalars());
        Ok([n[0], n[1], d[0], d[1]])
    }

    fn layer(
        &mut self,
        depth: usize,
        batch: QM31,
        weight: &[QM31],
    ) -> Result<Box<dyn LayerSumcheck + '_>> {
        self.layers.retain(|[n, _]| n.len() >= 2 << depth);
        let [n, d] = self.layers.pop().expect("a layer of the depth");
        let ([mut n0, n1], [d0, d1]) = (n.halves(), d.halves());
        // n0 d1 + n1 d0 + batch d0 d1 = (n0 + batch d0) d1 + n1 d0.
        match (&mut n0, &d0) {
            (Values::Packed(n), Values::Packed(d)) => add_scaled(n, d, PackedQM31::splat(batch)),
            (Values::Scalar(n), Values::Scalar(d)) => add_scaled(n, d, batch),
            _ => unreachable!("numerators and denominators have one length"),
        }
        let mut suffixes = vec![Values::Scalar(vec![QM31::ONE])];
        let mut table = vec![QM31::ONE];
        for w in weight.iter().skip(1).rev() {
            let high: Vec<QM31> = table.iter().map(|e| *e * *w).collect();
            table.iter_mut().zip(&high).for_each(|(e, h)| *e -= *h);
            table.extend(high);
            suffixes.push(Values::new(&table));
        }
        Ok(Box::new(LayerState {
            values: [n0, n1, d0, d1],
            batch,
            suffixes,
        }))
    }

    fn columns(&self, point: &[QM31]) -> Result<Vec<QM31>> {
        // Blocks of one size share their table of eq.
        let mut tables: Vec<Option<Vec<QM31>>> = vec![None; point.len() + 1];
        let mut columns = Vec::new();
        for block in self.blocks {
            let size = block.log_size as usize;
            let eq = &*tables[size].get_or_insert_with(|| eq_table(low(point, size)));
            for column in block.columns() {
                let value = rows(self.tables, column);
                columns.push(sum(eq.len(), |row| [eq[row] * value(row)])[0]);
            }
        }
        Ok(columns)
    }
}

/// Adds the fractions of the two halves.
fn next_layer([n, d]: &[Values; 2]) -> [Values; 2] {
    fn add<F: Lanes>(n: &[F], d: &[F]) -> (Vec<F>, Vec<F>) {
        let half = n.len() / 2;
        let at = |i: usize| (n[i] * d[i + half] + n[i + half] * d[i], d[i] * d[i + half]);
        if half >= PARALLEL {
            (0..half).into_par_iter().map(at).unzip()
        } else {
            (0..half).map(at).unzip()
        }
    }
    match (n, d) {
        (Values::Packed(n), Values::Packed(d)) if n.len() >= 4 => {
            let (n, d) = add(n, d);
            [Values::Packed(n), Values::Packed(d)]
        }
        _ => {
            let (n, d) = add(&n.scalars(), &d.scalars());
            [Values::Scalar(n), Values::Scalar(d)]
        }
    }
}

fn add_scaled<F: Lanes>(target: &mut [F], other: &[F], factor: F) {
    target
        .par_iter_mut()
        .zip(other.par_iter())
        .for_each(|(t, o)| *t = *t + factor * *o);
}

/// `sum_x eq(w, x) (m0 d1 + n1 d0)(x)` with `m0 = n0 + batch d0`.
struct LayerState {
    /// `m0, n1, d0, d1`.
    values: [Values; 4],
    batch: QM31,
    /// Tables of `eq` over the coordinates after the current one; the last is current.
    suffixes: Vec<Values>,
}

fn layer_round<F: Lanes>([m0, n1, d0, d1]: [&[F]; 4], eq: &[F]) -> [QM31; 2] {
    let half = eq.len();
    sum(half, |i| {
        let (a, b, c, d) = (m0[i], n1[i], d0[i], d1[i]);
        let (x, y, z, w) = (
            m0[i + half] - a,
            n1[i + half] - b,
            d0[i + half] - c,
            d1[i + half] - d,
        );
        [eq[i] * (a * d + b * c), eq[i] * (x * w + y * z)]
    })
}

impl LayerSumcheck for LayerState {
    fn round(&mut self) -> Result<[QM31; 2]> {
        let eq = self.suffixes.pop().expect("a variable is left");
        Ok(match (&self.values, &eq) {
            (
                [
                    Values::Packed(a),
                    Values::Packed(b),
                    Values::Packed(c),
                    Values::Packed(d),
                ],
                Values::Packed(eq),
            ) => layer_round([a, b, c, d], eq),
            (values, eq) => {
                let [a, b, c, d] = values.each_ref().map(Values::scalars);
                layer_round([&a, &b, &c, &d], &eq.scalars())
            }
        })
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        self.values.iter_mut().for_each(|v| v.bind(r));
        Ok(())
    }

    fn halves(&mut self) -> Result<[QM31; 4]> {
        let [m0, n1, d0, d1] = self.values.each_ref().map(Values::single);
        Ok([m0 - self.batch * d0, n1, d0, d1])
    }
}
