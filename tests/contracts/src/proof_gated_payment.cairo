//! Registers the payment of a job and releases it when the verifier reports a proof.

use starknet::ContractAddress;

#[derive(Copy, Drop, Serde, PartialEq, Default, starknet::Store)]
pub enum Source {
    #[default]
    Stwo,
    TeeOptimistic,
    TeeChallenged,
}

#[derive(Copy, Drop, Serde, PartialEq, Default, starknet::Store)]
pub enum Status {
    #[default]
    Pending,
    ProofVerified,
    PaymentReleased,
    Disputed,
    Cancelled,
}

#[derive(Copy, Drop, Serde, starknet::Store)]
pub struct Payment {
    pub job_id: u256,
    pub worker: ContractAddress,
    pub client: ContractAddress,
    pub sage_amount: u256,
    pub usd_value: u256,
    pub verification_source: Source,
    pub status: Status,
    pub proof_verified_at: u64,
    pub payment_released_at: u64,
    pub privacy_enabled: bool,
}

#[starknet::interface]
pub trait IProofGatedPayment<T> {
    fn register_job_payment(
        ref self: T,
        job_id: u256,
        worker: ContractAddress,
        client: ContractAddress,
        sage_amount: u256,
        usd_value: u256,
        privacy_enabled: bool,
    );
    fn mark_proof_verified(ref self: T, job_id: u256);
    fn get_job_payment(self: @T, job_id: u256) -> Payment;
    fn configure(
        ref self: T,
        payment_router: ContractAddress,
        optimistic_tee: ContractAddress,
        job_manager: ContractAddress,
        stwo_verifier: ContractAddress,
    );
}

#[starknet::contract]
pub mod ProofGatedPayment {
    use core::num::traits::Zero;
    use starknet::storage::{
        Map, StorageMapReadAccess, StorageMapWriteAccess, StoragePointerReadAccess,
        StoragePointerWriteAccess,
    };
    use starknet::{ContractAddress, get_block_timestamp, get_caller_address};
    use crate::payment_router::{IPaymentRouterDispatcher, IPaymentRouterDispatcherTrait};
    use super::{Payment, Source, Status};

    #[storage]
    struct Storage {
        owner: ContractAddress,
        proof_verifier: ContractAddress,
        payment_router: ContractAddress,
        optimistic_tee: ContractAddress,
        job_manager: ContractAddress,
        stwo_verifier: ContractAddress,
        registered: Map<u256, bool>,
        payments: Map<u256, Payment>,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    pub enum Event {
        JobPaymentRegistered: JobPaymentRegistered,
        ProofVerifiedPaymentReady: ProofVerifiedPaymentReady,
        PaymentReleased: PaymentReleased,
    }

    #[derive(Drop, starknet::Event)]
    pub struct JobPaymentRegistered {
        #[key]
        pub job_id: u256,
        #[key]
        pub worker: ContractAddress,
        pub sage_amount: u256,
        pub timestamp: u64,
    }

    #[derive(Drop, starknet::Event)]
    pub struct ProofVerifiedPaymentReady {
        #[key]
        pub job_id: u256,
        pub proof_hash: felt252,
        pub timestamp: u64,
    }

    #[derive(Drop, starknet::Event)]
    pub struct PaymentReleased {
        #[key]
        pub job_id: u256,
        #[key]
        pub worker: ContractAddress,
        pub sage_amount: u256,
        pub verification_source: felt252,
        pub privacy_enabled: bool,
        pub timestamp: u64,
    }

    #[constructor]
    fn constructor(
        ref self: ContractState, owner: ContractAddress, proof_verifier: ContractAddress,
    ) {
        assert!(owner.is_non_zero(), "Invalid owner address");
        assert!(proof_verifier.is_non_zero(), "Invalid proof verifier address");
        self.owner.write(owner);
        self.proof_verifier.write(proof_verifier);
    }

    #[abi(embed_v0)]
    impl ProofGatedPaymentImpl of super::IProofGatedPayment<ContractState> {
        fn register_job_payment(
            ref self: ContractState,
            job_id: u256,
            worker: ContractAddress,
            client: ContractAddress,
            sage_amount: u256,
            usd_value: u256,
            privacy_enabled: bool,
        ) {
            assert(self.may_register(get_caller_address()), 'Not authorized');
            assert(!self.registered.read(job_id), 'Job already registered');
            assert(worker.is_non_zero(), 'Invalid worker');
            assert(sage_amount != 0, 'Invalid amount');
            let payment = Payment {
                job_id,
                worker,
                client,
                sage_amount,
                usd_value,
                verification_source: Source::Stwo,
                status: Status::Pending,
                proof_verified_at: 0,
                payment_released_at: 0,
                privacy_enabled,
            };
            self.registered.write(job_id, true);
            self.payments.write(job_id, payment);
            let timestamp = get_block_timestamp();
            self.emit(JobPaymentRegistered { job_id, worker, sage_amount, timestamp });
        }

        fn mark_proof_verified(ref self: ContractState, job_id: u256) {
            let verifier = self.stwo_verifier.read();
            assert!(verifier.is_non_zero(), "STWO verifier not configured");
            assert!(get_caller_address() == verifier, "Only STWO verifier");
            assert!(self.registered.read(job_id), "Job not registered");
            let payment = self.payments.read(job_id);
            assert!(payment.status == Status::Pending, "Invalid status");

            let timestamp = get_block_timestamp();
            // The callback carries the job only: the event's proof hash is always zero.
            self.emit(ProofVerifiedPaymentReady { job_id, proof_hash: 0, timestamp });
            let router = IPaymentRouterDispatcher { contract_address: self.payment_router.read() };
            router.register_job(job_id, payment.worker, payment.privacy_enabled);
            let released = Payment {
                verification_source: Source::Stwo,
                status: Status::PaymentReleased,
                proof_verified_at: timestamp,
                payment_released_at: timestamp,
                ..payment,
            };
            self.payments.write(job_id, released);
            let event = PaymentReleased {
                job_id,
                worker: payment.worker,
                sage_amount: payment.sage_amount,
                verification_source: 'STWO_PROOF',
                privacy_enabled: payment.privacy_enabled,
                timestamp,
            };
            self.emit(event);
        }

        fn get_job_payment(self: @ContractState, job_id: u256) -> Payment {
            self.payments.read(job_id)
        }

        fn configure(
            ref self: ContractState,
            payment_router: ContractAddress,
            optimistic_tee: ContractAddress,
            job_manager: ContractAddress,
            stwo_verifier: ContractAddress,
        ) {
            assert(get_caller_address() == self.owner.read(), 'Only owner');
            assert!(payment_router.is_non_zero(), "Invalid payment router");
            assert!(optimistic_tee.is_non_zero(), "Invalid optimistic TEE");
            assert!(job_manager.is_non_zero(), "Invalid job manager");
            assert!(stwo_verifier.is_non_zero(), "Invalid STWO verifier");
            self.payment_router.write(payment_router);
            self.optimistic_tee.write(optimistic_tee);
            self.job_manager.write(job_manager);
            self.stwo_verifier.write(stwo_verifier);
        }
    }

    #[generate_trait]
    impl Internal of InternalTrait {
        /// The owner and the three configured roles may register payments.
        fn may_register(self: @ContractState, caller: ContractAddress) -> bool {
            caller == self.owner.read()
                || caller == self.proof_verifier.read()
                || caller == self.optimistic_tee.read()
                || caller == self.job_manager.read()
        }
    }
}
