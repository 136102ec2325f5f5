//! What a submission costs on the node, by the number of felts of `proof_data`.

use std::path::Path;

use stwo_ml::starknet::decimal;
use stwo_ml::starknet::events::Event;
use stwo_ml::starknet::rpc::At;
use stwo_ml_verifier::starknet::{Felt, calls, execute_calldata, least_nonce};

use crate::proofs::proofs;
use crate::world::{Setup, World, chain_id, job};

/// The shortest list of this form, some others, a projection, and the most that is sent.
const LENGTHS: [usize; 7] = [46, 100, 200, 300, 600, 1200, 1950];

/// A list that the contract accepts and that stands for no proof: four layers of eight queries and
/// more at a blow-up of `2^16`, of the widest values.
fn list(length: usize) -> (Vec<Felt>, Felt) {
    let io = Felt::from(0x5ea1u32);
    let mut felts = vec![12u32, 16, 0, 8]
        .into_iter()
        .map(Felt::from)
        .collect::<Vec<_>>();
    felts.extend([io, Felt::from(7u32)]);
    felts.resize(length - 1, Felt::from(0x7fff_fffeu32));
    felts.push(least_nonce(io).unwrap().into());
    (felts, io)
}

/// An integer with its digits in groups.
fn grouped(number: u64) -> String {
    let digits = number.to_string().into_bytes();
    let groups = digits.rchunks(3).rev();
    let groups = groups.map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

/// A row of the table: felts, felts of calldata, L2 gas, how much of it in the calls, L1 data gas, and
/// the fee at the node's prices.
fn row(length: usize) -> String {
    let world = World::new(Setup::default());
    let proof = &proofs()[0];
    let (felts, io) = match length == proof.felts.len() {
        true => (proof.felts.clone(), proof.io),
        false => list(length),
    };
    let calls = calls(&world.contracts.addresses, &job(1), &felts, io).unwrap();
    let (chain, account) = (world.chain(), world.account());
    let nonce = chain.rpc().nonce(account.address(), At::Newest).unwrap();
    let simulation = account.simulate(chain.rpc(), chain_id(), &calls, nonce);
    let simulation = simulation.unwrap();
    let events = simulation.events.unwrap();
    let accepted = events.iter().any(|raw| {
        let event = Event::decode(raw, &world.contracts).unwrap();
        matches!(event, Event::ProofVerified { .. })
    });
    assert!(accepted, "{length}");
    let estimate = simulation.estimate;
    let [l1, data, l2] = estimate.gas;
    // The prices that the table's fees are for.
    assert_eq!((l1, estimate.price), (0, [1_000_000_000; 3]));
    // To four digits behind the point.
    let fee = (estimate.total + 50_000_000_000_000) / 100_000_000_000_000;
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        grouped(length as u64),
        grouped(execute_calldata(&calls).len() as u64),
        grouped(l2),
        grouped(simulation.call_gas.iter().sum()),
        grouped(data),
        decimal(fee * 100_000_000_000_000)
    )
}

/// The node meters steps, so the same calls cost the same gas every time.
#[test]
fn the_table_of_costs_is_what_the_node_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/starknet.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows = LENGTHS.map(row);
    println!("{}", rows.join("\n"));
    for row in rows {
        assert!(document.contains(&row), "docs/starknet.md lacks {row}");
    }
}
