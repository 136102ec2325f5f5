//! Products of committed cells and forms, under a sumcheck.

use std::sync::Arc;

use super::{Result, Sums, fix_first_base, fix_first_secure, planes};
use crate::column::SecureColumn;
use crate::launch;
use crate::memory::Words;
use stwo::core::fields::qm31::SecureField;

/// One product `sum_x base(x) form(x)`.
#[derive(Debug)]
pub struct Product {
    base: Base,
    form: SecureColumn,
}

/// In M31 until a variable is bound.
#[derive(Debug)]
enum Base {
    Cells(Words),
    Bound(Box<SecureColumn>),
}

impl Product {
    /// The product of cells and as many coefficients.
    ///
    /// # Panics
    /// Unless there is a coefficient for every cell.
    pub fn new(cells: Words, form: SecureColumn) -> Self {
        assert_eq!(cells.len(), form.len(), "a coefficient for every cell");
        Self {
            base: Base::Cells(cells),
            form,
        }
    }

    /// Number of variables that are not bound.
    pub fn variables(&self) -> u32 {
        self.form.len().ilog2()
    }

    /// Adds the product to the sums, before a variable is bound.
    ///
    /// # Errors
    /// Driver errors.
    ///
    /// # Panics
    /// Where a variable is bound.
    pub fn value(&self, sums: &mut Sums) -> Result<()> {
        match &self.base {
            Base::Cells(cells) => sums.dot(cells, &self.form),
            Base::Bound(_) => unreachable!("values are asked for first"),
        }
    }

    /// Adds three sums: with the highest variable 0, 1, and the leading coefficient.
    ///
    /// # Errors
    /// Driver errors.
    pub fn round(&self, sums: &mut Sums) -> Result<()> {
        let context = Arc::clone(self.form.context());
        let half = self.form.len() / 2;
        let f = planes(&self.form);
        sums.add(half, 3, |grid, partials| match &self.base {
            Base::Cells(cells) => launch::product_round_m31(
                &context,
                grid,
                cells.ptr(),
                f[0],
                f[1],
                f[2],
                f[3],
                half as u64,
                partials,
            ),
            Base::Bound(values) => {
                let b = planes(values);
                launch::product_round_qm31(
                    &context,
                    grid,
                    b[0],
                    b[1],
                    b[2],
                    b[3],
                    f[0],
                    f[1],
                    f[2],
                    f[3],
                    half as u64,
                    partials,
                )
            }
        })
    }

    /// Binds the highest variable.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn bind(&mut self, r: SecureField) -> Result<()> {
        self.base = Base::Bound(Box::new(match &self.base {
            Base::Cells(cells) => fix_first_base(cells, r)?,
            Base::Bound(values) => fix_first_secure(values, 1, r)?,
        }));
        self.form = fix_first_secure(&self.form, 1, r)?;
        Ok(())
    }

    /// Adds the first values of base and form: all there are when no variable is left.
    ///
    /// # Errors
    /// Driver errors.
    pub fn ends(&self, sums: &mut Sums) -> Result<()> {
        match &self.base {
            Base::Cells(cells) => sums.read_base(cells)?,
            Base::Bound(values) => sums.read(values, 1)?,
        }
        sums.read(&self.form, 1)
    }
}
