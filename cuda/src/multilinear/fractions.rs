//! The tree of fractions of a lookup argument, and the sumchecks of its layers.

use std::sync::Arc;

use num_traits::One;
use stwo::core::fields::qm31::SecureField;

use super::{Result, Sums, add_halves, eq_table, fix_first_secure, planes, planes_mut, qm31};
use crate::column::SecureColumn;
use crate::context::CudaContext;
use crate::launch::{self, Grid, Qm31};
use crate::memory::{Ptr, Words};

/// One column of the rows that fractions stand for.
#[derive(Clone, Debug)]
pub enum Column {
    /// Elements of M31, one per row.
    Values(Words),
    /// `clamp(base + min(row, last), lo, hi)`, with `base + last` below `2^31`.
    Ramp {
        /// The value of row 0, before clamping.
        base: i32,
        /// The last row that differs from the one before it.
        last: i32,
        /// Least value.
        lo: i32,
        /// Greatest value.
        hi: i32,
    },
}

impl Column {
    /// The arguments of the kernel: kind, values, ramp.
    fn arguments(&self) -> (u32, Ptr<'_, u32>, [u32; 4]) {
        match self {
            Self::Values(words) => (0, words.ptr(), [0; 4]),
            Self::Ramp { base, last, lo, hi } => {
                let ramp = [*base, *last, *lo, *hi].map(i32::cast_unsigned);
                (1, Ptr::NULL, ramp)
            }
        }
    }
}

/// An aligned run of `2^log_size` fractions
/// `numerator / (alpha - tag - beta input - beta^2 output)`.
#[derive(Clone, Debug)]
pub struct Block {
    /// First leaf.
    pub offset: usize,
    /// Base-two logarithm of the number of leaves.
    pub log_size: u32,
    /// The numerators are minus these, or 1.
    pub multiplicities: Option<Words>,
    /// `alpha - tag`.
    pub shifted: SecureField,
    /// The first column.
    pub input: Column,
    /// The second column.
    pub output: Column,
}

/// The layers of the tree, numerators and denominators.
#[derive(Debug)]
pub struct Fractions {
    /// From the leaves up; the last has two nodes.
    layers: Vec<[SecureColumn; 2]>,
}

impl Fractions {
    /// Builds the tree over `2^log_leaves` fractions; leaves of no block are `0/1`.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn new(
        context: &Arc<CudaContext>,
        blocks: &[Block],
        log_leaves: u32,
        beta: SecureField,
    ) -> Result<Self> {
        let mut layers = vec![leaves(context, blocks, 1 << log_leaves, beta)?];
        for _ in 1..log_leaves {
            let next = next_layer(layers.last().expect("a layer"))?;
            layers.push(next);
        }
        Ok(Self { layers })
    }

    /// The root's two children: `n(0), n(1), d(0), d(1)`.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn root(&self) -> Result<[SecureField; 4]> {
        pairs(self.layers.last().expect("a layer"))
    }

    /// Takes the layer of `2^depth` nodes and those above it; starts its sumcheck, with numerator
    /// and denominator batched by `batch`, weighted by `eq(weight, .)`.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    ///
    /// # Panics
    /// Unless the layer is left.
    pub fn layer(
        &mut self,
        depth: usize,
        batch: SecureField,
        weight: &[SecureField],
    ) -> Result<LayerSum> {
        self.layers.retain(|[n, _]| n.len() >= 2 << depth);
        let [numerators, denominators] = self.layers.pop().expect("a layer of the depth");
        assert_eq!(numerators.len(), 2 << depth, "depths ascend one by one");
        let eq = eq_table(numerators.context(), &weight[1..], SecureField::one())?;
        Ok(LayerSum {
            numerators,
            denominators,
            batch,
            eq,
        })
    }
}

/// The first two elements of numerators and denominators.
fn pairs([n, d]: &[SecureColumn; 2]) -> Result<[SecureField; 4]> {
    let mut values = Sums::new(n.context(), 4)?;
    values.read(n, 2)?;
    values.read(d, 2)?;
    Ok(values.download()?.try_into().expect("four values"))
}

fn leaves(
    context: &Arc<CudaContext>,
    blocks: &[Block],
    count: usize,
    beta: SecureField,
) -> Result<[SecureColumn; 2]> {
    let mut numerators = SecureColumn::allocate(context, count)?;
    let mut denominators = SecureColumn::allocate(context, count)?;
    let (n, d) = (planes_mut(&mut numerators)?, planes_mut(&mut denominators)?);
    for ([a, b, c, d], value) in [(n, 0), (d, 1)] {
        let value = Qm31([value, 0, 0, 0]);
        launch::fill_qm31(
            context,
            Grid::linear(count),
            a,
            b,
            c,
            d,
            count as u64,
            value,
        )?;
    }
    for block in blocks {
        let rows = 1usize << block.log_size;
        let (has, counts) = match &block.multiplicities {
            Some(words) => (1, words.ptr()),
            None => (0, Ptr::NULL),
        };
        let (in_kind, in_values, [in_base, in_last, in_lo, in_hi]) = block.input.arguments();
        let (out_kind, out_values, [out_base, out_last, out_lo, out_hi]) = block.output.arguments();
        launch::fraction_leaves(
            context,
            Grid::linear(rows),
            n[0],
            n[1],
            n[2],
            n[3],
            d[0],
            d[1],
            d[2],
            d[3],
            block.offset as u64,
            rows as u64,
            has,
            counts,
            qm31(block.shifted),
            qm31(beta),
            qm31(beta * beta),
            in_kind,
            in_values,
            in_base,
            in_last,
            in_lo,
            in_hi,
            out_kind,
            out_values,
            out_base,
            out_last,
            out_lo,
            out_hi,
        )?;
    }
    Ok([numerators, denominators])
}

/// Adds the fractions of the two halves.
fn next_layer([numerators, denominators]: &[SecureColumn; 2]) -> Result<[SecureColumn; 2]> {
    let (context, count) = (numerators.context(), numerators.len() / 2);
    let mut next = [
        SecureColumn::allocate(context, count)?,
        SecureColumn::allocate(context, count)?,
    ];
    let (n, d) = (planes(numerators), planes(denominators));
    let [next_n, next_d] = &mut next;
    let (on, od) = (planes_mut(next_n)?, planes_mut(next_d)?);
    let (grid, gates) = (Grid::linear(count), count as u64);
    launch::next_layer_generic(
        context, grid, n[0], n[1], n[2], n[3], d[0], d[1], d[2], d[3], on[0], on[1], on[2], on[3],
        od[0], od[1], od[2], od[3], gates, 1, gates,
    )?;
    Ok(next)
}

/// The sumcheck of `sum_x eq(weight, x) (n0 d1 + n1 d0 + batch d0 d1)(x)`.
#[derive(Debug)]
pub struct LayerSum {
    /// `n0`, then `n1`.
    numerators: SecureColumn,
    /// `d0`, then `d1`.
    denominators: SecureColumn,
    batch: SecureField,
    /// `eq` over the coordinates after the current one.
    eq: SecureColumn,
}

impl LayerSum {
    /// The sum over the later variables at 0 and at infinity.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn round(&self) -> Result<[SecureField; 2]> {
        let context = self.eq.context();
        let (half, gates) = (self.eq.len(), self.numerators.len() as u64 / 2);
        let mut sums = Sums::new(context, 2)?;
        sums.add(half, 2, |grid, partials| {
            let (n, d, e) = (
                planes(&self.numerators),
                planes(&self.denominators),
                planes(&self.eq),
            );
            launch::layer_sum_infinity(
                context,
                grid,
                n[0],
                n[1],
                n[2],
                n[3],
                d[0],
                d[1],
                d[2],
                d[3],
                e[0],
                e[1],
                e[2],
                e[3],
                qm31(self.batch),
                half as u64,
                1,
                gates,
                partials,
            )
        })?;
        Ok(sums.download()?.try_into().expect("two sums"))
    }

    /// Binds the highest variable.
    ///
    /// # Errors
    /// [`crate::CudaError::OutOfMemory`] and driver errors.
    pub fn bind(&mut self, r: SecureField) -> Result<()> {
        self.numerators = fix_first_secure(&self.numerators, 2, r)?;
        self.denominators = fix_first_secure(&self.denominators, 2, r)?;
        if self.eq.len() > 1 {
            self.eq = add_halves(&self.eq)?;
        }
        Ok(())
    }

    /// `n0, n1, d0, d1` when no variable is left.
    ///
    /// # Errors
    /// Driver errors, among them failures of earlier kernels.
    pub fn halves(&self) -> Result<[SecureField; 4]> {
        let columns = [self.numerators.clone(), self.denominators.clone()];
        pairs(&columns)
    }
}
