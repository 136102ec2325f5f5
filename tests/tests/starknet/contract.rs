//! The rules of the deployed verifier, one test per row of the table in `docs/starknet.md`.
//!
//! Each test changes one thing about a list that the contract accepts.

use stwo_ml_verifier::starknet::{
    ContractState, Felt, MIN_FELTS, Outcome, judge, least_nonce, poseidon,
};

const IO: u32 = 0x5ea1;
const P: u32 = (1 << 31) - 1;

/// A list of ones with `[pow_bits, log_blowup, log_last_layer, queries]`, whole layers, some more
/// felts, and a nonce of 12 bits' work.
fn list(parameters: [u32; 4], layers: usize, more: usize) -> Vec<Felt> {
    let body = layers * (2 + parameters[3] as usize) + more;
    let mut felts = parameters.map(Felt::from).to_vec();
    felts.extend([Felt::from(IO), Felt::from(7u32)]);
    felts.extend(vec![Felt::ONE; body]);
    felts.push(least_nonce(Felt::from(IO)).unwrap().into());
    felts
}

/// Parameters of 128 bits: 12 + 2 * 58.
const PARAMETERS: [u32; 4] = [12, 2, 6, 58];

fn honest() -> Vec<Felt> {
    list(PARAMETERS, 4, 20)
}

/// A contract that asks for no security, to reach the rules behind that one.
const LENIENT: ContractState = ContractState {
    paused: false,
    min_security_bits: 0,
    max_proof_felts: 262_144,
    already_submitted: false,
};

fn deployed(data: &[Felt]) -> Outcome {
    judge(data, Felt::from(IO), &ContractState::default())
}

fn lenient(data: &[Felt]) -> Outcome {
    judge(data, Felt::from(IO), &LENIENT)
}

fn reverts(reason: &'static str) -> Outcome {
    Outcome::Reverts { reason }
}

/// The check of the form fails, after the list was hashed and stored.
fn rejected(data: &[Felt]) -> Outcome {
    Outcome::Rejected {
        reason: "stwo_verification_failed",
        proof_hash: poseidon(data),
    }
}

fn accepted(data: &[Felt], security_bits: u32) -> Outcome {
    Outcome::Accepted {
        security_bits,
        proof_hash: poseidon(data),
    }
}

/// `honest` with one felt replaced.
fn with(index: usize, value: impl Into<Felt>) -> Vec<Felt> {
    let mut data = honest();
    data[index] = value.into();
    data
}

#[test]
fn accepts_the_form() {
    assert_eq!(deployed(&honest()), accepted(&honest(), 128));
}

#[test]
fn paused_comes_first() {
    let state = ContractState {
        paused: true,
        ..ContractState::default()
    };
    for data in [honest(), Vec::new()] {
        let outcome = judge(&data, Felt::from(IO), &state);
        assert_eq!(outcome, reverts("Contract is paused"));
    }
}

/// A mismatch is no revert, is found before any hash, and comes before the length.
#[test]
fn a_commitment_mismatch_is_rejected_softly() {
    let mismatch = Outcome::Rejected {
        reason: "io_commitment_mismatch",
        proof_hash: Felt::ZERO,
    };
    assert_eq!(deployed(&with(4, IO + 1)), mismatch);
    assert_eq!(deployed(&honest()[..4]), mismatch);
    assert_eq!(deployed(&[]), mismatch);
    // Without a fifth felt not even the absence of an expectation helps.
    let none = judge(&honest()[..4], Felt::ZERO, &LENIENT);
    assert_eq!(none, mismatch);
}

#[test]
fn no_expected_commitment_is_no_check() {
    let outcome = judge(&honest(), Felt::ZERO, &ContractState::default());
    assert_eq!(outcome, accepted(&honest(), 128));
}

#[test]
fn too_large_and_too_small() {
    let data = honest();
    let state = |max_proof_felts| ContractState {
        max_proof_felts,
        ..ContractState::default()
    };
    let length = data.len() as u32;
    let judged = |state| judge(&data, Felt::from(IO), &state);
    assert_eq!(judged(state(length)), accepted(&data, 128));
    assert_eq!(judged(state(length - 1)), reverts("Proof too large"));
    // 32 felts: four layers of four queries and one felt more.
    let small = list([12, 2, 6, 4], 4, 1);
    assert_eq!(small.len(), MIN_FELTS);
    assert_eq!(lenient(&small), accepted(&small, 20));
    assert_eq!(
        lenient(&list([12, 2, 6, 4], 4, 0)),
        reverts("Proof too small")
    );
    assert_eq!(deployed(&data[..31]), reverts("Proof too small"));
}

#[test]
fn a_list_is_submitted_once() {
    let state = ContractState {
        already_submitted: true,
        ..ContractState::default()
    };
    let judged = |data: &[Felt]| judge(data, Felt::from(IO), &state);
    assert_eq!(judged(&honest()), reverts("Proof already submitted"));
    // Length comes first.
    assert_eq!(judged(&honest()[..31]), reverts("Proof too small"));
}

#[test]
fn security_bits_are_counted_from_the_header() {
    // 12 + 2 * 57 with an odd number of queries: the count comes first.
    let insufficient = reverts("Insufficient security bits");
    assert_eq!(deployed(&list([12, 2, 6, 56], 4, 20)), insufficient);
    assert_eq!(deployed(&with(3, 57u32)), insufficient);
    // A felt that is no u32 counts as zero.
    let wide = Felt::from(1u64 << 32);
    for index in [0, 1, 3] {
        assert_eq!(deployed(&with(index, wide)), insufficient);
    }
    // The third parameter counts for nothing, and zero is in its range.
    let data = with(2, wide);
    assert_eq!(deployed(&data), accepted(&data, 128));
}

#[test]
fn security_bits_overflow() {
    let mut data = with(1, u32::MAX);
    assert_eq!(deployed(&data), reverts("u32_mul Overflow"));
    data[3] = Felt::ONE;
    assert_eq!(deployed(&data), reverts("u32_add Overflow"));
}

#[test]
fn parameters_have_ranges() {
    let check = |parameters: [u32; 4], layers, expected| {
        let data = list(parameters, layers, 20);
        let outcome = lenient(&data);
        match expected {
            true => assert!(outcome.is_accepted(), "{parameters:?}: {outcome:?}"),
            false => assert_eq!(outcome, rejected(&data), "{parameters:?}"),
        }
    };
    // (index, value, accepted). More bits than 12 need more work than the list has.
    let cases = [
        (0, 11, false),
        (0, 12, true),
        (0, 31, false),
        (1, 0, false),
        (1, 1, true),
        (1, 16, true),
        (1, 17, false),
        (2, 0, true),
        (2, 20, true),
        (2, 21, false),
        (3, 2, false),
        (3, 4, true),
        (3, 128, true),
        (3, 130, false),
    ];
    for (index, value, expected) in cases {
        let mut parameters = PARAMETERS;
        parameters[index] = value;
        check(parameters, 18, expected);
    }
}

#[test]
fn the_number_of_queries_is_even() {
    let data = list([12, 2, 6, 59], 4, 20);
    assert_eq!(deployed(&data), rejected(&data));
}

#[test]
fn the_commitments_are_not_zero() {
    let data = with(5, 0u32);
    assert_eq!(deployed(&data), rejected(&data));
    // Felt 4 is zero only where no commitment is expected; the work is done for it.
    let mut data = with(4, 0u32);
    *data.last_mut().unwrap() = least_nonce(Felt::ZERO).unwrap().into();
    let outcome = judge(&data, Felt::ZERO, &ContractState::default());
    assert_eq!(outcome, rejected(&data));
}

#[test]
fn values_are_below_the_modulus() {
    for index in [8, honest().len() - 2] {
        let data = with(index, P);
        assert_eq!(deployed(&data), rejected(&data));
        let data = with(index, Felt::from(u64::MAX));
        assert_eq!(deployed(&data), rejected(&data));
        let data = with(index, P - 1);
        assert_eq!(deployed(&data), accepted(&data, 128));
        let data = with(index, 0u32);
        assert_eq!(deployed(&data), accepted(&data, 128));
    }
}

#[test]
fn work_is_done() {
    let last = honest().len() - 1;
    // The contract's words: the hash is below 2^(252 - 12).
    let limit = Felt::from_hex_be(&format!("0x1{}", "0".repeat(60))).unwrap();
    let done = |io: u32, nonce: u32| poseidon(&[io.into(), nonce.into()]) < limit;
    for io in 1..9 {
        let least = (1..).find(|nonce| done(io, *nonce));
        assert_eq!(least_nonce(Felt::from(io)), least);
    }
    let nonce = least_nonce(Felt::from(IO)).unwrap();
    for nonce in [0, 1, nonce - 1] {
        let data = with(last, nonce);
        assert_eq!(deployed(&data), rejected(&data));
    }
    let next = (nonce + 1..).find(|n| done(IO, *n)).unwrap();
    let data = with(last, next);
    assert_eq!(deployed(&data), accepted(&data, 128));
}

#[test]
fn a_nonce_is_not_zero() {
    // A commitment for which zero would be a sufficient nonce.
    let limit = Felt::from_hex_be(&format!("0x1{}", "0".repeat(60))).unwrap();
    let io = (1u32..).map(Felt::from);
    let io = io
        .into_iter()
        .find(|io| poseidon(&[*io, Felt::ZERO]) < limit)
        .unwrap();
    let mut data = with(4, io);
    *data.last_mut().unwrap() = Felt::ZERO;
    let judged = |data: &[Felt]| judge(data, io, &ContractState::default());
    assert_eq!(judged(&data), rejected(&data));
    *data.last_mut().unwrap() = least_nonce(io).unwrap().into();
    assert_eq!(judged(&data), accepted(&data, 128));
}

#[test]
fn layers_have_commitments_and_challenges() {
    for layer in 0..4 {
        let start = 6 + layer * 60;
        for index in [start, start + 1] {
            let data = with(index, 0u32);
            assert_eq!(deployed(&data), rejected(&data), "{index}");
        }
        let data = with(start + 2, 0u32);
        assert_eq!(deployed(&data), accepted(&data, 128));
    }
    // Behind the last expected layer nothing is a layer.
    let data = with(6 + 4 * 60, 0u32);
    assert_eq!(deployed(&data), accepted(&data, 128));
}

#[test]
fn layers_are_enough() {
    // `log_blowup + 2` of them, or four whole ones if the list ends.
    let judged = |log_blowup, layers, more| lenient(&list([12, log_blowup, 6, 10], layers, more));
    assert!(judged(2, 4, 0).is_accepted());
    assert!(!judged(2, 3, 0).is_accepted());
    // The nonce counts as the last felt of a layer.
    assert!(judged(2, 3, 11).is_accepted());
    assert!(!judged(2, 3, 10).is_accepted());
    assert!(judged(1, 3, 0).is_accepted());
    assert!(!judged(1, 2, 0).is_accepted());
    assert!(judged(16, 4, 0).is_accepted());
    assert!(!judged(16, 3, 0).is_accepted());
    // A fifth layer of a list that has it counts, if the blow-up asks for it.
    let mut data = list([12, 16, 6, 10], 5, 0);
    data[6 + 4 * 12] = Felt::ZERO;
    assert_eq!(lenient(&data), rejected(&data));
    data[1] = Felt::TWO;
    assert_eq!(lenient(&data), accepted(&data, 32));
}
