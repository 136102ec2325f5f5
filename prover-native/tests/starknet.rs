//! `precheck` and `calldata` as a user runs them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stwo_ml_verifier::starknet::{ContractState, Felt, Submission};
use stwo_ml_verifier::starknet::{Projection, U256, judge, parse_execute_calldata};
use stwo_ml_verifier::{Level, Vk};

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_stwo-ml"))
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let code = command.status.code().expect("an exit code");
    (code, text(command.stdout), text(command.stderr))
}

/// A key and a proof of the MLP at a level.
fn prove(folder: &Path, level: &str) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/models");
    let path = |name: &str| models.join(name).to_string_lossy().into_owned();
    let (onnx, digits, digit) = (path("mlp.onnx"), path("digits.npz"), path("digit.npy"));
    let compile = ["compile", &onnx, "--calibrate", &digits, "--level", level];
    let (code, _, err) = run(folder, &[&compile[..], &["-o", "m.stwoml"]].concat());
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(folder, &["prove", "m.stwoml", "--input", &digit]);
    assert_eq!(code, 0, "{err}");
}

const CALLDATA: &[&str] = &[
    "calldata",
    "--vk",
    "m.vk",
    "proof.bin",
    "--job",
    "7",
    "--worker",
    "0xdead",
    "--client",
    "0xc0ffee",
    "--amount",
    "1.5",
    "--usd",
    "0.15",
    "--network",
    "sepolia",
];
const PRECHECK: &[&str] = &[
    "precheck",
    "--vk",
    "m.vk",
    "proof.bin",
    "--network",
    "sepolia",
];

fn felts(value: &Value) -> Vec<Felt> {
    let felt = |v: &Value| Felt::from_hex_be(v.as_str().expect("text")).expect("a felt");
    value.as_array().expect("a list").iter().map(felt).collect()
}

#[test]
fn a_valid_proof_becomes_four_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    prove(folder, "onchain128");

    let (code, out, err) = run(folder, PRECHECK);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("our verifier: valid"), "{out}");
    assert!(out.contains("StwoVerifier would accept it"), "{out}");
    assert!(out.contains("300 stored felts"), "{out}");

    let (code, out, err) = run(folder, &[PRECHECK, &["--json"]].concat());
    assert_eq!(code, 0, "{err}");
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["contract"]["verdict"], "accepted");
    assert_eq!(value["contract"]["security_bits"], 128);
    let counted = value["limits"]["calldata_felts"]["got"].clone();

    let (code, out, err) = run(folder, &[CALLDATA, &["-o", "calls.json"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("the proof verifies"), "{out}");
    // The surcharge of 5 % is shown, and shared out with the payment.
    let split = "1.575 shared out, 0.075 more than the 1.5 collected: worker 1.26, treasury 0.2835, stakers 0.0315";
    assert!(out.contains(split), "{out}");
    assert!(out.contains("the router must already hold 0.075"), "{out}");
    let bytes = std::fs::read(folder.join("calls.json")).expect("the calls");
    let value: Value = serde_json::from_slice(&bytes).expect("JSON");
    let calldata = felts(&value["execute_calldata"]);
    assert_eq!(counted, calldata.len());
    let calls = parse_execute_calldata(&calldata).expect("calls");
    let submission = Submission::parse(&calls).expect("a submission");
    assert_eq!(submission.job.id, U256::from(7));
    assert_eq!(submission.job.amount, U256::from(1_500_000_000_000_000_000));
    assert_eq!(submission.job.usd, U256::from(150_000_000_000_000_000));
    assert!(
        judge(
            &submission.proof_data,
            submission.io,
            &ContractState::default()
        )
        .is_accepted()
    );
    for (call, written) in calls.iter().zip(value["calls"].as_array().expect("calls")) {
        assert_eq!(felts(&written["calldata"]), call.calldata);
    }
    // The felts are those of this proof.
    let vk = Vk::decode(&std::fs::read(folder.join("m.vk")).expect("a key")).expect("a key");
    let file = std::fs::read(folder.join("proof.bin")).expect("a proof");
    let (_, projection) = Projection::of_file(&vk, &file).expect("a projection");
    let (parsed, _) = Projection::parse(&submission.proof_data).expect("a projection");
    assert_eq!(parsed, projection);
    assert_eq!(vk.level, Level::Onchain128);
}

#[test]
fn nothing_is_written_unless_both_verdicts_are_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    prove(folder, "onchain128");
    let refused = |args: &[&[&str]], exit: i32, message: &str| {
        let args = args.concat();
        let (code, out, err) = run(folder, &args);
        assert_eq!(code, exit, "{args:?}: {out}{err}");
        assert!(err.contains(message), "{args:?}: {err}");
        assert!(!folder.join("calls.json").exists(), "{args:?}");
    };
    for command in [PRECHECK, CALLDATA] {
        refused(
            &[command, &["--paused"]],
            1,
            "revert with 'Contract is paused'",
        );
        refused(
            &[command, &["--already-submitted"]],
            1,
            "'Proof already submitted'",
        );
        refused(
            &[command, &["--min-security-bits", "129"]],
            1,
            "'Insufficient security bits'",
        );
        refused(
            &[command, &["--max-proof-felts", "299"]],
            1,
            "'Proof too large'",
        );
    }
    let without = |from: &str, to: &'static str| -> Vec<&'static str> {
        let replace = |arg: &&'static str| if *arg == from { to } else { *arg };
        CALLDATA.iter().map(replace).collect()
    };
    for (from, to, message) in [
        ("7", "0", "job id: it must not be zero"),
        ("7", "seven", "an integer is"),
        ("0xdead", "0x0", "address of the worker"),
        ("0xdead", "dead", "a felt is 0x"),
        ("0xc0ffee", "0x0", "address of the client"),
        ("1.5", "0", "amount: it must not be zero"),
        ("1.5", "1,5", "an amount is decimal"),
        ("1.5", "0.0000000000000000001", "at most 18 digits"),
        (
            "sepolia",
            "mainnet",
            "unknown network `mainnet`; there are: sepolia",
        ),
    ] {
        refused(&[&without(from, to)], 2, message);
    }
    // A damaged proof is no proof, whatever the contract would say.
    let mut file = std::fs::read(folder.join("proof.bin")).expect("a proof");
    let middle = file.len() / 2;
    file[middle] ^= 1;
    std::fs::write(folder.join("proof.bin"), &file).expect("written");
    for command in [PRECHECK, CALLDATA] {
        refused(&[command], 1, "the proof is invalid");
        let (_, out, _) = run(folder, &[command, &["--json"]].concat());
        assert!(out.contains("\"ok\":false"), "{out}");
    }
}

#[test]
fn other_levels_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    prove(folder.path(), "standard");
    for command in [PRECHECK, CALLDATA] {
        let (code, _, err) = run(folder.path(), command);
        assert_eq!(code, 2);
        assert!(err.contains("the key has level standard"), "{err}");
        assert!(err.contains("--level onchain128"), "{err}");
    }
}
