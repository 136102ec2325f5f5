//! How `PaymentRouter` shares a payment out, in its integers.

use super::{StarknetError, U256};

/// Ten thousand basis points are the whole.
const BASIS_POINTS: u32 = 10_000;
/// Least share of the worker that the router admits.
const MIN_WORKER: u32 = 5_000;

/// The router's shares in basis points: of the whole, then of the protocol's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// The worker's share.
    pub worker: u32,
    /// The protocol's share.
    pub protocol: u32,
    /// Share of the protocol's part that is burned.
    pub burn: u32,
    /// Share of the protocol's part for the treasury.
    pub treasury: u32,
    /// Share of the protocol's part for the stakers, who also get what rounding leaves.
    pub stakers: u32,
    /// The router's "SAGE discount". It is added to what is shared out and to nothing that is
    /// collected.
    pub surcharge: u32,
}

/// A payment shared out, in units of `10^-18` SAGE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeSplit {
    /// What the payer pays: the amount of the call.
    pub collected: U256,
    /// What the router shares out: the amount and the surcharge.
    pub shared: U256,
    /// The worker's part.
    pub worker: U256,
    /// The protocol's part: what follows.
    pub protocol: U256,
    /// Burned. It lowers the supply and leaves the router's balance alone.
    pub burned: U256,
    /// The treasury's part.
    pub treasury: U256,
    /// The stakers' part.
    pub stakers: U256,
    /// What leaves the router: the parts of worker, treasury and stakers.
    pub transferred: U256,
    /// What the router must hold beforehand, or the call reverts with "Insufficient balance".
    pub needed: U256,
}

impl Fees {
    /// The source's defaults: 80 % worker, 14 % burned, 4 % treasury, 2 % stakers.
    pub const SOURCE: Self = Self {
        worker: 8000,
        protocol: 2000,
        burn: 7000,
        treasury: 2000,
        stakers: 1000,
        surcharge: 500,
    };
    /// The documented split: 80 % worker, 18 % treasury, 2 % stakers.
    pub const DOCUMENTED: Self = Self {
        burn: 0,
        treasury: 9000,
        ..Self::SOURCE
    };

    /// Applies the rules of the router's `set_fee_distribution`.
    ///
    /// # Errors
    /// [`StarknetError::Fees`] with the router's reason.
    pub fn check(&self) -> Result<(), StarknetError> {
        let sum = |shares: &[u32]| shares.iter().fold(0u32, |sum, s| sum.saturating_add(*s));
        let rules = [
            (
                sum(&[self.worker, self.protocol]) == BASIS_POINTS,
                "Worker+Protocol must be 100%",
            ),
            (
                sum(&[self.burn, self.treasury, self.stakers]) == BASIS_POINTS,
                "Fee shares must sum to 100%",
            ),
            (self.worker >= MIN_WORKER, "Worker share too low"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err(StarknetError::Fees { reason }),
            None => Ok(()),
        }
    }

    /// Shares a payment out.
    ///
    /// # Errors
    /// [`StarknetError::Fees`]: the shares break the router's rules, or the amount is so great that its
    /// multiplications overflow (about `2^242`).
    pub fn split(&self, amount: U256) -> Result<FeeSplit, StarknetError> {
        self.check()?;
        self.shares(amount).ok_or(StarknetError::Fees {
            reason: "u256_mul Overflow",
        })
    }

    fn shares(&self, amount: U256) -> Option<FeeSplit> {
        let part = |whole: U256, share| whole.checked_mul(share)?.checked_div(BASIS_POINTS);
        let shared = part(amount, BASIS_POINTS.checked_add(self.surcharge)?)?;
        let worker = part(shared, self.worker)?;
        let protocol = shared.checked_sub(worker)?;
        let burned = part(protocol, self.burn)?;
        let treasury = part(protocol, self.treasury)?;
        let stakers = protocol.checked_sub(burned)?.checked_sub(treasury)?;
        let transferred = worker.checked_add(treasury)?.checked_add(stakers)?;
        Some(FeeSplit {
            collected: amount,
            shared,
            worker,
            protocol,
            burned,
            treasury,
            stakers,
            transferred,
            needed: transferred.checked_sub(amount).unwrap_or_default(),
        })
    }
}

impl FeeSplit {
    /// The value that the router records in its event, in units of `10^-18` dollars: it takes a
    /// SAGE for ten cents.
    pub fn usd(&self) -> U256 {
        self.collected.checked_div(10).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shares that the router admits.
    fn any_fees() -> impl Strategy<Value = Fees> {
        (5000u32..=10_000, 0u32..=10_000, 0u32..=10_000, 0u32..=1000).prop_map(
            |(worker, a, b, surcharge)| {
                let [low, high] = [a.min(b), a.max(b)];
                Fees {
                    worker,
                    protocol: 10_000 - worker,
                    burn: low,
                    treasury: high - low,
                    stakers: 10_000 - high,
                    surcharge,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn parts_sum(fees in any_fees(), low in any::<u128>(), high in 0u128..1 << 100) {
            let split = fees.split(U256 { low, high }).unwrap();
            let sum = |parts: [U256; 3]| {
                parts.into_iter().fold(U256::ZERO, |sum, p| sum.checked_add(p).unwrap())
            };
            prop_assert_eq!(sum([split.worker, split.protocol, U256::ZERO]), split.shared);
            prop_assert_eq!(sum([split.burned, split.treasury, split.stakers]), split.protocol);
            prop_assert_eq!(sum([split.transferred, split.burned, U256::ZERO]), split.shared);
            let paid = sum([split.collected, split.needed, U256::ZERO]);
            prop_assert!(paid >= split.transferred);
            prop_assert!(split.needed == U256::ZERO || paid == split.transferred);
        }
    }

    #[test]
    fn shares_keep_the_rules_of_the_router() {
        let refused = |fees: Fees| fees.split(U256::from(100)).unwrap_err();
        let reason = |reason| StarknetError::Fees { reason };
        let fees = Fees::DOCUMENTED;
        assert_eq!(
            refused(Fees {
                worker: 7999,
                ..fees
            }),
            reason("Worker+Protocol must be 100%")
        );
        assert_eq!(
            refused(Fees { burn: 1, ..fees }),
            reason("Fee shares must sum to 100%")
        );
        assert_eq!(
            refused(Fees {
                worker: 4999,
                protocol: 5001,
                ..fees
            }),
            reason("Worker share too low")
        );
        let max = U256 {
            low: u128::MAX,
            high: u128::MAX,
        };
        let error = fees.split(max).unwrap_err();
        assert_eq!(error, reason("u256_mul Overflow"));
    }
}
