//! Cairo's `u256`: two halves of 128 bits, low half first on the wire.

use alloc::string::String;
use core::fmt;

use super::{Felt, StarknetError};

/// An integer below `2^256`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct U256 {
    /// The lower 128 bits.
    pub low: u128,
    /// The upper 128 bits.
    pub high: u128,
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.high, self.low).cmp(&(other.high, other.low))
    }
}

impl From<u128> for U256 {
    fn from(low: u128) -> Self {
        Self { low, high: 0 }
    }
}

impl U256 {
    /// Zero.
    pub const ZERO: Self = Self { low: 0, high: 0 };

    /// The two felts of the wire.
    pub fn felts(self) -> [Felt; 2] {
        [self.low.into(), self.high.into()]
    }

    /// The integer of two felts.
    ///
    /// # Errors
    /// [`StarknetError::Range`] if a half has more than 128 bits.
    pub fn from_felts(low: Felt, high: Felt) -> Result<Self, StarknetError> {
        let half = |felt: Felt| {
            u128::try_from(felt).map_err(|_| StarknetError::Range {
                what: "half of a u256",
                bits: 128,
            })
        };
        Ok(Self {
            low: half(low)?,
            high: half(high)?,
        })
    }

    /// A decimal number of units of `10^decimals`: `1.5` with 18 decimals is `15 * 10^17`.
    ///
    /// # Errors
    /// [`StarknetError::Amount`] unless it is digits, or digits, a point and up to `decimals`
    /// digits, and less than `2^256`.
    pub fn from_units(text: &str, decimals: usize) -> Result<Self, StarknetError> {
        let wrong = StarknetError::Amount { decimals };
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(wrong),
            Some(parts) => parts,
            None => (text, ""),
        };
        let zeros = decimals.checked_sub(fraction.len());
        let digits = whole.chars().chain(fraction.chars());
        if whole.is_empty() || !digits.clone().all(|c| c.is_ascii_digit()) {
            return Err(wrong);
        }
        let zeros = core::iter::repeat_n('0', zeros.ok_or(wrong.clone())?);
        let digits: String = digits.chain(zeros).collect();
        digits.parse().map_err(|_| wrong)
    }

    /// The digits in base `2^32`, least first.
    fn digits(self) -> [u32; 8] {
        let digit = |half: u128, i: u32| {
            let low = half.checked_shr(i.saturating_mul(32)).unwrap_or(0) & 0xffff_ffff;
            u32::try_from(low).unwrap_or(0)
        };
        let [mut l, mut h] = [0u32..4, 0..4];
        core::array::from_fn(|_| match l.next() {
            Some(i) => digit(self.low, i),
            None => digit(self.high, h.next().unwrap_or(0)),
        })
    }

    /// The integer of its digits.
    fn from_digits(digits: [u32; 8]) -> Self {
        let (low, high) = digits.split_at(4);
        let half = |digits: &[u32]| {
            let digits = digits.iter().rev();
            digits.fold(0u128, |n, d| (n << 32) | u128::from(*d))
        };
        Self {
            low: half(low),
            high: half(high),
        }
    }

    /// The product; `None` from `2^256` on, where Cairo panics.
    pub fn checked_mul(self, factor: u32) -> Option<Self> {
        let mut carry = 0u64;
        let digits = self.digits().map(|digit| {
            // At most (2^32 - 1)^2 + 2^32 - 1, which is below 2^64.
            let product = u64::from(digit)
                .wrapping_mul(factor.into())
                .wrapping_add(carry);
            carry = product >> 32;
            u32::try_from(product & 0xffff_ffff).unwrap_or(0)
        });
        (carry == 0).then(|| Self::from_digits(digits))
    }

    /// The quotient, rounded down; `None` for a zero divisor.
    pub fn checked_div(self, divisor: u32) -> Option<Self> {
        let mut rest = 0u64;
        let mut digits = self.digits();
        for digit in digits.iter_mut().rev() {
            let dividend = (rest << 32) | u64::from(*digit);
            // The rest is below the divisor, so the quotient is a digit.
            *digit = u32::try_from(dividend.checked_div(divisor.into())?).ok()?;
            rest = dividend.checked_rem(divisor.into())?;
        }
        Some(Self::from_digits(digits))
    }

    /// The sum; `None` from `2^256` on.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (low, carry) = self.low.overflowing_add(other.low);
        let high = self.high.checked_add(other.high)?;
        let high = high.checked_add(carry.into())?;
        Some(Self { low, high })
    }

    /// The difference; `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        let high = self.high.checked_sub(other.high)?;
        let high = high.checked_sub(borrow.into())?;
        Some(Self { low, high })
    }
}

/// From decimal digits, or `0x` and hexadecimal ones.
impl core::str::FromStr for U256 {
    type Err = StarknetError;

    fn from_str(text: &str) -> Result<Self, StarknetError> {
        let (digits, base) = match text.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        let push = |number: Self, digit: char| {
            let digit = digit.to_digit(base)?;
            number
                .checked_mul(base)?
                .checked_add(u128::from(digit).into())
        };
        let parsed = digits.chars().try_fold(Self::ZERO, push);
        let parsed = parsed.filter(|_| !digits.is_empty());
        parsed.ok_or(StarknetError::Number)
    }
}

/// In decimal.
impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Groups of nine digits, least first; 78 digits suffice.
        let mut groups = [0u32; 9];
        let mut rest = *self;
        let mut used = 1usize;
        for (group, position) in groups.iter_mut().zip(1..) {
            let quotient = rest.checked_div(1_000_000_000).unwrap_or_default();
            let multiple = quotient.checked_mul(1_000_000_000).unwrap_or_default();
            let remainder = rest.checked_sub(multiple).unwrap_or_default().low;
            *group = u32::try_from(remainder).unwrap_or(0);
            if *group != 0 {
                used = position;
            }
            rest = quotient;
        }
        let mut groups = groups.iter().take(used).rev();
        write!(f, "{}", groups.next().copied().unwrap_or(0))?;
        groups.try_for_each(|group| write!(f, "{group:09}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    const MAX: U256 = U256 {
        low: u128::MAX,
        high: u128::MAX,
    };

    fn any_u256() -> impl Strategy<Value = U256> {
        // Short numbers too: carries and leading zeros differ.
        let half = || prop_oneof![any::<u128>(), (0u128..1000), Just(u128::MAX)];
        (half(), half()).prop_map(|(low, high)| U256 { low, high })
    }

    #[test]
    fn amounts_are_exact() {
        let units = |text| U256::from_units(text, 18);
        let expected = |n: u128| Ok(U256::from(n));
        assert_eq!(units("1.5"), expected(1_500_000_000_000_000_000));
        assert_eq!(units("0.000000000000000001"), expected(1));
        assert_eq!(units("007"), expected(7_000_000_000_000_000_000));
        assert_eq!(units("0"), expected(0));
        assert_eq!(U256::from_units("12", 0), expected(12));
        let wrong = Err(StarknetError::Amount { decimals: 18 });
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            " 1",
            "0x1",
            "\u{661}",
            "0.0000000000000000001", // nineteen decimals
        ] {
            assert_eq!(units(text), wrong, "{text:?}");
        }
        // The greatest amount, and one unit more.
        let max = MAX.to_string();
        assert_eq!(U256::from_units(&max, 0), Ok(MAX));
        let more = max.replace("9935", "9936");
        assert_eq!(
            U256::from_units(&more, 0),
            Err(StarknetError::Amount { decimals: 0 })
        );
    }

    #[test]
    fn integers_are_read_in_both_bases() {
        let parsed = |text: &str| text.parse::<U256>();
        assert_eq!(
            parsed("0x500000000000000000000000000000007"),
            Ok(U256 { low: 7, high: 5 })
        );
        assert_eq!(
            parsed("340282366920938463463374607431768211456"),
            Ok(U256 { low: 0, high: 1 })
        );
        assert_eq!(parsed(&std::format!("0x{}", "f".repeat(64))), Ok(MAX));
        for text in [
            "",
            "0x",
            "g",
            "0xg",
            "-1",
            &std::format!("0x1{}", "0".repeat(64)),
        ] {
            assert_eq!(parsed(text), Err(StarknetError::Number), "{text}");
        }
    }

    #[test]
    fn halves_have_128_bits() {
        let over = Felt::from(u128::MAX) + Felt::ONE;
        let error = Err(StarknetError::Range {
            what: "half of a u256",
            bits: 128,
        });
        assert_eq!(U256::from_felts(over, Felt::ZERO), error);
        assert_eq!(U256::from_felts(Felt::ZERO, over), error);
    }

    proptest! {
        #[test]
        fn felts_and_text_round_trip(n in any_u256()) {
            let [low, high] = n.felts();
            prop_assert_eq!(U256::from_felts(low, high), Ok(n));
            prop_assert_eq!(n.to_string().parse(), Ok(n));
            let hex = std::format!("0x{:x}{:032x}", n.high, n.low);
            prop_assert_eq!(hex.parse(), Ok(n));
        }

        #[test]
        fn division_undoes_multiplication(n in any_u256(), factor in 1u32.., rest in any::<u32>()) {
            let rest = U256::from(u128::from(rest % factor));
            if let Some(product) = n.checked_mul(factor) {
                let sum = product.checked_add(rest);
                if let Some(sum) = sum {
                    prop_assert_eq!(sum.checked_div(factor), Some(n));
                    prop_assert_eq!(sum.checked_sub(rest), Some(product));
                }
            } else {
                // It overflows exactly where the greatest integer has a smaller quotient.
                prop_assert!(n > MAX.checked_div(factor).unwrap());
            }
            prop_assert_eq!(n.checked_div(0), None);
        }

        #[test]
        fn small_numbers_are_those_of_u128(a in any::<u64>(), b in any::<u32>()) {
            let wide = U256::from(u128::from(a)).checked_mul(b).unwrap();
            prop_assert_eq!(wide, U256::from(u128::from(a) * u128::from(b)));
            let divided = wide.checked_div(b.max(1)).unwrap();
            prop_assert_eq!(divided, U256::from(u128::from(a) * u128::from(b) / u128::from(b.max(1))));
        }
    }
}
