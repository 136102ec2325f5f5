//! The opening on the device: combining columns, folding words and committing to them.

use std::sync::Arc;

use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::ColumnOps;
use stwo_ml_cuda::column::SecureColumn;
use stwo_ml_cuda::memory::Words;
use stwo_ml_cuda::{CudaBackend, CudaError, multilinear};
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::proof::Coset;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::{Cuda, Table, Tree};
use crate::backend::lanes::{from_secure, to_secure};
use crate::backend::{Folding, Result};

pub(super) struct Folded<'a> {
    backend: &'a Cuda,
    message: multilinear::Message,
    codeword: SecureColumn,
    inverses: Arc<Vec<Words>>,
    /// Folds so far.
    folds: usize,
    layers: Vec<(Word, Tree)>,
}

impl<'a> Folded<'a> {
    pub(super) fn new(
        backend: &'a Cuda,
        tables: [&Table; 2],
        coefficients: [&[QM31]; 2],
        row: &[QM31],
        level: Parameters,
    ) -> std::result::Result<Self, CudaError> {
        let secure = |values: &[QM31]| values.iter().map(|v| to_secure(*v)).collect::<Vec<_>>();
        let [witness, weights] = coefficients.map(secure);
        let cells = tables.map(|table| &table.cells);
        let row = secure(row);
        let message = multilinear::Message::combine(cells, [&witness, &weights], &row)?;
        let (log_rows, log_blowup) = (tables[0].log_rows, u32::from(level.log_blowup));
        let mut reversed = message.values().clone();
        let reverse = || <CudaBackend as ColumnOps<SecureField>>::bit_reverse_column(&mut reversed);
        backend.context.enter(reverse)?;
        let planes = backend.encode(reversed.planes.into(), log_rows, log_blowup)?;
        Ok(Self {
            backend,
            message,
            codeword: SecureColumn {
                planes: planes.try_into().expect("four planes"),
            },
            inverses: backend.inverses(log_rows + log_blowup)?,
            folds: 0,
            layers: Vec::new(),
        })
    }
}

impl Folding for Folded<'_> {
    fn round(&mut self) -> Result<[QM31; 2]> {
        Ok(self.message.round()?.map(from_secure))
    }

    fn fold(&mut self, r: QM31) -> Result<()> {
        let r = to_secure(r);
        self.message.bind(r)?;
        self.codeword = multilinear::fold(&self.codeword, &self.inverses[self.folds], r)?;
        self.folds += 1;
        Ok(())
    }

    fn commit(&mut self, word: Word) -> Result<Vec<Digest>> {
        let context = &self.backend.context;
        let columns = multilinear::cosets(context, &self.codeword, word.log_coset.into())?;
        let tree = self.backend.tree(columns, word.log_cosets().into())?;
        let cap = tree.cap(word.log_cap.into())?;
        self.layers.push((word, tree));
        Ok(cap)
    }

    fn message(&mut self) -> Result<Vec<QM31>> {
        let values = self.message.download()?;
        Ok(values.into_iter().map(from_secure).collect())
    }

    fn open(&self, layer: usize, cosets: &[usize]) -> Result<Vec<Coset>> {
        let (word, tree) = &self.layers[layer];
        let rows = tree.rows(cosets)?.into_iter();
        let coset = |(row, path): (Vec<_>, _)| {
            let quads = row.as_chunks::<4>().0.iter();
            Coset {
                values: quads.map(|quad| QM31::from_coordinates(*quad)).collect(),
                path,
            }
        };
        Ok(rows.zip(tree.paths(*word, cosets)?).map(coset).collect())
    }

    #[cfg(feature = "test-levels")]
    fn corrupt(&mut self) -> Result<()> {
        let one = to_secure(QM31::ONE);
        Ok(multilinear::add_constant(&mut self.codeword, one)?)
    }
}
