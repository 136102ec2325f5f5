//! The tree of fractions of the lookup argument and its sumchecks, on the device.

use std::sync::Arc;

use stwo_ml_cuda::column::SecureColumn;
use stwo_ml_cuda::memory::Words;
use stwo_ml_cuda::multilinear::{self, Fractions, LayerSum, Sums, eq_table, integers};
use stwo_ml_cuda::{CudaContext, CudaError};
use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::multilinear::low;

use super::Table;
use crate::backend::lanes::{from_secure, to_secure};
use crate::backend::{Block, Column, FractionTree, LayerSumcheck, Result};

pub(super) struct Tree<'a> {
    context: &'a Arc<CudaContext>,
    fractions: Fractions,
    /// The columns without a closed form, with the logarithm of their length, in order.
    columns: Vec<(u32, Words)>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(
        context: &'a Arc<CudaContext>,
        tables: [&Table; 2],
        blocks: &[Block<'_>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> std::result::Result<Self, CudaError> {
        let mut columns = Vec::new();
        let mut described = Vec::with_capacity(blocks.len());
        for block in blocks {
            let mut keep = |words: Words| {
                columns.push((block.log_size, words.clone()));
                words
            };
            let multiplicities = block
                .multiplicities
                .map(|cells| keep(tables[cells.table()].cells(cells)));
            let mut column = |column: Column<'_>| {
                Ok(match column {
                    Column::Integers(values) => {
                        multilinear::Column::Values(keep(integers(context, values)?))
                    }
                    Column::Cells(cells) => {
                        multilinear::Column::Values(keep(tables[cells.table()].cells(cells)))
                    }
                    Column::Ramp { base, last, lo, hi } => {
                        multilinear::Column::Ramp { base, last, lo, hi }
                    }
                })
            };
            let (input, output) = (column(block.input)?, column(block.output)?);
            described.push(multilinear::Block {
                offset: block.offset,
                log_size: block.log_size,
                multiplicities,
                shifted: to_secure(fingerprint.alpha - block.tag),
                input,
                output,
            });
        }
        let beta = to_secure(fingerprint.beta);
        Ok(Self {
            context,
            fractions: Fractions::new(context, &described, log_leaves, beta)?,
            columns,
        })
    }
}

impl FractionTree for Tree<'_> {
    fn root(&self) -> Result<[QM31; 4]> {
        Ok(self.fractions.root()?.map(from_secure))
    }

    fn layer(
        &mut self,
        depth: usize,
        batch: QM31,
        weight: &[QM31],
    ) -> Result<Box<dyn LayerSumcheck + '_>> {
        let weight: Vec<_> = weight.iter().map(|w| to_secure(*w)).collect();
        let layer = self.fractions.layer(depth, to_secure(batch), &weight)?;
        Ok(Box::new(Layer(layer)))
    }

    fn columns(&self, point: &[QM31]) -> Result<Vec<QM31>> {
        // Columns of one length share their table of eq.
        let mut tables: Vec<Option<SecureColumn>> = vec![None; point.len() + 1];
        let mut sums = Sums::new(self.context, self.columns.len())?;
        for (log_size, values) in &self.columns {
            let table = &mut tables[*log_size as usize];
            if table.is_none() {
                let own = low(point, *log_size as usize).iter();
                let own: Vec<_> = own.map(|p| to_secure(*p)).collect();
                *table = Some(eq_table(self.context, &own, to_secure(QM31::ONE))?);
            }
            sums.dot(values, table.as_ref().expect("made above"))?;
        }
        Ok(sums.download()?.into_iter().map(from_secure).collect())
    }
}

struct Layer(LayerSum);

impl LayerSumcheck for Layer {
    fn round(&mut self) -> Result<[QM31; 2]> {
        Ok(self.0.round()?.map(from_secure))
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        Ok(self.0.bind(to_secure(r))?)
    }

    fn halves(&mut self) -> Result<[QM31; 4]> {
        Ok(self.0.halves()?.map(from_secure))
    }
}
