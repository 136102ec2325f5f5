//! What goes wrong between client and chain: lost, slow and garbled answers, death, races, restarts.

use std::sync::Barrier;
use std::time::Duration;

use stwo_ml::starknet::error::SubmitError;
use stwo_ml::starknet::journal::{Journal, State};
use stwo_ml::starknet::plan::Plan;
use stwo_ml::starknet::receipt::Submitted;
use stwo_ml::starknet::report::Verdict;
use stwo_ml::starknet::rpc::{Patience, Rpc, RpcError};
use stwo_ml::starknet::submit::{resume, submit};
use stwo_ml_verifier::starknet::U256;

use crate::devnet::Devnet;
use crate::proofs::{Proof, proofs};
use crate::proxy::{Fault, Proxy};
use crate::world::{Node, SAGE, Setup, WORKER, World, job, quick};

/// The method that sends a transaction.
const ADD: &str = "addInvokeTransaction";

/// Plans with the node itself, submits through a proxy.
fn through(
    world: &World,
    proxy: &Proxy,
    patience: Patience,
    journal: &Journal,
) -> Result<Submitted, SubmitError> {
    let job = job(1);
    let (account, order) = (world.account(), proofs()[0].order(&job));
    let plan = Plan::make(&world.chain(), &account, &order).unwrap();
    let chain = world.chain_at(&proxy.url(), patience);
    submit(&chain, &account, &order, plan, None, journal, |_| ())
}

/// What the worker has received.
fn received(world: &World) -> U256 {
    world.balance(WORKER.into())
}

/// Faults of sending that a client gets over, without paying twice.
#[test]
fn faults_of_sending_are_overcome_once() {
    for fault in [
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Garbage("<html>502</html>"),
        Fault::Garbage("{}"),
        Fault::Half,
    ] {
        let world = World::new(Setup::default());
        let proxy = Proxy::new(world.node.devnet.port);
        proxy.trap(ADD, fault.clone(), 2);
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let submitted = through(&world, &proxy, quick(), &journal).unwrap();
        assert_eq!(submitted.report.verdict, Verdict::Paid, "{fault:?}");
        assert_eq!(received(&world), (84 * SAGE / 10).into(), "{fault:?}");
        let entries = journal.entries().unwrap();
        assert_eq!(entries.len(), 1, "{fault:?}: one signature");
        assert_eq!(entries[0].state, State::Paid);
        // A transaction that arrived is not sent again; one that did not is.
        let sent = match fault {
            Fault::LostAnswer | Fault::Half => 1,
            _ => 3,
        };
        assert_eq!(proxy.count(ADD), sent, "{fault:?}");
    }
}

/// Faults of reading, at every method that a submission reads with.
#[test]
fn faults_of_reading_are_overcome() {
    let world = World::new(Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    for method in [
        "chainId",
        "starknet_call",
        "getNonce",
        "simulateTransactions",
        "getTransactionReceipt",
        "getTransactionByHash",
    ] {
        proxy.trap(method, Fault::LostAnswer, 1);
        proxy.trap(method, Fault::Garbage("garbage"), 1);
        proxy.trap(
            method,
            Fault::Garbage("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}"),
            1,
        );
        proxy.trap(method, Fault::Half, 1);
        proxy.trap(method, Fault::Garbage("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"overload\"}}"), 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let (chain, account, job) = (
        world.chain_at(&proxy.url(), quick()),
        world.account(),
        job(1),
    );
    let order = proofs()[0].order(&job);
    let plan = Plan::make(&chain, &account, &order).unwrap();
    let submitted = submit(&chain, &account, &order, plan, None, &journal, |_| ()).unwrap();
    assert_eq!(submitted.report.verdict, Verdict::Paid);
    assert_eq!(proxy.count(ADD), 1);
}

/// Little patience, for nodes that never answer.
fn impatient() -> Patience {
    Patience {
        answer: Duration::from_millis(1500),
        attempts: 2,
        ..quick()
    }
}

#[test]
fn a_node_that_never_answers_is_named() {
    let world = World::new(Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    proxy.trap("getNonce", Fault::Stuck, 100);
    let rpc = Rpc::new(&proxy.url(), impatient()).unwrap();
    let error = rpc
        .nonce(
            world.account().address(),
            stwo_ml::starknet::rpc::At::Latest,
        )
        .unwrap_err();
    assert!(
        matches!(error, RpcError::Unreachable { attempts: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("it is too slow"), "{error}");
    // The URL's path may hold a provider's key.
    assert!(!error.to_string().contains("/rpc"), "{error}");
    proxy.trap("getNonce", Fault::Garbage("nonsense"), 100);
    let nobody = Rpc::new("http://127.0.0.1:1", impatient()).unwrap();
    assert!(matches!(
        nobody.chain_id(),
        Err(RpcError::Unreachable { .. })
    ));
    assert!(matches!(
        Rpc::new("ftp://127.0.0.1", quick()),
        Err(RpcError::Url { .. })
    ));
}

/// The client dies after signing: before the node has the transaction, and after.
#[test]
fn a_submission_is_resumed_by_its_hash() {
    for (fault, sent) in [(Fault::Stuck, 1), (Fault::Silence, 0)] {
        let world = World::new(Setup::default());
        let proxy = Proxy::new(world.node.devnet.port);
        // Nor does any question about the transaction get an answer.
        proxy.trap(ADD, fault, 1);
        proxy.trap("getTransactionStatus", Fault::LostRequest, 2);
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let error = through(&world, &proxy, impatient(), &journal).unwrap_err();
        assert_eq!(error.code(), "outcome_unknown", "{error}");
        let entries = journal.entries().unwrap();
        assert_eq!((entries.len(), entries[0].state), (1, State::Signed));

        // The same job or proof is not submitted beside it.
        let (chain, account) = (world.chain_at(&proxy.url(), quick()), world.account());
        let again = job(1);
        let order = proofs()[0].order(&again);
        if let Ok(plan) = Plan::make(&chain, &account, &order) {
            let refused =
                submit(&chain, &account, &order, plan, None, &journal, |_| ()).unwrap_err();
            assert_eq!(refused.code(), "open_submission");
        }
        let before = proxy.count(ADD);
        let submitted = resume(&chain, &entries[0], &journal, |_| ()).unwrap();
        assert_eq!(submitted.report.verdict, Verdict::Paid);
        assert_eq!(
            format!("{:#x}", submitted.receipt.hash),
            entries[0].signed.hash
        );
        assert_eq!(proxy.count(ADD) - before, sent);
        assert_eq!(received(&world), (84 * SAGE / 10).into());
        assert_eq!(journal.entries().unwrap()[0].state, State::Paid);
        // Once more changes nothing.
        let submitted = resume(&chain, &entries[0], &journal, |_| ()).unwrap();
        assert_eq!(submitted.report.verdict, Verdict::Paid);
        assert_eq!(received(&world), (84 * SAGE / 10).into());
    }
}

#[test]
fn a_transaction_whose_nonce_is_taken_is_not_resumed() {
    let world = World::new(Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    proxy.trap(ADD, Fault::Stuck, 1);
    proxy.trap("getTransactionStatus", Fault::LostRequest, 2);
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    through(&world, &proxy, impatient(), &journal).unwrap_err();
    world.operate(&[world.approve(50 * SAGE)]);
    let entries = journal.entries().unwrap();
    let error = resume(&world.chain(), &entries[0], &journal, |_| ()).unwrap_err();
    assert_eq!(error.code(), "superseded", "{error}");
    assert_eq!(journal.entries().unwrap()[0].state, State::Superseded);
    assert_eq!(received(&world), U256::ZERO);
}

/// Two clients with the same account submit different proofs at once.
fn race(journals: [&Journal; 2], world: &World) {
    let start = Barrier::new(2);
    let client = |proof: &Proof, id: u128, journal: &Journal| {
        let (chain, account, job) = (world.chain(), world.account(), job(id));
        let order = proof.order(&job);
        let plan = Plan::make(&chain, &account, &order).unwrap();
        // Both plans have the same nonce.
        start.wait();
        submit(&chain, &account, &order, plan, None, journal, |_| ()).unwrap()
    };
    let [first, second, _] = proofs();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| client(second, 2, journals[1]));
        assert_eq!(client(first, 1, journals[0]).report.verdict, Verdict::Paid);
        assert_eq!(other.join().unwrap().report.verdict, Verdict::Paid);
    });
    assert_eq!(received(world), (168 * SAGE / 10).into());
}

#[test]
fn clients_race_for_a_nonce() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let journals = folders.each_ref().map(|f| Journal::open(f.path()).unwrap());
    race([&journals[0], &journals[1]], &World::new(Setup::default()));
    // Clients of one journal wait for each other: no signature is lost.
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    race([&journal, &journal], &World::new(Setup::default()));
    let states: Vec<State> = journal.entries().unwrap().iter().map(|e| e.state).collect();
    assert_eq!(states, [State::Paid, State::Paid]);
}

/// The node dies with the transaction in a block and with the answer under way, and comes back.
#[test]
fn the_node_dies_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("chain");
    let arguments = [
        "--accounts",
        "4",
        "--dump-on",
        "block",
        "--dump-path",
        dump.to_str().unwrap(),
    ];
    let devnet = Devnet::start(0, &arguments);
    let node: &'static Node = Box::leak(Box::new(Node::new(devnet)));
    let world = World::on(node, Setup::default());
    let proxy = Proxy::new(world.node.devnet.port);
    proxy.trap(ADD, Fault::LostAnswer, 1);
    proxy.trap("getTransactionStatus", Fault::LostRequest, 100);
    let journal = Journal::open(&folder.path().join("journal")).unwrap();
    let error = through(&world, &proxy, impatient(), &journal).unwrap_err();
    assert_eq!(error.code(), "outcome_unknown", "{error}");
    node.devnet.kill();
    let entry = journal.entries().unwrap().remove(0);
    let dead = Rpc::new(&node.devnet.url(), impatient()).unwrap();
    assert!(matches!(dead.chain_id(), Err(RpcError::Unreachable { .. })));

    let back = Devnet::start(0, &arguments);
    let proxy = Proxy::new(back.port);
    let chain = world.chain_at(&proxy.url(), quick());
    let submitted = resume(&chain, &entry, &journal, |_| ()).unwrap();
    assert_eq!(submitted.report.verdict, Verdict::Paid);
    assert_eq!(proxy.count(ADD), 0);
    assert_eq!(journal.entries().unwrap()[0].state, State::Paid);
}
