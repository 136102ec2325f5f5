//! The tree of fractions of the lookup argument and its sumchecks.

use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::multilinear::low;

use super::{Table, bind};
use crate::backend::{Block, Column, FractionTree, LayerSumcheck, Result};
use crate::prove::eq_table;

pub(super) struct Fractions<'a> {
    tables: [&'a Table; 2],
    blocks: &'a [Block<'a>],
    /// Numerators and denominators, from the leaves up; the last has two nodes.
    layers: Vec<[Vec<QM31>; 2]>,
}

/// The value of a column in a row.
fn value(tables: [&Table; 2], column: Column<'_>, row: usize) -> M31 {
    match column {
        Column::Integers(values) => M31::from_i64(values[row].into()),
        Column::Cells(cells) => tables[cells.table()].cells(cells)[row],
        Column::Ramp { base, last, lo, hi } => {
            let ramp = i64::from(base) + (row as i64).min(last.into());
            M31::from_i64(ramp.clamp(lo.into(), hi.into()))
        }
    }
}

impl<'a> Fractions<'a> {
    pub(super) fn new(
        tables: [&'a Table; 2],
        blocks: &'a [Block<'a>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> Self {
        let mut numerators = vec![QM31::ZERO; 1 << log_leaves];
        let mut denominators = vec![QM31::ONE; 1 << log_leaves];
        for block in blocks {
            for row in 0..1 << block.log_size {
                let leaf = block.offset + row;
                numerators[leaf] = match block.multiplicities {
                    None => QM31::ONE,
                    Some(cells) => -QM31::from(value(tables, Column::Cells(cells), row)),
                };
                let [input, output] =
                    [block.input, block.output].map(|c| value(tables, c, row).into());
                denominators[leaf] = fingerprint.denominator(block.tag, input, output);
            }
        }
        let mut layers = vec![[numerators, denominators]];
        while let Some([n, d]) = layers.last().filter(|[n, _]| n.len() > 2) {
            let half = n.len() / 2;
            let next = [
                (0..half)
                    .map(|i| n[i] * d[i + half] + n[i + half] * d[i])
                    .collect(),
                (0..half).map(|i| d[i] * d[i + half]).collect(),
            ];
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
        Ok([n[0], n[1], d[0], d[1]])
    }

    fn layer(
        &mut self,
        depth: usize,
        batch: QM31,
        weight: &[QM31],
    ) -> Result<Box<dyn LayerSumcheck + '_>> {
        self.layers.retain(|[n, _]| n.len() >= 2 << depth);
        let [mut n0, mut d0] = self.layers.pop().expect("a layer of the depth");
        let (n1, d1) = (n0.split_off(1 << depth), d0.split_off(1 << depth));
        Ok(Box::new(Layer {
            values: [n0, n1, d0, d1],
            batch,
            weight: weight.to_vec(),
        }))
    }

    fn columns(&self, point: &[QM31]) -> Result<Vec<QM31>> {
        let mut columns = Vec::new();
        for block in self.blocks {
            let eq = eq_table(low(point, block.log_size as usize));
            for column in block.columns() {
                let rows = eq.iter().enumerate();
                columns.push(
                    rows.map(|(row, e)| *e * value(self.tables, column, row))
                        .sum(),
                );
            }
        }
        Ok(columns)
    }
}

/// `sum_x eq(weight, x) (n0 d1 + n1 d0 + batch d0 d1)(x)`.
struct Layer {
    /// `n0, n1, d0, d1`.
    values: [Vec<QM31>; 4],
    batch: QM31,
    /// The coordinates that are not bound.
    weight: Vec<QM31>,
}

impl LayerSumcheck for Layer {
    fn round(&mut self) -> Result<[QM31; 2]> {
        let eq = eq_table(&self.weight[1..]);
        let half = eq.len();
        let gate = |[n0, n1, d0, d1]: [QM31; 4]| n0 * d1 + n1 * d0 + self.batch * d0 * d1;
        let mut sums = [QM31::ZERO; 2];
        for (i, e) in eq.into_iter().enumerate() {
            let low = self.values.each_ref().map(|v| v[i]);
            let slope = self.values.each_ref().map(|v| v[i + half] - v[i]);
            sums[0] += e * gate(low);
            sums[1] += e * gate(slope);
        }
        Ok(sums)
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        self.values.iter_mut().for_each(|v| bind(v, r));
        self.weight.remove(0);
        Ok(())
    }

    fn halves(&mut self) -> Result<[QM31; 4]> {
        Ok(self.values.each_ref().map(|v| v[0]))
    }
}
