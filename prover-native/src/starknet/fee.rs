//! The transaction's fee in STRK: what a simulation says, and the most that may be taken.

/// Percent added to the gas that the simulation used: the state may change before the block.
const GAS_MARGIN: u64 = 20;
/// Percent added to the present gas prices: they move from block to block.
const PRICE_MARGIN: u128 = 50;

/// The kinds of gas in the order of [`Estimate`] and [`Bounds`].
pub const KINDS: [&str; 3] = ["l1_gas", "l1_data_gas", "l2_gas"];

/// The fee of a simulated transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Gas by kind.
    pub gas: [u64; 3],
    /// Price by kind, in units of `10^-18` STRK.
    pub price: [u128; 3],
    /// The whole fee, in units of `10^-18` STRK, as the node adds it up.
    pub total: u128,
}

/// The bounds that a transaction is signed with: the network cannot take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most gas by kind.
    pub gas: [u64; 3],
    /// Highest price by kind, in units of `10^-18` STRK.
    pub price: [u128; 3],
}

impl Estimate {
    /// The fee by kind of gas, in units of `10^-18` STRK.
    pub fn parts(&self) -> [u128; 3] {
        std::array::from_fn(|i| u128::from(self.gas[i]).saturating_mul(self.price[i]))
    }

    /// The bounds for this estimate: a fifth more gas, half more price.
    pub fn bounds(&self) -> Bounds {
        let gas = |gas: u64| gas.saturating_mul(100 + GAS_MARGIN).div_ceil(100);
        let price = |price: u128| price.saturating_mul(100 + PRICE_MARGIN).div_ceil(100);
        Bounds {
            gas: self.gas.map(gas),
            price: self.price.map(price),
        }
    }
}

impl Bounds {
    /// The most that can be taken, in units of `10^-18` STRK; `u128::MAX` where it has more bits.
    pub fn most(&self) -> u128 {
        let part = |i: usize| u128::from(self.gas[i]).checked_mul(self.price[i]);
        let sum = (0..3).try_fold(0u128, |sum, i| sum.checked_add(part(i)?));
        sum.unwrap_or(u128::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_cover_the_estimate_and_round_up() {
        let estimate = Estimate {
            gas: [1, 0, 1001],
            price: [3, 7, 1],
            total: 1004,
        };
        assert_eq!(estimate.parts(), [3, 0, 1001]);
        let bounds = estimate.bounds();
        assert_eq!(
            bounds,
            Bounds {
                gas: [2, 0, 1202],
                price: [5, 11, 2]
            }
        );
        assert_eq!(bounds.most(), 2 * 5 + 1202 * 2);
        let huge = Bounds {
            gas: [u64::MAX; 3],
            price: [u128::MAX; 3],
        };
        assert_eq!(huge.most(), u128::MAX);
    }
}
