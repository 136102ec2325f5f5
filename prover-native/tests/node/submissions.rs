//! Submissions from the proof to the decoded events.

use stwo_ml::starknet::error::{Obstacle, SubmitError};
use stwo_ml::starknet::events::Event;
use stwo_ml::starknet::journal::{Journal, State};
use stwo_ml::starknet::plan::{Chain, Plan};
use stwo_ml::starknet::receipt::{Submitted, receipt};
use stwo_ml::starknet::report::Verdict;
use stwo_ml::starknet::rpc::Rpc;
use stwo_ml::starknet::submit::submit;
use stwo_ml_verifier::starknet::{Fees, Felt, U256, calls, felt, short_string};

use crate::proofs::{Proof, proofs};
use crate::world::{CLIENT, SAGE, STAKERS, Setup, TREASURY, WORKER, World, call, job, quick};

/// Plans and submits with a journal of its own.
fn go(world: &World, proof: &Proof, id: u128) -> (Submitted, State) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let (chain, account, job) = (world.chain(), world.account(), job(id));
    let order = proof.order(&job);
    let plan = Plan::make(&chain, &account, &order).unwrap();
    let submitted = submit(&chain, &account, &order, plan, None, &journal, |_| ()).unwrap();
    let entries = journal.entries().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        entries[0].signed.hash,
        format!("{:#x}", submitted.receipt.hash)
    );
    (submitted, entries[0].state)
}

/// Submits in a setup and checks the number of events, with the fee's transfer, and who was paid.
fn pays(setup: Setup, events: usize) {
    let world = World::new(setup);
    let before = [WORKER, STAKERS, TREASURY].map(|a| world.balance(a.into()));
    let (submitted, state) = go(&world, &proofs()[0], 7);
    assert_eq!(submitted.report.verdict, Verdict::Paid);
    assert_eq!(state, State::Paid);
    assert_eq!(
        submitted.report.events.len(),
        events,
        "{:#?}",
        submitted.report.events
    );
    let other = |e: &Event| matches!(e, Event::Other(_));
    assert!(
        !submitted.report.events.iter().any(other),
        "{:#?}",
        submitted.report.events
    );
    assert!(matches!(
        submitted.report.events.last(),
        Some(Event::FeePaid { .. })
    ));

    let [worker, protocol, burn, treasury, stakers] = setup.fees;
    let fees = Fees {
        worker,
        protocol,
        burn,
        treasury,
        stakers,
        surcharge: 500,
    };
    let split = fees.split((10 * SAGE).into()).unwrap();
    let after = [WORKER, STAKERS, TREASURY].map(|a| world.balance(a.into()));
    let paid = [split.worker, split.stakers, split.treasury];
    for ((before, after), paid) in before.into_iter().zip(after).zip(paid) {
        assert_eq!(before.checked_add(paid), Some(after));
    }
    // Anybody reads the same back from the transaction alone.
    let again = receipt(&world.chain(), submitted.receipt.hash).unwrap();
    assert_eq!(again.report.verdict, Verdict::Paid);
    assert_eq!(again.report.events, submitted.report.events);
    assert_eq!(again.submission.job, job(7));
}

#[test]
fn eleven_events_and_the_fee() {
    pays(Setup::default(), 12);
}

#[test]
fn the_callback_adds_two_events() {
    pays(
        Setup {
            callback: true,
            ..Setup::default()
        },
        14,
    );
}

#[test]
fn an_approval_adds_an_event() {
    pays(
        Setup {
            allowance: 9 * SAGE,
            ..Setup::default()
        },
        13,
    );
    pays(
        Setup {
            allowance: 0,
            callback: true,
            ..Setup::default()
        },
        15,
    );
}

#[test]
fn a_burn_adds_an_event_and_needs_no_funds_of_the_router() {
    pays(
        Setup {
            fees: [8000, 2000, 7000, 2000, 1000],
            router: 0,
            ..Setup::default()
        },
        13,
    );
}

/// The obstacles that a plan meets.
fn obstacles(world: &World, proof: &Proof, id: u128) -> Vec<Obstacle> {
    let job = job(id);
    match Plan::make(&world.chain(), &world.account(), &proof.order(&job)) {
        Err(SubmitError::Obstacles(obstacles)) => obstacles,
        other => panic!("{other:?}"),
    }
}

#[test]
fn obstacles_are_met_before_anything_is_signed() {
    let world = World::new(Setup {
        balance: 9 * SAGE,
        router: SAGE / 4,
        ..Setup::default()
    });
    let [proof, other, _] = proofs();
    let verifier = world.contracts.addresses.verifier;
    let [have, need] = [9 * SAGE, 10 * SAGE].map(U256::from);
    let balance = Obstacle::Balance { have, need };
    // The router shares out 10.5 SAGE, collects 10 and burns none.
    let [have, need] = [SAGE / 4, SAGE / 2].map(U256::from);
    let router = Obstacle::RouterBalance { have, need };
    assert_eq!(
        obstacles(&world, proof, 1),
        [balance.clone(), router.clone()]
    );

    let operator = felt(&world.operator.address).unwrap();
    world.own(&[
        world.transfer(operator, SAGE),
        world.transfer(world.contracts.addresses.router, SAGE / 4),
    ]);
    world.own(&[call(verifier, "set_paused", &[1u32.into()])]);
    let paused = Obstacle::Contract {
        reason: "Contract is paused",
    };
    assert_eq!(obstacles(&world, proof, 1), [paused]);
    world.own(&[call(verifier, "set_paused", &[0u32.into()])]);

    let config = |bits: u32, felts: u32| {
        let arguments = [bits, felts, 0, 0, 3600, 64].map(Felt::from);
        world.own(&[call(verifier, "update_config", &arguments)]);
    };
    config(129, 262_144);
    assert_eq!(
        obstacles(&world, proof, 1),
        [Obstacle::Contract {
            reason: "Insufficient security bits"
        }]
    );
    config(128, 299);
    assert_eq!(
        obstacles(&world, proof, 1),
        [Obstacle::Contract {
            reason: "Proof too large"
        }]
    );
    config(128, 300);

    assert_eq!(go(&world, proof, 1).1, State::Paid);
    world.own(&[
        world.transfer(operator, 20 * SAGE),
        world.transfer(world.contracts.addresses.router, 2 * SAGE),
    ]);
    let submitted = Obstacle::Contract {
        reason: "Proof already submitted",
    };
    assert_eq!(
        obstacles(&world, proof, 1),
        [submitted.clone(), Obstacle::JobRegistered]
    );
    assert_eq!(obstacles(&world, proof, 2), [submitted]);
    assert_eq!(obstacles(&world, other, 1), [Obstacle::JobRegistered]);
    assert_eq!(go(&world, other, 2).1, State::Paid);
}

#[test]
fn roles_show_in_the_simulation() {
    let world = World::new(Setup::default());
    let addresses = world.contracts.addresses;
    let owner = felt(&world.owner.address).unwrap();
    // The router's submitter is somebody else.
    world.own(&[call(addresses.router, "set_authorized_submitter", &[owner])]);
    let refused = Obstacle::Reverts {
        reason: "Not authorized".into(),
    };
    assert_eq!(
        obstacles(&world, &proofs()[0], 1),
        std::slice::from_ref(&refused)
    );
    // A callback to a gate that the router does not know as its submitter.
    let operator = felt(&world.operator.address).unwrap();
    world.own(&[
        call(addresses.router, "set_authorized_submitter", &[operator]),
        call(
            addresses.verifier,
            "set_verification_callback",
            &[addresses.gate],
        ),
    ]);
    assert_eq!(obstacles(&world, &proofs()[0], 1), [refused]);
}

#[test]
fn a_false_proof_asks_nothing_of_a_node() {
    let proof = &proofs()[0];
    let world = World::new(Setup::default());
    let (chain, account, job) = (world.chain(), world.account(), job(1));
    let mut file = proof.file.clone();
    let last = file.len() - 1;
    file[last] ^= 1;
    let order = stwo_ml::starknet::plan::Order {
        proof: &file,
        ..proof.order(&job)
    };
    let error = Plan::make(&chain, &account, &order).unwrap_err();
    assert!(matches!(error, SubmitError::Starknet(_)), "{error}");
    // Calldata that is not the proof's projection.
    let mut felts = proof.felts.clone();
    felts[100] += Felt::ONE;
    let order = stwo_ml::starknet::plan::Order {
        proof_data: &felts,
        ..proof.order(&job)
    };
    let error = Plan::make(&chain, &account, &order).unwrap_err();
    assert_eq!(error.code(), "not_the_projection");
    let order = stwo_ml::starknet::plan::Order {
        proof_data: &proofs()[1].felts,
        ..proof.order(&job)
    };
    assert_eq!(
        Plan::make(&chain, &account, &order).unwrap_err().code(),
        "not_the_projection"
    );
}

#[test]
fn a_soft_rejection_is_a_failure() {
    let world = World::new(Setup::default());
    let proof = &proofs()[0];
    let mut felts = proof.felts.clone();
    // The form is wrong in one place: no M31.
    felts[100] = Felt::from(0x7fff_ffffu32);
    let blind = calls(&world.contracts.addresses, &job(3), &felts, proof.io).unwrap();
    let (hash, reverted) = world.node.send(&world.operator, &blind);
    assert_eq!(reverted, None, "the transaction succeeds");
    let submitted = receipt(&world.chain(), hash).unwrap();
    let reason = "stwo_verification_failed".to_owned();
    assert_eq!(
        submitted.report.verdict,
        Verdict::Rejected { reason, paid: true }
    );
    // As many events as an accepted proof gives: only their kind tells.
    assert_eq!(submitted.report.events.len(), 12);

    // Bound to another commitment: refused before it is stored.
    let io = proof.io + Felt::ONE;
    let blind = calls(&world.contracts.addresses, &job(4), &proof.felts, io).unwrap();
    let (hash, reverted) = world.node.send(&world.operator, &blind);
    assert_eq!(reverted, None);
    let submitted = receipt(&world.chain(), hash).unwrap();
    let reason = "io_commitment_mismatch".to_owned();
    assert_eq!(
        submitted.report.verdict,
        Verdict::Rejected { reason, paid: true }
    );
    assert_eq!(submitted.report.events.len(), 10);
}

#[test]
fn amounts_that_contradict_the_shares_are_seen() {
    let world = World::new(Setup::default());
    let (submitted, _) = go(&world, &proofs()[0], 5);
    // The router's shares change afterwards: the events are no longer what they say.
    let fees = [9000u32, 1000, 0, 9000, 1000].map(Felt::from);
    world.own(&[call(
        world.contracts.addresses.router,
        "set_fee_distribution",
        &fees,
    )]);
    let again = receipt(&world.chain(), submitted.receipt.hash).unwrap();
    let Verdict::Contradiction { differences } = again.report.verdict else {
        panic!("{:?}", again.report.verdict)
    };
    assert!(
        differences
            .iter()
            .any(|d| d.starts_with("missing: WorkerPaid")),
        "{differences:?}"
    );
    assert!(
        differences
            .iter()
            .any(|d| d.starts_with("not expected: WorkerPaid")),
        "{differences:?}"
    );
}

#[test]
fn a_reverted_transaction_is_reported() {
    let world = World::new(Setup {
        allowance: 0,
        ..Setup::default()
    });
    let proof = &proofs()[0];
    let blind = calls(&world.contracts.addresses, &job(3), &proof.felts, proof.io).unwrap();
    let (hash, reverted) = world.node.send(&world.operator, &blind);
    assert!(reverted.is_some());
    let submitted = receipt(&world.chain(), hash).unwrap();
    let reason = "Insufficient allowance".to_owned();
    assert_eq!(submitted.report.verdict, Verdict::Reverted { reason });
    assert_eq!(
        submitted.report.events.len(),
        1,
        "the fee is paid all the same"
    );
}

#[test]
fn other_transactions_are_no_submissions() {
    let world = World::new(Setup::default());
    let chain = world.chain();
    let (hash, _) = world.node.send(&world.operator, &[world.approve(1)]);
    assert_eq!(
        receipt(&chain, hash).unwrap_err().code(),
        "not_a_submission"
    );
    assert_eq!(
        receipt(&chain, Felt::ONE).unwrap_err().code(),
        "no_transaction"
    );
    // Another world's submission, read with these contracts.
    let other = World::new(Setup::default());
    let (submitted, _) = go(&other, &proofs()[0], 1);
    assert_eq!(
        receipt(&chain, submitted.receipt.hash).unwrap_err().code(),
        "not_a_submission"
    );
}

#[test]
fn the_fee_has_a_cap() {
    let world = World::new(Setup::default());
    let (chain, account, job) = (world.chain(), world.account(), job(1));
    let order = proofs()[0].order(&job);
    let plan = Plan::make(&chain, &account, &order).unwrap();
    let most = plan.bounds.most();
    assert!(plan.estimate.total < most);
    assert_eq!(
        plan.check_cap(Some(most - 1)).unwrap_err().code(),
        "fee_cap"
    );
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let refused = submit(
        &chain,
        &account,
        &order,
        plan.clone(),
        Some(most - 1),
        &journal,
        |_| (),
    );
    assert_eq!(refused.unwrap_err().code(), "fee_cap");
    assert_eq!(journal.entries().unwrap(), []);
    let submitted = submit(&chain, &account, &order, plan, Some(most), &journal, |_| ()).unwrap();
    let fee = u128::try_from(submitted.receipt.fee).unwrap();
    assert!(fee <= most, "{fee} {most}");
}

#[test]
fn another_chain_is_refused() {
    let world = World::new(Setup::default());
    let rpc = Rpc::new(&world.node.devnet.url(), quick()).unwrap();
    let main = short_string("SN_MAIN").unwrap();
    let error = Chain::connect(rpc, main, world.contracts).unwrap_err();
    let expected = "the node serves the chain SN_SEPOLIA, the network profile is of SN_MAIN";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn wrong_addresses_are_named() {
    let world = World::new(Setup::default());
    let (account, job) = (world.account(), job(1));
    let mut contracts = world.contracts;
    contracts.addresses.verifier = CLIENT.into();
    let rpc = Rpc::new(&world.node.devnet.url(), quick()).unwrap();
    let chain = Chain::connect(rpc, crate::world::chain_id(), contracts).unwrap();
    let error = Plan::make(&chain, &account, &proofs()[0].order(&job)).unwrap_err();
    assert!(error.to_string().contains("get_config"), "{error}");
}
