//! The opening of committed tables: a message that is bound variable by variable, and its word.

use std::sync::Arc;

use num_traits::One;
use stwo::core::fields::qm31::SecureField;

use super::{Result, Sums, entries, eq_table, fix_first_secure, planes, planes_mut, qm31};
use crate::column::{BaseColumn, SecureColumn};
use crate::context::CudaContext;
use crate::launch::{self, Grid};
use crate::memory::Words;

/// A combination of columns, to be evaluated at a point.
#[derive(Debug)]
pub struct Message {
    values: SecureColumn,
    /// `eq` of the coordinates that are not bound.
    eq: SecureColumn,
    /// `eq` of the coordinates after the current one, once a round has computed it.
    rest: Option<SecureColumn>,
}

impl Message {
    /// The columns of two tables of `2^log_rows` rows, combined with the coefficients.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn combine(
        tables: [&Words; 2],
        coefficients: [&[SecureField]; 2],
        row: &[SecureField],
    ) -> Result<Self> {
        let context = tables[0].context();
        let rows = 1usize << row.len();
        for (table, coefficients) in tables.iter().zip(coefficients) {
            assert_eq!(
                table.len(),
                coefficients.len() * rows,
                "a factor per column"
            );
        }
        let factors = coefficients.map(|c| Words::list(context, entries(c)));
        let [first, second] = factors;
        let (first, second) = (first?, second?);
        let mut values = SecureColumn::allocate(context, rows)?;
        let [a, b, c, d] = planes_mut(&mut values)?;
        let [n0, n1] = coefficients.map(|c| c.len() as u32);
        let (grid, log_rows) = (Grid::linear(rows), row.len() as u32);
        let (cells0, cells1) = (tables[0].ptr(), tables[1].ptr());
        let (factors0, factors1) = (first.ptr(), second.ptr());
        launch::combine_columns(
            context, grid, cells0, factors0, n0, cells1, factors1, n1, log_rows, a, b, c, d,
        )?;
        Ok(Self {
            values,
            eq: eq_table(context, row, SecureField::one())?,
            rest: None,
        })
    }

    /// The values.
    pub fn values(&self) -> &SecureColumn {
        &self.values
    }

    /// The evaluations of the two halves at the later coordinates of the point.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn round(&mut self) -> Result<[SecureField; 2]> {
        let context = Arc::clone(self.values.context());
        let half = self.values.len() / 2;
        let mut rest = SecureColumn::allocate(&context, half)?;
        let mut sums = Sums::new(&context, 2)?;
        sums.add(half, 2, |grid, partials| {
            let (m, e) = (planes(&self.values), planes(&self.eq));
            let [a, b, c, d] = planes_mut(&mut rest)?;
            launch::folding_round(
                &context,
                grid,
                m[0],
                m[1],
                m[2],
                m[3],
                e[0],
                e[1],
                e[2],
                e[3],
                a,
                b,
                c,
                d,
                half as u64,
                partials,
            )
        })?;
        self.rest = Some(rest);
        Ok(sums.download()?.try_into().expect("two sums"))
    }

    /// Binds the highest variable.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn bind(&mut self, r: SecureField) -> Result<()> {
        self.values = fix_first_secure(&self.values, 1, r)?;
        self.eq = match self.rest.take() {
            Some(rest) => rest,
            None => super::add_halves(&self.eq)?,
        };
        Ok(())
    }

    /// Copies the values to the host.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn download(&self) -> Result<Vec<SecureField>> {
        let count = self.values.len();
        let mut values = Sums::new(self.values.context(), count)?;
        values.read(&self.values, count)?;
        values.download()
    }
}

/// Folds a word with the inverse twiddles of its pairs: even part by `1 - r`, odd part by `r`.
///
/// # Errors
/// [`crate::CudaError::OutOfMemory`] and driver errors.
///
/// # Panics
/// Unless there is an inverse for every pair.
pub fn fold(word: &SecureColumn, inverses: &Words, r: SecureField) -> Result<SecureColumn> {
    let (context, count) = (word.context(), word.len() / 2);
    assert_eq!(inverses.len(), count, "an inverse for every pair");
    let mut folded = SecureColumn::allocate(context, count)?;
    let (w, [a, b, c, d]) = (planes(word), planes_mut(&mut folded)?);
    let (grid, inverses) = (Grid::linear(count), inverses.ptr());
    launch::fold_word(
        context,
        grid,
        w[0],
        w[1],
        w[2],
        w[3],
        inverses,
        a,
        b,
        c,
        d,
        count as u64,
        qm31(r),
    )?;
    Ok(folded)
}

/// The cosets of `2^log_coset` entries as rows of base field columns: entry by entry, its four
/// coordinates.
///
/// # Errors
/// [`crate::CudaError::OutOfMemory`] and driver errors.
pub fn cosets(
    context: &Arc<CudaContext>,
    word: &SecureColumn,
    log_coset: u32,
) -> Result<Vec<BaseColumn>> {
    let rows = word.len() >> log_coset;
    let mut words = Words::uninitialized(context, 4 * word.len())?;
    let w = planes(word);
    let (grid, target) = (Grid::linear(word.len()), words.ptr_mut()?);
    launch::split_cosets(
        context,
        grid,
        w[0],
        w[1],
        w[2],
        w[3],
        target,
        log_coset,
        rows as u64,
    )?;
    let columns = (0..4usize << log_coset).map(|k| words.slice(k * rows..(k + 1) * rows));
    Ok(columns.map(BaseColumn::new).collect())
}

/// Adds a constant to every entry of a column.
///
/// # Errors
/// Driver errors.
pub fn add_constant(column: &mut SecureColumn, value: SecureField) -> Result<()> {
    let (context, count) = (Arc::clone(column.context()), column.len());
    let [a, b, c, d] = planes_mut(column)?;
    let grid = Grid::linear(count);
    launch::add_constant(&context, grid, a, b, c, d, count as u64, qm31(value))
}
