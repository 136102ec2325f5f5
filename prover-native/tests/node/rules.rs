//! The emulated contract against the contract, on lists around the boundary of every rule.

use std::collections::{BTreeMap, HashSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use stwo_ml::starknet::error::contract_reason;
use stwo_ml::starknet::events::Event;
use stwo_ml::starknet::rpc::At;
use stwo_ml_verifier::field::P;
use stwo_ml_verifier::starknet::{ContractState, Felt, Outcome, judge, poseidon};

use crate::world::{Setup, World, call, chain_id};

/// The verifier's limits in these tests, low enough to be met from both sides.
const STATE: ContractState = ContractState {
    paused: false,
    min_security_bits: 16,
    max_proof_felts: 60,
    already_submitted: false,
};

/// Felts of a list before it is mutated; room for four layers of four queries.
const LENGTH: usize = 36;

/// A list and the commitment that it must be bound to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Case {
    felts: Vec<Felt>,
    io: Felt,
}

/// The least nonce that does the work of exactly this many bits.
fn nonce(io: Felt, bits: u32) -> Felt {
    let nonces = (1..P).into_par_iter();
    let nonce = nonces
        .by_exponential_blocks()
        .find_first(|nonce| has_work(io, *nonce, bits));
    nonce.unwrap().into()
}

fn has_work(io: Felt, nonce: u32, bits: u32) -> bool {
    let hash = poseidon(&[io, nonce.into()]).to_bits_le();
    // Bits of the hash above the 252nd are always zero.
    hash.iter().take(252).rev().take_while(|bit| !**bit).count() == bits as usize
}

/// A list that every rule accepts: 12 bits of work exactly, blow-up 2, four queries.
fn accepted(random: &mut StdRng) -> Case {
    let io = Felt::from(random.random_range(1..u64::MAX));
    let mut felts = vec![12u32, 1, 20, 4]
        .into_iter()
        .map(Felt::from)
        .collect::<Vec<_>>();
    felts.extend([io, random.random_range(1..u64::MAX).into()]);
    felts.extend((7..LENGTH).map(|_| Felt::from(random.random_range(1..P))));
    felts.push(nonce(io, 12));
    assert_eq!(felts.len(), LENGTH);
    Case { felts, io }
}

/// The felt `2^bits`.
fn power(bits: u32) -> Felt {
    (0..bits).fold(Felt::ONE, |power, _| power + power)
}

/// Lists around every boundary.
fn cases() -> Vec<Case> {
    let mut random = StdRng::seed_from_u64(0);
    let mut cases = Vec::new();
    let base = accepted(&mut random);
    let with = |index: usize, value: Felt| {
        let mut case = base.clone();
        case.felts[index] = value;
        case
    };
    cases.push(base.clone());
    // Lengths, of lists that are not long enough for their layers too.
    for length in (0..=7).chain([29, 30, 31, 32, 33, 35]) {
        let mut case = base.clone();
        case.felts.truncate(length);
        if let (6.., Some(last)) = (length, case.felts.last_mut()) {
            *last = base.felts[LENGTH - 1];
        }
        cases.push(case);
    }
    for length in [37, 59, 60, 61, 64] {
        let mut case = base.clone();
        case.felts.resize(length, base.felts[LENGTH - 1]);
        cases.push(case);
    }
    // Parameters, in range, at the end of it, beyond, and no u32 at all.
    let none = [power(32), power(251), Felt::ZERO - Felt::ONE];
    let ranges: [&[u32]; 4] = [
        &[
            0,
            8,
            11,
            12,
            13,
            14,
            29,
            30,
            31,
            32,
            252,
            253,
            300,
            u32::MAX,
        ],
        &[0, 1, 2, 3, 15, 16, 17, 64, u32::MAX],
        &[0, 1, 19, 20, 21, 100, u32::MAX],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 127, 128, 129, 130, u32::MAX],
    ];
    for (index, values) in ranges.into_iter().enumerate() {
        cases.extend(values.iter().map(|v| with(index, (*v).into())));
        cases.extend(none.iter().map(|v| with(index, *v)));
    }
    // Security bits: 15 and 16 from a product and a sum; products and sums that overflow.
    for [pow, blowup, queries] in [
        [11, 1, 4],
        [3, 3, 4],
        [4, 3, 4],
        [12, 2, 4],
        [12, 65_536, 65_535],
        [12, 65_536, 65_536],
        [u32::MAX, 1, 4],
        [u32::MAX - 4, 1, 4],
        [u32::MAX, 0, 4],
    ] {
        let mut case = with(0, pow.into());
        (case.felts[1], case.felts[3]) = (blowup.into(), queries.into());
        cases.push(case);
    }
    // The commitments.
    for io in [Felt::ZERO, base.io, base.io + Felt::ONE] {
        cases.push(Case { io, ..base.clone() });
        cases.push(Case {
            io,
            ..with(4, Felt::ZERO)
        });
        cases.push(Case {
            io,
            ..with(5, Felt::ZERO)
        });
        cases.push(Case {
            io,
            felts: base.felts[..4].to_vec(),
        });
        cases.push(Case {
            io,
            felts: base.felts[..5].to_vec(),
        });
    }
    cases.push(with(5, Felt::ZERO - Felt::ONE));
    // Values from the sixth on: zero, the last residue, the modulus, more.
    let values = [
        Felt::ZERO,
        (P - 1).into(),
        P.into(),
        (P + 1).into(),
        power(128),
        Felt::ZERO - Felt::ONE,
    ];
    for index in (6..14).chain([18, 19, 23, 24, 29, 30, 31, 34]) {
        cases.extend(values.iter().map(|v| with(index, *v)));
    }
    // Layers: with a blow-up of 2^2 four are read, with 2^3 five, of which the list has four.
    for blowup in [1u32, 2, 3, 4, 16] {
        for index in [6, 7, 12, 13, 18, 19, 24, 25, 30, 31] {
            let mut case = with(1, blowup.into());
            case.felts[index] = Felt::ZERO;
            cases.push(case);
        }
    }
    for (queries, blowup) in [
        (4u32, 2u32),
        (5, 1),
        (6, 1),
        (6, 2),
        (8, 1),
        (8, 2),
        (10, 1),
        (28, 1),
        (30, 1),
    ] {
        for length in [32, 36, 38, 39, 40, 46, 48, 60] {
            let mut case = with(1, blowup.into());
            case.felts[3] = queries.into();
            case.felts.resize(length, base.felts[LENGTH - 1]);
            let last = case.felts.len() - 1;
            case.felts[last] = base.felts[LENGTH - 1];
            cases.push(case);
        }
    }
    // Nonces: too little work, enough, more than asked for. A felt below 2^251 always has one bit.
    for bits in [1, 2, 10, 11, 12, 13] {
        let nonce = nonce(base.io, bits);
        cases.push(with(LENGTH - 1, nonce));
        let mut case = with(LENGTH - 1, nonce);
        case.felts[0] = 13u32.into();
        cases.push(case);
    }
    cases.push(with(LENGTH - 1, Felt::ZERO));
    cases.push(with(LENGTH - 1, Felt::from(P)));
    // Some lists that are right, and some with two mistakes at once.
    for _ in 0..10 {
        let case = accepted(&mut random);
        cases.push(case.clone());
        let mut twice = case;
        for _ in 0..2 {
            let index = random.random_range(0..LENGTH);
            twice.felts[index] = values[random.random_range(0..values.len())];
        }
        cases.push(twice);
    }
    cases
}

/// The calls of one simulation; the state diff of a block bounds them.
const BATCH: usize = 20;

/// What the contract does with lists in one transaction, from a simulation on the node: its verdicts
/// in their order, or why it reverts.
fn contract(world: &World, cases: &[&Case]) -> Result<Vec<Event>, String> {
    let verifier = world.contracts.addresses.verifier;
    let calls: Vec<_> = cases
        .iter()
        .map(|case| {
            let mut arguments = vec![Felt::from(case.felts.len())];
            arguments.extend_from_slice(&case.felts);
            arguments.extend([case.io, Felt::ONE, Felt::ZERO]);
            call(verifier, "submit_and_verify_with_io_binding", &arguments)
        })
        .collect();
    let (chain, account) = (world.chain(), world.account());
    let nonce = chain.rpc().nonce(account.address(), At::Newest).unwrap();
    let simulation = account
        .simulate(chain.rpc(), chain_id(), &calls, nonce)
        .unwrap();
    let events = simulation.events.map_err(|words| contract_reason(&words))?;
    let events = events
        .iter()
        .map(|raw| Event::decode(raw, &world.contracts).unwrap());
    let verdict =
        |e: &Event| matches!(e, Event::ProofVerified { .. } | Event::ProofRejected { .. });
    Ok(events.filter(verdict).collect())
}

/// The event of a verdict; none if the transaction reverts.
fn event(outcome: &Outcome) -> Option<Event> {
    match outcome {
        Outcome::Reverts { .. } => None,
        Outcome::Rejected { reason, proof_hash } => Some(Event::ProofRejected {
            proof_hash: *proof_hash,
            reason: (*reason).to_owned(),
        }),
        Outcome::Accepted {
            security_bits,
            proof_hash,
        } => Some(Event::ProofVerified {
            proof_hash: *proof_hash,
            security_bits: (*security_bits).into(),
        }),
    }
}

#[test]
fn the_emulation_says_what_the_contract_says() {
    let world = World::new(Setup::default());
    let config = [
        STATE.min_security_bits,
        STATE.max_proof_felts,
        0,
        0,
        3600,
        8,
    ]
    .map(Felt::from);
    world.own(&[call(
        world.contracts.addresses.verifier,
        "update_config",
        &config,
    )]);
    let mut cases = cases();
    let mut seen = HashSet::new();
    cases.retain(|case| seen.insert(case.clone()));
    assert!(cases.len() >= 200, "{}", cases.len());
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut lasting: Vec<(&Case, Event)> = Vec::new();
    for case in &cases {
        let emulated = judge(&case.felts, case.io, &STATE);
        *verdicts
            .entry(emulated.reason().unwrap_or("accepted"))
            .or_default() += 1;
        match event(&emulated) {
            Some(event) => lasting.push((case, event)),
            None => {
                let said = contract(&world, &[case]);
                let reason = emulated.reason().unwrap_or_default().to_owned();
                assert_eq!(said, Err(reason), "{:x?}", case.felts);
            }
        }
    }
    // Lists that do not revert share simulations, the stored ones never twice in one.
    while !lasting.is_empty() {
        let mut stored = HashSet::new();
        let mut batch = Vec::new();
        lasting.retain(|(case, event)| {
            let felts = case.felts.iter().map(Felt::to_bytes_be).collect::<Vec<_>>();
            let fits = batch.len() < BATCH && stored.insert(felts);
            if fits {
                batch.push((*case, event.clone()));
            }
            !fits
        });
        let (cases, expected): (Vec<&Case>, Vec<Event>) = batch.into_iter().unzip();
        let said = contract(&world, &cases).unwrap();
        assert_eq!(said.len(), expected.len());
        for ((case, expected), said) in cases.iter().zip(&expected).zip(&said) {
            assert_eq!(said, expected, "{:x?}", case.felts);
        }
    }
    println!("{} lists: {verdicts:?}", cases.len());
    // No verdict is out of these lists' reach.
    let reached = [
        "Insufficient security bits",
        "Proof too large",
        "Proof too small",
        "accepted",
        "io_commitment_mismatch",
        "stwo_verification_failed",
        "u32_add Overflow",
        "u32_mul Overflow",
    ];
    assert_eq!(verdicts.keys().copied().collect::<Vec<_>>(), reached);
}
