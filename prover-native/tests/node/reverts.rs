//! Every reason for which the contracts revert, from a node's words.

use stwo_ml::starknet::error::contract_reason;
use stwo_ml::starknet::rpc::At;
use stwo_ml_verifier::starknet::{Call, Felt, felt};

use crate::proofs::proofs;
use crate::world::{SAGE, Setup, World, account, call, chain_id, wide};

/// What a simulation of one call says, from an account in a role.
fn reason(world: &World, owner: bool, call: Call) -> Option<String> {
    let funded = if owner { &world.owner } else { &world.operator };
    let (chain, account) = (world.chain(), account(funded));
    let nonce = chain.rpc().nonce(account.address(), At::Newest).unwrap();
    let simulation = account
        .simulate(chain.rpc(), chain_id(), &[call], nonce)
        .unwrap();
    simulation.events.err().map(|words| contract_reason(&words))
}

fn register(world: &World, worker: u64, amount: u128) -> Call {
    let [low, high] = wide(amount);
    let zero = Felt::ZERO;
    let arguments = [
        Felt::from(9u32),
        zero,
        worker.into(),
        1u32.into(),
        low,
        high,
        zero,
        zero,
        zero,
    ];
    call(
        world.contracts.addresses.gate,
        "register_job_payment",
        &arguments,
    )
}

fn verify(world: &World, felts: &[Felt], io: Felt) -> Call {
    let mut arguments = vec![Felt::from(felts.len())];
    arguments.extend_from_slice(felts);
    arguments.extend([io, Felt::from(9u32), Felt::ZERO]);
    call(
        world.contracts.addresses.verifier,
        "submit_and_verify_with_io_binding",
        &arguments,
    )
}

fn pay(world: &World, amount: u128) -> Call {
    let [low, high] = wide(amount);
    call(
        world.contracts.addresses.router,
        "pay_with_sage",
        &[low, high, Felt::from(9u32), Felt::ZERO],
    )
}

#[test]
fn the_gate_says_why() {
    let world = World::new(Setup::default());
    let stranger = World::new(Setup::default()).operator;
    let said = |call| reason(&world, false, call);
    assert_eq!(said(register(&world, 1, 1)), None);
    assert_eq!(
        said(register(&world, 0, 1)).as_deref(),
        Some("Invalid worker")
    );
    assert_eq!(
        said(register(&world, 1, 0)).as_deref(),
        Some("Invalid amount")
    );
    world.operate(&[register(&world, 1, 1)]);
    assert_eq!(
        said(register(&world, 1, 1)).as_deref(),
        Some("Job already registered")
    );
    let world = World {
        operator: stranger,
        ..world
    };
    assert_eq!(
        reason(&world, false, register(&world, 1, 1)).as_deref(),
        Some("Not authorized")
    );
}

#[test]
fn the_verifier_says_why() {
    let world = World::new(Setup::default());
    let proof = &proofs()[0];
    let said = |felts: &[Felt], io| reason(&world, false, verify(&world, felts, io));
    assert_eq!(said(&proof.felts, proof.io), None);
    assert_eq!(
        said(&proof.felts[..31], proof.io).as_deref(),
        Some("Proof too small")
    );
    let mut weak = proof.felts.clone();
    weak[3] = Felt::from(56u32);
    assert_eq!(
        said(&weak, proof.io).as_deref(),
        Some("Insufficient security bits")
    );
    let mut great = proof.felts.clone();
    (great[1], great[3]) = (Felt::from(1u32 << 16), Felt::from(1u32 << 16));
    assert_eq!(said(&great, proof.io).as_deref(), Some("u32_mul Overflow"));
    (great[0], great[1], great[3]) = (Felt::from(u32::MAX), Felt::ONE, Felt::ONE);
    assert_eq!(said(&great, proof.io).as_deref(), Some("u32_add Overflow"));

    let verifier = world.contracts.addresses.verifier;
    let config = [128u32, 299, 0, 0, 3600, 64].map(Felt::from);
    world.own(&[call(verifier, "update_config", &config)]);
    assert_eq!(
        said(&proof.felts, proof.io).as_deref(),
        Some("Proof too large")
    );
    let config = [128u32, 300, 0, 0, 3600, 64].map(Felt::from);
    world.own(&[call(verifier, "update_config", &config)]);
    world.operate(&[verify(&world, &proof.felts, proof.io)]);
    assert_eq!(
        said(&proof.felts, proof.io).as_deref(),
        Some("Proof already submitted")
    );
    world.own(&[call(verifier, "set_paused", &[Felt::ONE])]);
    assert_eq!(
        said(&proof.felts, proof.io).as_deref(),
        Some("Contract is paused")
    );
}

#[test]
fn the_router_and_the_token_say_why() {
    let world = World::new(Setup {
        balance: 20 * SAGE,
        allowance: 10 * SAGE,
        router: SAGE / 2 - 1,
        ..Setup::default()
    });
    let router = world.contracts.addresses.router;
    let said = |call| reason(&world, false, call);
    let arguments = [Felt::from(9u32), Felt::ZERO, Felt::ONE, Felt::ZERO];
    let job = call(router, "register_job", &arguments);
    assert_eq!(said(job.clone()), None);
    world.operate(std::slice::from_ref(&job));
    assert_eq!(
        said(pay(&world, 10 * SAGE + 1)).as_deref(),
        Some("Insufficient allowance")
    );
    // The router lacks one unit of what it shares out beyond the payment.
    assert_eq!(
        said(pay(&world, 10 * SAGE)).as_deref(),
        Some("Insufficient balance")
    );
    world.own(&[world.transfer(router, 1)]);
    assert_eq!(said(pay(&world, 10 * SAGE)), None);
    // The payer lacks what it has allowed.
    world.operate(&[world.approve(30 * SAGE)]);
    assert_eq!(
        said(pay(&world, 20 * SAGE + 1)).as_deref(),
        Some("Insufficient balance")
    );
    // Another submitter.
    let owner = felt(&world.owner.address).unwrap();
    world.own(&[call(router, "set_authorized_submitter", &[owner])]);
    assert_eq!(said(job.clone()).as_deref(), Some("Not authorized"));
    assert_eq!(reason(&world, true, job), None);
}
