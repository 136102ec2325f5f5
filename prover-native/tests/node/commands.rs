//! The commands as processes: from a model to the decoded events, rejections, faults, kills.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use starknet_rust::accounts::Account as _;
use starknet_rust::core::types::Felt as NodeFelt;
use starknet_rust::signers::SigningKey;
use stwo_ml::starknet::journal::{Journal, Signed};
use stwo_ml_verifier::starknet::{Call, Felt, U256, calls, poseidon};
use tempfile::TempDir;

use crate::devnet::Funded;
use crate::proofs::proofs;
use crate::proxy::{Fault, Proxy};
use crate::world::{SAGE, Setup, WORKER, World, job, node_call, our_felt};

/// The method that sends a transaction.
const ADD: &str = "addInvokeTransaction";
const PASSWORD: &str = "correct horse battery staple";

/// An operator's folder: a proof, a network, an account, a journal.
struct Desk {
    folder: TempDir,
    key: String,
}

/// What a command did.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl Desk {
    fn new(world: &World, chain: &str, url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        let proof = &proofs()[0];
        write("m.vk", &proof.vk.encode()).unwrap();
        write("proof.bin", &proof.file).unwrap();
        let contracts = world.contracts;
        let at = contracts.addresses;
        let network = format!(
            "[local]\nchain_id = \"{chain}\"\nrpc = \"{url}\"\ngate = \"{:#x}\"\nverifier = \"{:#x}\"\nrouter = \"{:#x}\"\ntoken = \"{:#x}\"\nfee_token = \"{:#x}\"\n",
            at.gate, at.verifier, at.router, at.token, contracts.fee_token
        );
        write("networks.toml", network.as_bytes()).unwrap();
        let Funded { address, key } = world.operator.clone();
        let secret = SigningKey::from_secret_scalar(NodeFelt::from_hex(&key).unwrap());
        let keystore = folder.path().join("key.json");
        secret.save_as_keystore(&keystore, PASSWORD).unwrap();
        let account = format!(r#"{{"address": "{address}", "keystore": "key.json"}}"#);
        write("account.json", account.as_bytes()).unwrap();
        Self { folder, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.path("journal")).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stwo-ml"));
        command.args(args).current_dir(self.folder.path());
        command.env("STWO_ML_KEYSTORE_PASSWORD", PASSWORD);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command. Whatever it says or leaves behind has no key and no password in it.
    fn run(&self, args: &[&str]) -> Done {
        let done = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(done.stdout), text(done.stderr));
        self.shows_no_secret("standard output", &out);
        self.shows_no_secret("standard error", &err);
        self.files_have_no_secret(self.folder.path());
        let code = done.status.code().unwrap();
        Done { code, out, err }
    }

    fn shows_no_secret(&self, what: &str, text: &str) {
        let digits = self.key.trim_start_matches("0x").trim_start_matches('0');
        let decimal = NodeFelt::from_hex(&self.key).unwrap().to_string();
        let text = text.to_lowercase();
        for secret in [digits, &decimal, PASSWORD] {
            assert!(!text.contains(secret), "{what} has a secret: {text}");
        }
    }

    fn files_have_no_secret(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files_have_no_secret(&path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                self.shows_no_secret(
                    &path.display().to_string(),
                    &String::from_utf8_lossy(&bytes),
                );
            }
        }
    }
}

const PROOF: [&str; 3] = ["--vk", "m.vk", "proof.bin"];
const NETWORK: [&str; 4] = ["--networks", "networks.toml", "--network", "local"];
const JOB: [&str; 10] = [
    "--job", "7", "--worker", "0x1001", "--client", "0x1002", "--amount", "10", "--usd", "1",
];
const ACCOUNT: [&str; 2] = ["--account", "account.json"];
const JOURNAL: [&str; 2] = ["--journal", "journal"];
const JSON: &str = "--json";

/// `estimate` or `submit` of the proof, with more arguments.
fn paying<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let journal: &[&str] = match command {
        "submit" => &JOURNAL,
        _ => &[],
    };
    let parts = [
        &[command][..],
        &PROOF,
        &NETWORK,
        &JOB,
        &ACCOUNT,
        journal,
        more,
    ];
    parts.concat()
}

fn resume<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["resume"][..], &NETWORK, &JOURNAL, more].concat()
}

fn receipt<'a>(hash: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["receipt", hash][..], &NETWORK, more].concat()
}

fn desk(world: &World) -> Desk {
    Desk::new(world, "SN_SEPOLIA", &world.node.devnet.url())
}

fn received(world: &World) -> U256 {
    world.balance(WORKER.into())
}

#[test]
fn from_a_model_to_the_events() {
    let world = World::new(Setup {
        allowance: 0,
        ..Setup::default()
    });
    let desk = desk(&world);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/models");
    let path = |name: &str| models.join(name).to_string_lossy().into_owned();
    let (onnx, digits, digit) = (path("mlp.onnx"), path("digits.npz"), path("digit.npy"));
    let level = ["--level", "onchain128", "-o", "m.stwoml"];
    let compile = ["compile", &onnx, "--calibrate", &digits];
    let commands: [&[&str]; 3] = [
        &[&compile[..], &level].concat(),
        &["prove", "m.stwoml", "--input", &digit],
        &[&["precheck"][..], &PROOF, &NETWORK].concat(),
    ];
    for command in commands {
        let done = desk.run(command);
        assert_eq!(done.code, 0, "{done:?}");
    }
    let done = desk.run(&[&["calldata"][..], &PROOF, &NETWORK, &JOB].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let text = std::fs::read_to_string(desk.path("calls.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    let at = world.contracts.addresses;
    let to = [at.gate, at.verifier, at.router, at.router].map(|a| format!("{a:#x}"));
    for (call, to) in written["calls"].as_array().unwrap().iter().zip(to) {
        assert_eq!(call["to"], to);
    }

    // The plan, the approval in it, and no signature.
    let done = desk.run(&paying("estimate", &[]));
    println!("{}", done.out);
    assert_eq!(done.code, 0, "{done:?}");
    let approval = "the first call lets the router take 10 SAGE: the allowance is 0";
    assert!(done.out.contains(approval), "{done:?}");
    let plan = desk.run(&paying("estimate", &[JSON])).json()["plan"].clone();
    let names = plan["calls"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|c| c["entry_point"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 5);
    assert_eq!((names[0], names[4]), ("approve", "pay_with_sage"));
    assert_eq!(plan["split"]["worker"], (84 * SAGE / 10).to_string());
    let done = desk.run(&paying("submit", &["--dry-run", JSON]));
    assert_eq!(
        (done.code, &done.json()["plan"]["calls"]),
        (0, &plan["calls"])
    );
    // Nobody is there to confirm.
    let done = desk.run(&paying("submit", &[]));
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("no terminal to confirm on"), "{done:?}");
    let done = desk.run(&paying("submit", &["--yes"]));
    assert_eq!(done.code, 2, "{done:?}");
    let done = desk.run(&paying("submit", &["--yes", "--max-fee", "0.000001", JSON]));
    assert_eq!((done.code, &done.json()["code"]), (2, &"fee_cap".into()));
    assert_eq!(received(&world), U256::ZERO);
    let list = desk.run(&resume(&["--list", JSON])).json();
    assert_eq!(list["submissions"], Value::Array(Vec::new()));

    let done = desk.run(&paying("submit", &["--yes", "--max-fee", "10", JSON]));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains(approval), "{done:?}");
    let report = done.json();
    assert_eq!(report["verdict"], "paid");
    assert_eq!(report["events"].as_array().unwrap().len(), 13);
    assert_eq!(received(&world), (84 * SAGE / 10).into());
    let hash = report["transaction"].as_str().unwrap();
    let done = desk.run(&receipt(hash, &[JSON]));
    assert_eq!((done.code, done.json()), (0, report.clone()));
    let done = desk.run(&receipt(hash, &[]));
    println!("{}", done.out);
    assert!(
        done.out.contains("the contract accepted the proof"),
        "{done:?}"
    );
    assert!(
        done.out.contains("ProofVerified (proof_hash 0x"),
        "{done:?}"
    );
    let list = desk.run(&resume(&["--list", JSON])).json();
    assert_eq!(list["submissions"][0]["transaction"], hash);
    assert_eq!(list["submissions"][0]["state"], "paid");
    let done = desk.run(&resume(&[]));
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "no submission is open\n")
    );

    // Once more: everything in the way is listed, and nothing is sent.
    let done = desk.run(&paying("submit", &["--yes", "--max-fee", "10", JSON]));
    let value = done.json();
    assert_eq!((done.code, &value["code"]), (2, &"obstacles".into()));
    let obstacles = value["obstacles"].as_array().unwrap().iter();
    let codes: Vec<&str> = obstacles.map(|o| o["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["contract_refuses", "job_registered"]);
    assert!(done.out.contains("Proof already submitted"), "{done:?}");
}

#[test]
fn the_key_may_be_in_the_environment() {
    let world = World::new(Setup::default());
    let desk = desk(&world);
    let account = format!(r#"{{"address": "{}"}}"#, world.operator.address);
    std::fs::write(desk.path("account.json"), account).unwrap();
    let done = desk.run(&paying("estimate", &[JSON]));
    assert_eq!((done.code, &done.json()["code"]), (2, &"account".into()));
    assert!(done.out.contains("STWO_ML_PRIVATE_KEY"), "{done:?}");
    let mut command = desk.command(&paying("submit", &["--yes", "--max-fee", "10", JSON]));
    let output = command
        .env("STWO_ML_PRIVATE_KEY", &desk.key)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    for text in [&output.stdout, &output.stderr] {
        desk.shows_no_secret("the output", &String::from_utf8_lossy(text));
    }
    desk.files_have_no_secret(desk.folder.path());
    assert_eq!(received(&world), (84 * SAGE / 10).into());
}

#[test]
fn what_cannot_be_submitted_is_exit_code_2() {
    let world = World::new(Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    let desk = Desk::new(&world, "SN_MAIN", &proxy.url());
    let yes = ["--yes", "--max-fee", "10", JSON];
    let done = desk.run(&paying("submit", &yes));
    assert_eq!((done.code, &done.json()["code"]), (2, &"chain".into()));
    // A false proof: no node is asked anything.
    let asked = proxy.count("");
    let mut file = proofs()[0].file.clone();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    std::fs::write(desk.path("proof.bin"), file).unwrap();
    for command in ["estimate", "submit"] {
        let more = if command == "submit" {
            &yes[..]
        } else {
            &[JSON]
        };
        let done = desk.run(&paying(command, more));
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.out.contains("the proof is invalid"), "{done:?}");
    }
    assert_eq!(proxy.count(""), asked);
    assert_eq!(desk.journal().entries().unwrap(), []);
}

/// Calls that the contract rejects softly: one felt is no M31.
fn rejected(world: &World, id: u128) -> ([Call; 4], Felt) {
    let mut felts = proofs()[0].felts.clone();
    felts[100] = Felt::from(0x7fff_ffffu32);
    let calls = calls(&world.contracts.addresses, &job(id), &felts, proofs()[0].io);
    (calls.unwrap(), poseidon(&felts))
}

#[test]
fn a_rejected_proof_is_exit_code_1() {
    let world = World::new(Setup::default());
    let desk = desk(&world);
    let (calls, proof_hash) = rejected(&world, 3);
    // Signed and recorded, as by a client that checks nothing and dies.
    let sender = world.node.sender(&world.operator);
    let (hash, transaction) = world.node.runtime.block_on(async {
        let calls = calls.iter().map(node_call).collect();
        let nonce = starknet_rust::accounts::ConnectedAccount::get_nonce(&sender);
        let execution = sender.execute_v3(calls).nonce(nonce.await.unwrap()).tip(0);
        let execution = execution.l1_gas(0).l1_gas_price(1 << 40);
        let execution = execution.l1_data_gas(1 << 20).l1_data_gas_price(1 << 40);
        let execution = execution.l2_gas(1_100_000_000).l2_gas_price(1 << 32);
        let prepared = execution.prepared().unwrap();
        let hash = our_felt(&prepared.transaction_hash(false));
        (
            hash,
            prepared.get_invoke_request(false, false).await.unwrap(),
        )
    });
    let hash = format!("{hash:#x}");
    let transaction = serde_json::to_value(&transaction).unwrap();
    let record = Signed {
        hash: hash.clone(),
        chain_id: "0x534e5f5345504f4c4941".into(),
        account: world.operator.address.clone(),
        nonce: transaction["nonce"].as_str().unwrap().into(),
        job: "3".into(),
        amount: (10 * SAGE).to_string(),
        proof_hash: format!("{proof_hash:#x}"),
        most_fee: "0".into(),
        transaction,
    };
    desk.journal().sign(&record).unwrap();

    let done = desk.run(&resume(&[JSON]));
    assert_eq!(done.code, 1, "{done:?}");
    let report = &done.json()["submissions"][0];
    assert_eq!(report["verdict"], "rejected");
    assert_eq!(report["reason"], "stwo_verification_failed");
    // The transaction succeeded, and the worker is paid: only the events tell.
    assert_eq!(report["events"].as_array().unwrap().len(), 12);
    assert_eq!(received(&world), (84 * SAGE / 10).into());
    let list = desk.run(&resume(&["--list", JSON])).json();
    assert_eq!(list["submissions"][0]["state"], "rejected");

    let done = desk.run(&receipt(&hash, &[JSON]));
    let value = done.json();
    assert_eq!((done.code, &value["code"]), (1, &"rejected".into()));
    assert_eq!((&value["ok"], &value["report"]), (&false.into(), report));
    let done = desk.run(&receipt(&hash, &[]));
    let said = "the contract REJECTED the proof (stwo_verification_failed), although the transaction succeeded; the payment was made nevertheless";
    assert!(done.code == 1 && done.err.contains(said), "{done:?}");
}

#[test]
fn a_killed_client_is_resumed() {
    for (fault, sent) in [(Fault::Stuck, 2), (Fault::Silence, 1)] {
        let world = World::new(Setup::default());
        let proxy = Proxy::new(world.node.devnet.port);
        let desk = Desk::new(&world, "SN_SEPOLIA", &proxy.url());
        // The transaction does not reach the node, or its answer does not come back.
        proxy.trap(ADD, fault, 1);
        let mut command = desk.command(&paying("submit", &["--yes", "--max-fee", "10"]));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut client = command.spawn().unwrap();
        while proxy.count(ADD) == 0 {
            assert_eq!(client.try_wait().unwrap(), None, "it must be sending");
            std::thread::sleep(Duration::from_millis(20));
        }
        client.kill().unwrap();
        client.wait().unwrap();
        desk.files_have_no_secret(desk.folder.path());
        let list = desk.run(&resume(&["--list", JSON])).json();
        assert_eq!(list["submissions"][0]["state"], "signed");
        let hash = &list["submissions"][0]["transaction"];

        let done = desk.run(&resume(&[JSON]));
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(done.json()["submissions"][0]["verdict"], "paid");
        assert_eq!(&done.json()["submissions"][0]["transaction"], hash);
        assert_eq!(proxy.count(ADD), sent);
        assert_eq!(received(&world), (84 * SAGE / 10).into());
    }
}

#[test]
fn an_unknown_outcome_is_exit_code_3() {
    let world = World::new(Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    let desk = Desk::new(&world, "SN_SEPOLIA", &proxy.url());
    proxy.trap(ADD, Fault::LostAnswer, 1);
    proxy.trap("getTransactionStatus", Fault::LostRequest, 2);
    let patience = ["--attempts", "2", "--timeout", "20", JSON];
    let more = [&["--yes", "--max-fee", "10"][..], &patience].concat();
    let done = desk.run(&paying("submit", &more));
    let value = done.json();
    assert_eq!((done.code, &value["code"]), (3, &"outcome_unknown".into()));
    // Nor is it known what became of it as long as no node answers.
    let nobody = [&["--rpc", "http://127.0.0.1:1"][..], &patience].concat();
    let done = desk.run(&resume(&nobody));
    assert_eq!((done.code, &done.json()["code"]), (3, &"rpc".into()));
    proxy.trap("getTransactionStatus", Fault::LostRequest, 2);
    let done = desk.run(&resume(&patience));
    let value = done.json();
    assert_eq!(
        (done.code, &value["submissions"][0]["code"]),
        (3, &"rpc".into())
    );
    let done = desk.run(&resume(&patience));
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(received(&world), (84 * SAGE / 10).into());
}
