//! The fields: M31, its complex extension CM31, and the secure field QM31.

mod cm31;
mod m31;
#[cfg(feature = "test-operations")]
pub mod operations;
mod qm31;

pub use cm31::CM31;
pub use m31::{M31, P};
pub use qm31::QM31;

/// Implements the assigning operators and the sums and products of an element type by its
/// binary operators.
macro_rules! derived_operators {
    ($type:ident) => {
        impl core::ops::AddAssign for $type {
            #[inline]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl core::ops::SubAssign for $type {
            #[inline]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl core::ops::MulAssign for $type {
            #[inline]
            fn mul_assign(&mut self, other: Self) {
                *self = *self * other;
            }
        }
        impl core::iter::Sum for $type {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, |a, b| a + b)
            }
        }
        impl core::iter::Product for $type {
            fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ONE, |a, b| a * b)
            }
        }
    };
}
use derived_operators;
