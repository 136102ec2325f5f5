//! The prime field of `p = 2^31 - 1`.

use core::ops::{Add, Mul, Neg, Sub};

use super::derived_operators;

/// The modulus, `2^31 - 1`.
pub const P: u32 = 0x7fff_ffff;

/// An element of the prime field, always below [`P`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct M31(u32);

// The operators are the field's arithmetic: every operand is below 2^31, so no operation below
// leaves its integer type.
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions)]
impl M31 {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(1);

    /// The element of a canonical integer; `None` for `value >= P`.
    #[inline]
    pub const fn new(value: u32) -> Option<Self> {
        if value < P { Some(Self(value)) } else { None }
    }

    /// `value mod p`.
    #[inline]
    pub const fn reduce(value: u64) -> Self {
        // 2^31 = 1 mod p: add the three 31-bit digits.
        let sum = (value & P as u64) + ((value >> 31) & P as u64) + (value >> 62);
        let sum = (sum & P as u64) + (sum >> 31);
        Self::subtract_p(sum as u32)
    }

    /// `value mod p` of a value below `2p`.
    #[inline]
    const fn subtract_p(value: u32) -> Self {
        let less = value.wrapping_sub(P);
        Self(if less < value { less } else { value })
    }

    /// `value mod p` of a signed integer.
    #[inline]
    pub const fn from_i64(value: i64) -> Self {
        Self(value.rem_euclid(P as i64) as u32)
    }

    /// The canonical integer, `0..P`.
    #[inline]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The integer of least absolute value that the element stands for.
    #[inline]
    pub const fn to_signed(self) -> i32 {
        if self.0 > P / 2 {
            (self.0 as i32) - (P as i32)
        } else {
            self.0 as i32
        }
    }

    /// `self^exponent`.
    pub fn pow(self, exponent: u32) -> Self {
        let mut result = Self::ONE;
        for bit in (0..u32::BITS).rev() {
            result = result * result;
            if (exponent >> bit) & 1 == 1 {
                result *= self;
            }
        }
        result
    }

    /// The inverse; `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        if self.0 == 0 {
            None
        } else {
            Some(self.pow(P - 2))
        }
    }

    /// `self / 2`.
    #[inline]
    pub const fn half(self) -> Self {
        Self((self.0 >> 1) + ((self.0 & 1) << 30))
    }
}

#[allow(clippy::arithmetic_side_effects)]
impl Add for M31 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        #[cfg(feature = "test-operations")]
        super::operations::count(&super::operations::ADDITIONS);
        Self::subtract_p(self.0 + other.0)
    }
}

impl Sub for M31 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        #[cfg(feature = "test-operations")]
        super::operations::count(&super::operations::ADDITIONS);
        let difference = self.0.wrapping_sub(other.0);
        Self(difference.min(difference.wrapping_add(P)))
    }
}

impl Neg for M31 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

#[allow(clippy::arithmetic_side_effects, clippy::as_conversions)]
impl Mul for M31 {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        #[cfg(feature = "test-operations")]
        super::operations::count(&super::operations::MULTIPLICATIONS);
        let product = u64::from(self.0) * u64::from(other.0);
        let sum = (product as u32 & P) + (product >> 31) as u32;
        Self::subtract_p(sum)
    }
}

derived_operators!(M31);

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use stwo::core::fields::m31::M31 as Reference;

    fn samples() -> impl Iterator<Item = u32> {
        let mut rng = StdRng::seed_from_u64(0);
        [0, 1, 2, P / 2, P / 2 + 1, P - 2, P - 1]
            .into_iter()
            .chain((0..200).map(move |_| rng.random_range(0..P)))
    }

    #[test]
    fn equals_stwo() {
        for a in samples() {
            for b in samples().take(40) {
                let (x, y) = (M31::new(a).unwrap(), M31::new(b).unwrap());
                let (r, s) = (Reference::from(a), Reference::from(b));
                assert_eq!((x + y).value(), (r + s).0);
                assert_eq!((x - y).value(), (r - s).0);
                assert_eq!((x * y).value(), (r * s).0);
                assert_eq!((-x).value(), (-r).0 % P);
            }
            let x = M31::new(a).unwrap();
            assert_eq!(x.half() + x.half(), x);
            assert_eq!(M31::from_i64(x.to_signed().into()), x);
            match x.inverse() {
                None => assert_eq!(a, 0),
                Some(i) => assert_eq!(i.value(), Reference::from(a).inverse().0),
            }
        }
    }

    #[test]
    fn conversions_are_canonical() {
        assert_eq!(M31::new(P), None);
        assert_eq!(M31::new(u32::MAX), None);
        for v in [
            0,
            1,
            u64::from(P) - 1,
            P.into(),
            u64::from(P) + 1,
            1 << 62,
            u64::MAX,
        ] {
            assert_eq!(u64::from(M31::reduce(v).value()), v % u64::from(P));
        }
        for v in [i64::MIN, -1, 0, 1, i64::MAX, -i64::from(P)] {
            assert_eq!(i64::from(M31::from_i64(v).value()), v.rem_euclid(P.into()));
        }
    }
}
