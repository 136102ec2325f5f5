//! A verifier that checks the shape of `proof_data` and nothing else.
//!
//! Every accepted or rejected vector is stored felt by felt. A vector of the wrong shape does not
//! revert: the contract emits `ProofRejected`, returns false, and the transaction succeeds.

use starknet::ContractAddress;

#[derive(Copy, Drop, Serde, PartialEq, Default, starknet::Store)]
pub enum Status {
    #[default]
    NotSubmitted,
    Pending,
    Verified,
    Failed,
    Rejected,
    OptimisticPending,
    Challenged,
}

#[derive(Copy, Drop, Serde, PartialEq, Default, starknet::Store)]
pub enum Source {
    #[default]
    Standard,
    Tee,
    Unknown,
}

#[derive(Copy, Drop, Serde, starknet::Store)]
pub struct Config {
    pub min_security_bits: u32,
    pub max_proof_size: u32,
    pub is_paused: bool,
    pub gpu_tee_enabled: bool,
    pub challenge_window_seconds: u64,
    pub gpu_tee_min_security_bits: u32,
}

#[derive(Copy, Drop, Serde, starknet::Store)]
pub struct Metadata {
    pub proof_hash: felt252,
    pub public_input_hash: felt252,
    pub security_bits: u32,
    pub submitted_at: u64,
    pub submitter: ContractAddress,
    pub status: Status,
    pub verified_at_block: u64,
    pub proof_source: Source,
    pub challenge_deadline: u64,
}

#[starknet::interface]
pub trait IStwoVerifier<T> {
    fn submit_and_verify_with_io_binding(
        ref self: T, proof_data: Array<felt252>, expected_io_hash: felt252, job_id: u256,
    ) -> bool;
    fn is_proof_verified(self: @T, proof_hash: felt252) -> bool;
    fn get_proof_metadata(self: @T, proof_hash: felt252) -> Metadata;
    fn get_job_for_proof(self: @T, proof_hash: felt252) -> u256;
    fn get_config(self: @T) -> Config;
    fn get_verified_count(self: @T) -> u64;
    fn get_verification_callback(self: @T) -> ContractAddress;
    fn update_config(ref self: T, config: Config);
    fn set_paused(ref self: T, paused: bool);
    fn set_verification_callback(ref self: T, callback: ContractAddress);
}

/// The structural rules, in the order of `docs/starknet.md`.
pub mod rules {
    use core::poseidon::poseidon_hash_span;

    pub const MIN_FELTS: u32 = 32;
    const M31: u256 = 0x7fffffff;
    const FIRST_LAYER: u32 = 6;
    const ENOUGH_LAYERS: u32 = 4;

    /// A header felt; one that is no u32 counts as zero.
    fn header(data: Span<felt252>, index: u32) -> u32 {
        (*data[index]).try_into().unwrap_or(0)
    }

    /// The security that the header claims.
    pub fn security_bits(data: Span<felt252>) -> u32 {
        header(data, 1) * header(data, 3) + header(data, 0)
    }

    /// Whether the vector, of at least `MIN_FELTS` felts, has the expected shape.
    pub fn accept(data: Span<felt252>) -> bool {
        header_is_in_range(data)
            && *data[4] != 0
            && *data[5] != 0
            && are_m31(data.slice(FIRST_LAYER, data.len() - FIRST_LAYER))
            && work_is_done(data)
            && layers_are_present(data)
            && point_is_in_general_position(data)
    }

    fn header_is_in_range(data: Span<felt252>) -> bool {
        let (pow, blowup) = (header(data, 0), header(data, 1));
        let (last, queries) = (header(data, 2), header(data, 3));
        12 <= pow && pow <= 30 && 1 <= blowup && blowup <= 16 && last <= 20 && 4 <= queries
            && queries <= 128
    }

    fn are_m31(mut values: Span<felt252>) -> bool {
        loop {
            match values.pop_front() {
                Option::Some(value) => {
                    let value: u256 = (*value).into();
                    if value >= M31 {
                        break false;
                    }
                },
                Option::None => { break true; },
            }
        }
    }

    fn work_is_done(data: Span<felt252>) -> bool {
        let nonce = *data[data.len() - 1];
        let hash: u256 = poseidon_hash_span([*data[4], nonce].span()).into();
        let mut threshold: u256 = 1;
        for _ in 0..(252 - header(data, 0)) {
            threshold *= 2;
        }
        nonce != 0 && hash < threshold
    }

    fn layers_are_present(data: Span<felt252>) -> bool {
        let queries = header(data, 3);
        let expected = header(data, 1) + 2;
        let mut start = FIRST_LAYER;
        let mut layer = 0;
        loop {
            if layer == expected {
                break true;
            }
            if start + 2 + queries > data.len() {
                break layer >= ENOUGH_LAYERS;
            }
            let (commitment, challenge) = (*data[start], *data[start + 1]);
            if commitment == 0 || challenge == 0 || queries % 2 == 1 {
                break false;
            }
            start += 2 + queries;
            layer += 1;
        }
    }

    fn point_is_in_general_position(data: Span<felt252>) -> bool {
        let hash: u256 = poseidon_hash_span(['OODS', *data[4], *data[5]].span()).into();
        let point = hash % M31;
        point != 0 && point != 1 && point != M31 - 1
    }
}

#[starknet::contract]
pub mod StwoVerifier {
    use core::num::traits::Zero;
    use core::poseidon::poseidon_hash_span;
    use starknet::storage::{
        Map, StorageMapReadAccess, StorageMapWriteAccess, StoragePointerReadAccess,
        StoragePointerWriteAccess,
    };
    use starknet::{ContractAddress, get_block_number, get_block_timestamp, get_caller_address};
    use crate::proof_gated_payment::{IProofGatedPaymentDispatcher, IProofGatedPaymentDispatcherTrait};
    use super::{Config, Metadata, Source, Status, rules};

    #[storage]
    struct Storage {
        owner: ContractAddress,
        config: Config,
        callback: ContractAddress,
        felts: Map<(felt252, u32), felt252>,
        lengths: Map<felt252, u32>,
        metadata: Map<felt252, Metadata>,
        jobs: Map<felt252, u256>,
        verified: u64,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    pub enum Event {
        ProofSubmitted: ProofSubmitted,
        ProofLinkedToJob: ProofLinkedToJob,
        ProofVerified: ProofVerified,
        ProofRejected: ProofRejected,
    }

    #[derive(Drop, starknet::Event)]
    pub struct ProofSubmitted {
        #[key]
        pub proof_hash: felt252,
        pub submitter: ContractAddress,
        pub public_input_hash: felt252,
        pub timestamp: u64,
        pub proof_source: Source,
    }

    #[derive(Drop, starknet::Event)]
    pub struct ProofLinkedToJob {
        #[key]
        pub proof_hash: felt252,
        #[key]
        pub job_id: u256,
        pub timestamp: u64,
    }

    #[derive(Drop, starknet::Event)]
    pub struct ProofVerified {
        #[key]
        pub proof_hash: felt252,
        pub block_number: u64,
        pub security_bits: u32,
        pub proof_source: Source,
    }

    #[derive(Drop, starknet::Event)]
    pub struct ProofRejected {
        #[key]
        pub proof_hash: felt252,
        pub reason: felt252,
    }

    #[constructor]
    fn constructor(
        ref self: ContractState,
        owner: ContractAddress,
        min_security_bits: u32,
        max_proof_size: u32,
        gpu_tee_enabled: bool,
    ) {
        self.owner.write(owner);
        let config = Config {
            min_security_bits,
            max_proof_size,
            is_paused: false,
            gpu_tee_enabled,
            challenge_window_seconds: 3600,
            gpu_tee_min_security_bits: min_security_bits / 2,
        };
        self.config.write(config);
    }

    #[abi(embed_v0)]
    impl StwoVerifierImpl of super::IStwoVerifier<ContractState> {
        fn submit_and_verify_with_io_binding(
            ref self: ContractState,
            proof_data: Array<felt252>,
            expected_io_hash: felt252,
            job_id: u256,
        ) -> bool {
            let data = proof_data.span();
            assert!(!self.config.read().is_paused, "Contract is paused");
            // The binding is checked before anything is hashed or stored: no hash in the event.
            if data.len() < 5 || (expected_io_hash != 0 && *data[4] != expected_io_hash) {
                self.emit(ProofRejected { proof_hash: 0, reason: 'io_commitment_mismatch' });
                return false;
            }
            let proof_hash = self.store(data, expected_io_hash);
            self.jobs.write(proof_hash, job_id);
            let timestamp = get_block_timestamp();
            self.emit(ProofLinkedToJob { proof_hash, job_id, timestamp });
            if !self.judge(proof_hash) {
                return false;
            }
            let callback = self.callback.read();
            if callback.is_non_zero() {
                let payment = IProofGatedPaymentDispatcher { contract_address: callback };
                payment.mark_proof_verified(job_id);
            }
            true
        }

        fn is_proof_verified(self: @ContractState, proof_hash: felt252) -> bool {
            self.metadata.read(proof_hash).status == Status::Verified
        }

        fn get_proof_metadata(self: @ContractState, proof_hash: felt252) -> Metadata {
            self.metadata.read(proof_hash)
        }

        fn get_job_for_proof(self: @ContractState, proof_hash: felt252) -> u256 {
            self.jobs.read(proof_hash)
        }

        fn get_config(self: @ContractState) -> Config {
            self.config.read()
        }

        fn get_verified_count(self: @ContractState) -> u64 {
            self.verified.read()
        }

        fn get_verification_callback(self: @ContractState) -> ContractAddress {
            self.callback.read()
        }

        fn update_config(ref self: ContractState, config: Config) {
            self.only_owner();
            self.config.write(config);
        }

        fn set_paused(ref self: ContractState, paused: bool) {
            self.only_owner();
            let config = Config { is_paused: paused, ..self.config.read() };
            self.config.write(config);
        }

        fn set_verification_callback(ref self: ContractState, callback: ContractAddress) {
            self.only_owner();
            self.callback.write(callback);
        }
    }

    #[generate_trait]
    impl Internal of InternalTrait {
        fn only_owner(self: @ContractState) {
            assert!(get_caller_address() == self.owner.read(), "Only owner");
        }

        /// Stores a new vector as pending and returns its hash.
        fn store(
            ref self: ContractState, data: Span<felt252>, public_input_hash: felt252,
        ) -> felt252 {
            let config = self.config.read();
            assert!(data.len() <= config.max_proof_size, "Proof too large");
            assert!(data.len() >= rules::MIN_FELTS, "Proof too small");
            let proof_hash = poseidon_hash_span(data);
            let known = self.metadata.read(proof_hash).status != Status::NotSubmitted;
            assert!(!known, "Proof already submitted");
            let security_bits = rules::security_bits(data);
            assert!(security_bits >= config.min_security_bits, "Insufficient security bits");

            for index in 0..data.len() {
                self.felts.write((proof_hash, index), *data[index]);
            }
            self.lengths.write(proof_hash, data.len());
            let submitter = get_caller_address();
            let timestamp = get_block_timestamp();
            let metadata = Metadata {
                proof_hash,
                public_input_hash,
                security_bits,
                submitted_at: timestamp,
                submitter,
                status: Status::Pending,
                verified_at_block: 0,
                proof_source: Source::Standard,
                challenge_deadline: 0,
            };
            self.metadata.write(proof_hash, metadata);
            let event = ProofSubmitted {
                proof_hash, submitter, public_input_hash, timestamp, proof_source: Source::Standard,
            };
            self.emit(event);
            proof_hash
        }

        /// Reads a stored vector back and applies the rules to it.
        fn judge(ref self: ContractState, proof_hash: felt252) -> bool {
            let mut data = array![];
            for index in 0..self.lengths.read(proof_hash) {
                data.append(self.felts.read((proof_hash, index)));
            }
            let metadata = self.metadata.read(proof_hash);
            if !rules::accept(data.span()) {
                self.metadata.write(proof_hash, Metadata { status: Status::Failed, ..metadata });
                self.emit(ProofRejected { proof_hash, reason: 'stwo_verification_failed' });
                return false;
            }
            let block_number = get_block_number();
            let verified = Metadata {
                status: Status::Verified, verified_at_block: block_number, ..metadata,
            };
            self.metadata.write(proof_hash, verified);
            self.verified.write(self.verified.read() + 1);
            let event = ProofVerified {
                proof_hash,
                block_number,
                security_bits: metadata.security_bits,
                proof_source: Source::Standard,
            };
            self.emit(event);
            true
        }
    }
}
