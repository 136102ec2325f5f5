//! One kernel for scalars and for vectors of sixteen.

use std::ops::{Add, Mul, Sub};

use rayon::prelude::*;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::simd::m31::{N_LANES, PackedM31};
use stwo::prover::backend::simd::qm31::PackedQM31;
use stwo_ml_verifier::field::{M31, QM31};

/// Converts to stwo's type.
pub(super) fn to_base(v: M31) -> BaseField {
    BaseField::from_u32_unchecked(v.value())
}

/// Converts from stwo's type, whose zero has two forms.
pub(super) fn from_base(v: BaseField) -> M31 {
    M31::reduce(v.0.into())
}

/// Converts to stwo's type.
pub(super) fn to_secure(v: QM31) -> SecureField {
    SecureField::from_m31_array(v.coordinates().map(to_base))
}

/// Converts from stwo's type.
pub(super) fn from_secure(v: SecureField) -> QM31 {
    QM31::from_coordinates(v.to_m31_array().map(from_base))
}

/// A secure-field element or sixteen of them.
pub(super) trait Lanes:
    Copy + Send + Sync + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// The same value in every lane.
    fn splat(v: QM31) -> Self;
    /// The sum of the lanes.
    fn total(self) -> QM31;
}

impl Lanes for QM31 {
    fn splat(v: QM31) -> Self {
        v
    }
    fn total(self) -> QM31 {
        self
    }
}

impl Lanes for PackedQM31 {
    fn splat(v: QM31) -> Self {
        PackedQM31::broadcast(to_secure(v))
    }
    fn total(self) -> QM31 {
        from_secure(self.pointwise_sum())
    }
}

/// Packs a slice whose length is a multiple of sixteen.
pub(super) fn pack(values: &[QM31]) -> Vec<PackedQM31> {
    values
        .as_chunks::<N_LANES>()
        .0
        .iter()
        .map(|chunk| PackedQM31::from_array(chunk.map(to_secure)))
        .collect()
}

/// Unpacks.
pub(super) fn unpack(values: &[PackedQM31]) -> Vec<QM31> {
    values
        .iter()
        .flat_map(|v| v.to_array().map(from_secure))
        .collect()
}

/// Packs base-field values whose number is a multiple of sixteen.
pub(super) fn pack_base(values: &[M31]) -> Vec<PackedM31> {
    let chunks = values.as_chunks::<N_LANES>().0.iter();
    chunks
        .map(|chunk| PackedM31::from_array(chunk.map(to_base)))
        .collect()
}

/// Multilinear values that shrink by half with every bound variable: packed while long enough.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Packed(Vec<PackedQM31>),
    Scalar(Vec<QM31>),
}

/// Below this many elements a loop stays on one thread.
pub(super) const PARALLEL: usize = 512;

impl Values {
    pub(super) fn new(values: &[QM31]) -> Self {
        if values.len() >= 2 * N_LANES {
            Self::Packed(pack(values))
        } else {
            Self::Scalar(values.to_vec())
        }
    }

    /// Binds the highest variable: the two halves on the line at `r`.
    pub(super) fn bind(&mut self, r: QM31) {
        match self {
            Self::Packed(v) => {
                bind(v, PackedQM31::splat(r));
                if v.len() < 2 {
                    *self = Self::Scalar(unpack(v));
                }
            }
            Self::Scalar(v) => bind(v, r),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Packed(v) => v.len() * N_LANES,
            Self::Scalar(v) => v.len(),
        }
    }

    pub(super) fn scalars(&self) -> Vec<QM31> {
        match self {
            Self::Packed(v) => unpack(v),
            Self::Scalar(v) => v.clone(),
        }
    }

    pub(super) fn halves(self) -> [Self; 2] {
        match self {
            Self::Packed(mut v) if v.len() >= 4 => {
                let high = v.split_off(v.len() / 2);
                [Self::Packed(v), Self::Packed(high)]
            }
            other => {
                let mut v = other.scalars();
                let high = v.split_off(v.len() / 2);
                [Self::Scalar(v), Self::Scalar(high)]
            }
        }
    }

    pub(super) fn single(&self) -> QM31 {
        match self {
            Self::Scalar(v) => v[0],
            Self::Packed(_) => unreachable!("a single value is scalar"),
        }
    }
}

fn bind<F: Lanes>(values: &mut Vec<F>, r: F) {
    let half = values.len() / 2;
    let (lo, hi) = values.split_at_mut(half);
    if half >= PARALLEL {
        lo.par_iter_mut()
            .zip(hi.par_iter())
            .for_each(|(a, b)| *a = *a + r * (*b - *a));
    } else {
        lo.iter_mut()
            .zip(hi.iter())
            .for_each(|(a, b)| *a = *a + r * (*b - *a));
    }
    values.truncate(half);
}

/// Sums `K` values over `0..count`, in parallel where it pays.
pub(super) fn sum<F: Lanes, const K: usize>(
    count: usize,
    value: impl Fn(usize) -> [F; K] + Sync,
) -> [QM31; K] {
    let add = |a: [F; K], b: [F; K]| std::array::from_fn(|k| a[k] + b[k]);
    let zero = || [F::splat(QM31::ZERO); K];
    let run = |range: std::ops::Range<usize>| range.fold(zero(), |s, i| add(s, value(i)));
    let total = if count >= PARALLEL {
        let chunk = PARALLEL / 2;
        (0..count.div_ceil(chunk))
            .into_par_iter()
            .map(|c| run(c * chunk..((c + 1) * chunk).min(count)))
            .reduce(zero, add)
    } else {
        run(0..count)
    };
    total.map(F::total)
}
