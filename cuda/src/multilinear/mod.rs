//! Multilinear polynomials on the device: tables of `eq`, binding variables, and the sums of
//! sumchecks over fractions, products and folded words.
//!
//! The highest bit of an index is the first variable and is bound first. Every function takes its
//! context, returns a `Result`, and needs no [`CudaContext::scope`].

use std::sync::Arc;

use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;

use crate::backend;
pub(crate) use crate::backend::qm31;
use crate::column::SecureColumn;
use crate::context::CudaContext;
use crate::error::CudaError;
use crate::launch::{self, Grid};
use crate::memory::{Ptr, PtrMut, Words};

mod folding;
mod forms;
mod fractions;
mod products;

pub use folding::{Message, add_constant, cosets, fold};
pub use forms::{Contraction, Part, Replacement, contracted_form, form};
pub use fractions::{Block, Column, Fractions, LayerSum};
pub use products::Product;

type Result<T> = std::result::Result<T, CudaError>;

/// Elements whose coordinates are consecutive words.
fn elements(words: &[u32]) -> Vec<SecureField> {
    let quads = words.as_chunks::<4>().0.iter();
    quads
        .map(|quad| SecureField::from_m31_array(quad.map(BaseField::from_u32_unchecked)))
        .collect()
}

/// The coordinates of elements as consecutive words.
fn entries<'a>(values: impl IntoIterator<Item = &'a SecureField>) -> Vec<u32> {
    values.into_iter().flat_map(|v| qm31(*v).0).collect()
}

/// The planes of a column, to read.
pub(crate) fn planes(column: &SecureColumn) -> [Ptr<'_, u32>; 4] {
    backend::planes(&column.planes)
}

/// The planes of a column, to write.
pub(crate) fn planes_mut(column: &mut SecureColumn) -> Result<[PtrMut<'_, u32>; 4]> {
    backend::planes_mut(&mut column.planes)
}

/// Most blocks of a launch that sums: each leaves a partial sum.
const SUM_BLOCKS: u32 = 1 << 9;

/// The shape of a launch that sums over `n` elements.
fn sum_grid(n: usize) -> Grid {
    let grid = Grid::linear(n);
    let blocks = (grid.blocks.0.min(SUM_BLOCKS), 1);
    Grid { blocks, ..grid }
}

/// Sums on the device that the host reads together.
#[derive(Debug)]
pub struct Sums {
    words: Words,
    used: usize,
}

impl Sums {
    /// Room for `count` elements.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`].
    pub fn new(context: &Arc<CudaContext>, count: usize) -> Result<Self> {
        Ok(Self {
            words: Words::zeros(context, 4 * count)?,
            used: 0,
        })
    }

    /// Runs a kernel that sums `values` values over `n` elements; it gets the shape of its launch
    /// and where the blocks' partial sums belong.
    pub(crate) fn add(
        &mut self,
        n: usize,
        values: usize,
        launch: impl FnOnce(Grid, PtrMut<'_, u32>) -> Result<()>,
    ) -> Result<()> {
        let context = Arc::clone(self.words.context());
        let (grid, words) = (sum_grid(n), 4 * values);
        let (at, blocks) = (self.used, grid.blocks.0);
        self.used += words;
        assert!(self.used <= self.words.len(), "there is room for the sums");
        let target = self.words.ptr_mut()?.offset(at);
        if blocks == 1 {
            return launch(grid, target);
        }
        let mut partials = Words::uninitialized(&context, blocks as usize * words)?;
        launch(grid, partials.ptr_mut()?)?;
        let grid = Grid {
            blocks: (words as u32, 1),
            threads: 32,
            shared_bytes: 0,
        };
        launch::sum_partials(&context, grid, partials.ptr(), blocks, words as u32, target)
    }

    /// Adds the first `count` elements of a column as they are.
    fn read(&mut self, column: &SecureColumn, count: usize) -> Result<()> {
        let context = Arc::clone(self.words.context());
        let at = self.used;
        self.used += 4 * count;
        assert!(
            self.used <= self.words.len(),
            "there is room for the values"
        );
        let target = self.words.ptr_mut()?.offset(at);
        let [a, b, c, d] = planes(column);
        let grid = Grid::linear(count);
        launch::to_entries(&context, grid, a, b, c, d, count as u64, target)
    }

    /// Adds the first element of a column of M31.
    fn read_base(&mut self, values: &Words) -> Result<()> {
        self.words.copy_from(self.used, &values.slice(0..1))?;
        self.used += 4;
        Ok(())
    }

    /// Adds `sum_i values[i] weights[i]` over a column of M31.
    ///
    /// # Errors
    /// Driver errors.
    ///
    /// # Panics
    /// Unless both have the same length.
    pub fn dot(&mut self, values: &Words, weights: &SecureColumn) -> Result<()> {
        assert_eq!(values.len(), weights.len(), "a weight for every value");
        let context = Arc::clone(self.words.context());
        let n = values.len();
        self.add(n, 1, |grid, partials| {
            let [a, b, c, d] = planes(weights);
            launch::dot_m31(&context, grid, values.ptr(), a, b, c, d, n as u64, partials)
        })
    }

    /// Waits for the device and reads all sums, in the order in which they were added.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn download(&self) -> Result<Vec<SecureField>> {
        Ok(elements(&self.words.slice(0..self.used).download()?))
    }
}

/// `scale * eq(point, i)` for every index, the highest bit first in the point.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn eq_table(
    context: &Arc<CudaContext>,
    point: &[SecureField],
    scale: SecureField,
) -> Result<SecureColumn> {
    let coordinates = Words::list(context, entries(point))?;
    let mut table = SecureColumn::allocate(context, 1 << point.len())?;
    let [a, b, c, d] = planes_mut(&mut table)?;
    // Blocks of 2^9 entries.
    let blocks = 1u32 << point.len().saturating_sub(9).min(14);
    let grid = Grid {
        blocks: (blocks, 1),
        threads: Grid::THREADS,
        shared_bytes: 0,
    };
    let (point, variables) = (coordinates.ptr(), point.len() as u32);
    launch::eq_table(context, grid, a, b, c, d, point, variables, qm31(scale))?;
    Ok(table)
}

/// Binds the first variable of each of `rows` polynomials that lie one after the other.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn fix_first_secure(
    values: &SecureColumn,
    rows: usize,
    r: SecureField,
) -> Result<SecureColumn> {
    let (context, count) = (values.context(), values.len() / 2);
    let mut bound = SecureColumn::allocate(context, count)?;
    let ([a, b, c, d], [oa, ob, oc, od]) = (planes(values), planes_mut(&mut bound)?);
    let (half, count, grid) = ((count / rows) as u64, count as u64, Grid::linear(count));
    launch::fix_first_qm31(
        context,
        grid,
        a,
        b,
        c,
        d,
        oa,
        ob,
        oc,
        od,
        half,
        count,
        qm31(r),
    )?;
    Ok(bound)
}

/// Binds the first variable of a polynomial over M31.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn fix_first_base(values: &Words, r: SecureField) -> Result<SecureColumn> {
    let (context, half) = (values.context(), values.len() / 2);
    let mut bound = SecureColumn::allocate(context, half)?;
    let [a, b, c, d] = planes_mut(&mut bound)?;
    let (grid, r) = (Grid::linear(half), qm31(r));
    launch::fix_first_m31(context, grid, values.ptr(), a, b, c, d, half as u64, r)?;
    Ok(bound)
}

/// Turns signed integers on the device into the elements of M31 that they stand for.
///
/// # Errors
/// Driver errors.
pub fn integers(context: &Arc<CudaContext>, values: &[i32]) -> Result<Words> {
    let mut words = Words::upload(context, values.to_vec())?;
    let count = words.len();
    launch::integers_to_m31(context, Grid::linear(count), words.ptr_mut()?, count as u64)?;
    Ok(words)
}

/// The sum of the halves of a table of `eq`: `eq` over the later coordinates.
fn add_halves(table: &SecureColumn) -> Result<SecureColumn> {
    add_shares(table, 2)
}

/// The sum of `shares` columns that lie one after the other.
fn add_shares(table: &SecureColumn, shares: usize) -> Result<SecureColumn> {
    let (context, count) = (table.context(), table.len() / shares);
    let mut sum = SecureColumn::allocate(context, count)?;
    let ([a, b, c, d], [oa, ob, oc, od]) = (planes(table), planes_mut(&mut sum)?);
    let (grid, shares, count) = (Grid::linear(count), shares as u32, count as u64);
    launch::sum_shares(context, grid, a, b, c, d, oa, ob, oc, od, shares, count)?;
    Ok(sum)
}
