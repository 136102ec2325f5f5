//! Vectors that were made elsewhere: what they say is what the verifier computes.

use serde_json::Value;
use sha3::{Digest, Keccak256};
use stwo_ml_verifier::Statement;
use stwo_ml_verifier::starknet::{
    Addresses, Call, ContractState, ENTRY_POINTS, Fees, Job, Outcome, Submission, U256, calls,
    execute_calldata, io_commitment, judge, parse_execute_calldata, poseidon,
};
use stwo_ml_verifier::vk::{Oracle, Port, Tensor};

use super::{Felt, felt};

macro_rules! vector {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../vectors/starknet/", $name)))
            .unwrap()
    };
}

fn one(value: &Value) -> Felt {
    felt(value.as_str().unwrap())
}

pub(super) fn felts(value: &Value) -> Vec<Felt> {
    value.as_array().unwrap().iter().map(one).collect()
}

fn u256(value: &Value) -> U256 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => u128::from(value.as_u64().unwrap()).into(),
    }
}

/// The list of 173 felts that has the contract's form, with its commitment.
pub(super) fn well_formed() -> (Vec<Felt>, Felt) {
    let vector = vector!("multicall.json");
    (felts(&vector["proof_data"]), one(&vector["io"]))
}

/// The 46 felts that stand for nothing, with their commitment.
pub(super) fn junk() -> (Vec<Felt>, Felt) {
    let vector = vector!("junk.json");
    (felts(&vector["proof_data"]), one(&vector["io"]))
}

#[test]
fn poseidon_of_spans() {
    for vector in vector!("poseidon.json")["spans"].as_array().unwrap() {
        assert_eq!(poseidon(&felts(&vector["felts"])), one(&vector["hash"]));
    }
}

#[test]
fn selectors_are_keccak() {
    let vector = vector!("selectors.json");
    let keccak = |name: &str| {
        let mut hash: [u8; 32] = Keccak256::digest(name).into();
        hash[0] &= 3; // 250 bits
        Felt::from_bytes_be(&hash).unwrap()
    };
    for kind in ["functions", "events"] {
        for (name, selector) in vector[kind].as_object().unwrap() {
            assert_eq!(keccak(name), one(selector), "{name}");
        }
    }
    for (name, selector) in ENTRY_POINTS {
        assert_eq!(keccak(name), felt(selector), "{name}");
        assert_eq!(felt(selector), one(&vector["functions"][name]));
    }
}

/// A key with one input and one output of these axes, and nothing else.
pub(super) fn key(input: &[u32], output: &[u32]) -> stwo_ml_verifier::Vk {
    let tensor = |offset, dims: &[u32]| Tensor {
        oracle: Oracle::Witness,
        offset,
        log_size: dims
            .iter()
            .map(|d| d.next_power_of_two().trailing_zeros() as u8)
            .sum(),
        lo: -1000,
        hi: 1000,
    };
    let port = |name: &str, tensor, dims: &[u32]| Port {
        name: name.into(),
        dims: dims.to_vec(),
        scale: 0,
        tensor,
    };
    stwo_ml_verifier::Vk {
        name: "ports".into(),
        level: stwo_ml_verifier::Level::Onchain128,
        log_rows: 8,
        log_witness_columns: 0,
        log_weight_columns: 0,
        weights: Vec::new(),
        tensors: vec![tensor(0, input), tensor(128, output)],
        tables: Vec::new(),
        lookups: Vec::new(),
        zeros: Vec::new(),
        inputs: vec![port("in", 0, input)],
        outputs: vec![port("out", 1, output)],
    }
}

#[test]
fn the_commitment_of_input_and_output() {
    let vector = vector!("io_commitment.json");
    let integers = |value: &Value| -> Vec<i32> {
        let values = value.as_array().unwrap().iter();
        values.map(|v| v.as_i64().unwrap() as i32).collect()
    };
    let dims = |value: &Value| -> Vec<u32> {
        integers(&value["dims"]).iter().map(|d| *d as u32).collect()
    };
    let (input, output) = (&vector["input"], &vector["output"]);
    let statement = Statement {
        inputs: vec![integers(&input["values"])],
        outputs: vec![integers(&output["values"])],
    };
    let key = key(&dims(input), &dims(output));
    let expected = one(&vector["commitment"]);
    assert_eq!(io_commitment(&key, &statement), Ok(expected));
    let span: Vec<Felt> = integers(&vector["span"])
        .iter()
        .map(|v| Felt::from(*v as u32))
        .collect();
    assert_eq!(poseidon(&span), expected);
}

/// Negative integers are their representatives modulo `2^31 - 1`; all axes but the last are rows.
#[test]
fn the_commitment_of_other_ranks() {
    let statement = Statement {
        inputs: vec![vec![-1, 2, -3, 4, -5, 6, -7, 8]],
        outputs: vec![vec![-1000, 0, 1000]],
    };
    let m31 = |v: i64| Felt::from(v.rem_euclid((1 << 31) - 1) as u32);
    let span = [4, 2, 8, -1, 2, -3, 4, -5, 6, -7, 8, 1, 3, 3, -1000, 0, 1000];
    let expected = poseidon(&span.map(m31));
    let commitment = io_commitment(&key(&[2, 2, 2], &[3]), &statement).unwrap();
    assert_eq!(commitment, expected);
    // Another shape of the same values is another statement.
    let other = io_commitment(&key(&[2, 4], &[3]), &statement).unwrap();
    assert_ne!(other, expected);
}

/// The addresses and the job of the vector of calls.
pub(super) fn submission() -> (Addresses, Job) {
    let vector = vector!("multicall.json");
    let (addresses, job) = (&vector["addresses"], &vector["job"]);
    let addresses = Addresses {
        gate: one(&addresses["gate"]),
        verifier: one(&addresses["verifier"]),
        router: one(&addresses["router"]),
        token: Felt::ONE,
    };
    let job = Job {
        id: u256(&job["id"]),
        worker: one(&job["worker"]),
        client: one(&job["client"]),
        amount: u256(&job["amount"]),
        usd: u256(&job["usd"]),
        privacy: job["privacy"].as_bool().unwrap(),
    };
    (addresses, job)
}

#[test]
fn the_calls_of_a_submission() {
    let vector = vector!("multicall.json");
    let (addresses, job) = submission();
    let (proof_data, io) = well_formed();
    let made = calls(&addresses, &job, &proof_data, io).unwrap();
    let expected: Vec<Call> = vector["calls"]
        .as_array()
        .unwrap()
        .iter()
        .zip(ENTRY_POINTS)
        .map(|(call, (name, _))| {
            assert_eq!(call["entry_point"], name);
            Call {
                to: one(&call["to"]),
                selector: one(&call["selector"]),
                calldata: felts(&call["calldata"]),
            }
        })
        .collect();
    assert_eq!(made[..], expected);
    let calldata = felts(&vector["execute_calldata"]);
    assert_eq!(execute_calldata(&made), calldata);
    assert_eq!(parse_execute_calldata(&calldata).unwrap(), expected);
    let submission = Submission::parse(&expected).unwrap();
    assert_eq!((submission.job, submission.io), (job, io));
    assert_eq!(submission.proof_data, proof_data);
}

#[test]
fn the_contract_accepts_what_has_its_form() {
    let vector = vector!("multicall.json");
    let (data, io) = well_formed();
    let expected = Outcome::Accepted {
        security_bits: vector["security_bits"].as_u64().unwrap() as u32,
        proof_hash: one(&vector["proof_hash"]),
    };
    assert_eq!(judge(&data, io, &ContractState::default()), expected);
    assert_eq!(
        judge(&data, Felt::ZERO, &ContractState::default()),
        expected
    );
    let work = poseidon(&[io, *data.last().unwrap()]);
    assert_eq!(work, one(&vector["work_hash"]));
    assert!(work < one(&vector["work_threshold"]));
}

#[test]
fn the_contract_accepts_junk() {
    let vector = vector!("junk.json");
    let (data, io) = junk();
    let expected = Outcome::Accepted {
        security_bits: 128 + 12,
        proof_hash: one(&vector["proof_hash"]),
    };
    assert_eq!(judge(&data, io, &ContractState::default()), expected);
}

#[test]
fn fees_are_shared_out_to_the_last_unit() {
    let vector = vector!("fee_split.json");
    for (name, fees) in [("source", Fees::SOURCE), ("documented", Fees::DOCUMENTED)] {
        for case in vector[name].as_array().unwrap() {
            let split = fees.split(u256(&case["amount"])).unwrap();
            let parts = [
                ("amount", split.collected),
                ("shared", split.shared),
                ("worker", split.worker),
                ("protocol", split.protocol),
                ("burned", split.burned),
                ("treasury", split.treasury),
                ("stakers", split.stakers),
                ("transferred", split.transferred),
                ("usd", split.usd()),
            ];
            for (part, value) in parts {
                assert_eq!(value, u256(&case[part]), "{name} {part} of {case}");
            }
        }
    }
}
