//! Collects a payment in SAGE and shares it out between worker, treasury, stakers and burn.
//!
//! It never asks whether a proof was accepted, and it shares out five per cent more than it collects.

use starknet::ContractAddress;

#[derive(Copy, Drop, Serde, starknet::Store)]
pub struct FeeDistribution {
    pub worker_bps: u32,
    pub protocol_fee_bps: u32,
    pub burn_share_bps: u32,
    pub treasury_share_bps: u32,
    pub staker_share_bps: u32,
}

#[derive(Copy, Drop, Serde, starknet::Store)]
pub struct DiscountTiers {
    pub stablecoin_discount_bps: u32,
    pub strk_discount_bps: u32,
    pub wbtc_discount_bps: u32,
    pub sage_discount_bps: u32,
    pub staked_sage_discount_bps: u32,
    pub privacy_credit_discount_bps: u32,
}

#[starknet::interface]
pub trait IPaymentRouter<T> {
    fn register_job(ref self: T, job_id: u256, worker: ContractAddress, privacy_enabled: bool);
    fn pay_with_sage(ref self: T, amount: u256, job_id: u256);
    fn get_fee_distribution(self: @T) -> FeeDistribution;
    fn get_discount_tiers(self: @T) -> DiscountTiers;
    fn set_fee_distribution(ref self: T, distribution: FeeDistribution);
    fn set_authorized_submitter(ref self: T, submitter: ContractAddress);
}

#[starknet::contract]
pub mod PaymentRouter {
    use core::num::traits::Zero;
    use starknet::storage::{
        Map, StorageMapReadAccess, StorageMapWriteAccess, StoragePointerReadAccess,
        StoragePointerWriteAccess,
    };
    use starknet::{
        ContractAddress, get_block_timestamp, get_caller_address, get_contract_address,
    };
    use crate::sage::{ISageDispatcher, ISageDispatcherTrait};
    use super::{DiscountTiers, FeeDistribution};

    const BASIS_POINTS: u256 = 10000;
    /// Ten cents, in units of 10^-18 dollars.
    const SAGE_PRICE: u256 = 100000000000000000;
    const DOLLAR: u256 = 1000000000000000000;

    #[storage]
    struct Storage {
        owner: ContractAddress,
        sage: ContractAddress,
        stakers: ContractAddress,
        treasury: ContractAddress,
        submitter: ContractAddress,
        fees: FeeDistribution,
        discounts: DiscountTiers,
        workers: Map<u256, ContractAddress>,
        private: Map<u256, bool>,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    pub enum Event {
        WorkerPaid: WorkerPaid,
        FeesDistributed: FeesDistributed,
        PaymentExecuted: PaymentExecuted,
    }

    #[derive(Drop, starknet::Event)]
    pub struct WorkerPaid {
        #[key]
        pub job_id: u256,
        #[key]
        pub worker: ContractAddress,
        pub sage_amount: u256,
        pub privacy_enabled: bool,
        pub timestamp: u64,
    }

    #[derive(Drop, starknet::Event)]
    pub struct FeesDistributed {
        pub total_sage: u256,
        pub to_worker: u256,
        pub protocol_fee: u256,
        pub burned: u256,
        pub to_treasury: u256,
        pub to_stakers: u256,
        pub timestamp: u64,
    }

    #[derive(Drop, starknet::Event)]
    pub struct PaymentExecuted {
        #[key]
        pub quote_id: u256,
        #[key]
        pub job_id: u256,
        #[key]
        pub payer: ContractAddress,
        pub payment_token: felt252,
        pub payment_amount: u256,
        pub sage_equivalent: u256,
        pub usd_value: u256,
    }

    #[constructor]
    fn constructor(
        ref self: ContractState,
        owner: ContractAddress,
        sage: ContractAddress,
        stakers: ContractAddress,
        treasury: ContractAddress,
    ) {
        assert!(owner.is_non_zero(), "Invalid owner");
        assert!(sage.is_non_zero(), "Invalid SAGE address");
        self.owner.write(owner);
        self.sage.write(sage);
        self.stakers.write(stakers);
        self.treasury.write(treasury);
        let fees = FeeDistribution {
            worker_bps: 8000,
            protocol_fee_bps: 2000,
            burn_share_bps: 7000,
            treasury_share_bps: 2000,
            staker_share_bps: 1000,
        };
        self.fees.write(fees);
        let discounts = DiscountTiers {
            stablecoin_discount_bps: 0,
            strk_discount_bps: 0,
            wbtc_discount_bps: 0,
            sage_discount_bps: 500,
            staked_sage_discount_bps: 1000,
            privacy_credit_discount_bps: 200,
        };
        self.discounts.write(discounts);
    }

    #[abi(embed_v0)]
    impl PaymentRouterImpl of super::IPaymentRouter<ContractState> {
        fn register_job(
            ref self: ContractState, job_id: u256, worker: ContractAddress, privacy_enabled: bool,
        ) {
            let (caller, submitter) = (get_caller_address(), self.submitter.read());
            let is_submitter = submitter.is_non_zero() && caller == submitter;
            assert(caller == self.owner.read() || is_submitter, 'Not authorized');
            self.workers.write(job_id, worker);
            self.private.write(job_id, privacy_enabled);
        }

        fn pay_with_sage(ref self: ContractState, amount: u256, job_id: u256) {
            let payer = get_caller_address();
            let surcharge: u256 = self.discounts.read().sage_discount_bps.into();
            let shared = amount * (BASIS_POINTS + surcharge) / BASIS_POINTS;
            let collected = self.token().transfer_from(payer, get_contract_address(), amount);
            assert(collected, 'SAGE transfer failed');
            self.share_out(shared, job_id);
            let event = PaymentExecuted {
                quote_id: 0,
                job_id,
                payer,
                payment_token: 'SAGE',
                payment_amount: amount,
                sage_equivalent: shared,
                usd_value: amount * SAGE_PRICE / DOLLAR,
            };
            self.emit(event);
        }

        fn get_fee_distribution(self: @ContractState) -> FeeDistribution {
            self.fees.read()
        }

        fn get_discount_tiers(self: @ContractState) -> DiscountTiers {
            self.discounts.read()
        }

        fn set_fee_distribution(ref self: ContractState, distribution: FeeDistribution) {
            self.only_owner();
            let FeeDistribution {
                worker_bps, protocol_fee_bps, burn_share_bps, treasury_share_bps, staker_share_bps,
            } = distribution;
            assert(worker_bps + protocol_fee_bps == 10000, 'Worker+Protocol must be 100%');
            let shares = burn_share_bps + treasury_share_bps + staker_share_bps;
            assert(shares == 10000, 'Fee shares must sum to 100%');
            assert(worker_bps >= 5000, 'Worker share too low');
            self.fees.write(distribution);
        }

        fn set_authorized_submitter(ref self: ContractState, submitter: ContractAddress) {
            self.only_owner();
            self.submitter.write(submitter);
        }
    }

    #[generate_trait]
    impl Internal of InternalTrait {
        fn only_owner(self: @ContractState) {
            assert(get_caller_address() == self.owner.read(), 'Only owner');
        }

        fn token(self: @ContractState) -> ISageDispatcher {
            ISageDispatcher { contract_address: self.sage.read() }
        }

        /// Pays the worker of a registered job, burns, and pays stakers and treasury.
        fn share_out(ref self: ContractState, total: u256, job_id: u256) {
            let fees = self.fees.read();
            let token = self.token();
            let to_worker = total * fees.worker_bps.into() / BASIS_POINTS;
            let protocol_fee = total - to_worker;
            let burned = protocol_fee * fees.burn_share_bps.into() / BASIS_POINTS;
            let to_treasury = protocol_fee * fees.treasury_share_bps.into() / BASIS_POINTS;
            let to_stakers = protocol_fee - burned - to_treasury;
            let timestamp = get_block_timestamp();

            let worker = self.workers.read(job_id);
            if worker.is_non_zero() {
                assert(token.transfer(worker, to_worker), 'Worker transfer failed');
                let privacy_enabled = self.private.read(job_id);
                let sage_amount = to_worker;
                self.emit(WorkerPaid { job_id, worker, sage_amount, privacy_enabled, timestamp });
            }
            if burned != 0 {
                token.burn_from_revenue(burned, burned * SAGE_PRICE / DOLLAR, SAGE_PRICE);
            }
            self.pay(self.stakers.read(), to_stakers, 'Staker transfer failed');
            self.pay(self.treasury.read(), to_treasury, 'Treasury transfer failed');
            let event = FeesDistributed {
                total_sage: total,
                to_worker,
                protocol_fee,
                burned,
                to_treasury,
                to_stakers,
                timestamp,
            };
            self.emit(event);
        }

        /// Transfers a share, unless it is nothing or has no recipient.
        fn pay(self: @ContractState, to: ContractAddress, amount: u256, failure: felt252) {
            if to.is_non_zero() && amount != 0 {
                assert(self.token().transfer(to, amount), failure);
            }
        }
    }
}
