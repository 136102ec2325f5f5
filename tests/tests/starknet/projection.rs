//! Projections of real proofs, and lists of felts that are none.

use std::sync::LazyLock;

use proptest::prelude::*;
use stwo_ml::prove::solve;
use stwo_ml_tests::{INPUT, linear_prover, mixed_inputs, mixed_prover};
use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::starknet::{
    ContractState, Outcome, Part, Precheck, Projection, StarknetError, calls, check_projection,
    execute_calldata, io_commitment, judge, least_nonce, nonce_is_sufficient, poseidon, precheck,
};
use stwo_ml_verifier::transcript::{Event, Label, Transcript};
use stwo_ml_verifier::{Digest, Level, Proof, Statement, VerifyError, Vk, encode_file, hash};

use super::{Felt, vectors};

/// A proof at the level of the contract.
struct Honest {
    vk: Vk,
    statement: Statement,
    proof: Proof,
    /// What the prover absorbed and drew.
    events: Vec<Event>,
    felts: Vec<Felt>,
}

static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let prover = linear_prover(Level::Onchain128);
    let model = prover.model();
    let inputs = [INPUT.to_vec()];
    let witness = solve(&model.vk, &model.steps, &model.weights, &inputs).unwrap();
    let statement = prover.statement(&inputs, &witness);
    let (proof, transcript) = prover.prove_unchecked(&statement, &witness).unwrap();
    let projection = Projection::new(&model.vk, &statement, &proof).unwrap();
    let nonce = least_nonce(projection.io).unwrap();
    Honest {
        vk: model.vk.clone(),
        felts: projection.felts(nonce).unwrap(),
        statement,
        proof,
        events: transcript.events,
    }
});

impl Honest {
    fn check(&self, felts: &[Felt]) -> Result<(), StarknetError> {
        check_projection(&self.vk, &self.statement, &self.proof, felts)
    }

    fn file(&self) -> Vec<u8> {
        encode_file(&self.statement, &self.proof)
    }
}

/// The parts of a projection, felt by felt, as `docs/starknet.md` lays them out.
fn parts() -> Vec<Part> {
    let mut parts: Vec<Part> = (0..4).map(Part::Parameter).collect();
    parts.extend([Part::IoCommitment, Part::Digests]);
    for layer in 0..4 {
        parts.extend([Part::Root { layer }, Part::Challenge { layer }]);
        parts.extend((0..58).map(|query| Part::Value { layer, query }));
    }
    for layer in 0..4 {
        parts.extend([Part::Root { layer }; 8]);
        parts.extend([Part::Challenge { layer }; 3]);
    }
    parts.extend([Part::WitnessRoot; 9]);
    parts.push(Part::Nonce);
    parts
}

#[test]
fn the_contract_accepts_the_projection_of_a_proof() {
    let honest = &*HONEST;
    assert_eq!(honest.felts.len(), 300);
    honest.check(&honest.felts).unwrap();
    let io = io_commitment(&honest.vk, &honest.statement).unwrap();
    let outcome = Outcome::Accepted {
        security_bits: 128,
        proof_hash: poseidon(&honest.felts),
    };
    let state = ContractState::default();
    assert_eq!(judge(&honest.felts, io, &state), outcome);
    let checked = precheck(&honest.vk, &honest.file(), &honest.felts, &state).unwrap();
    let projection = Projection::new(&honest.vk, &honest.statement, &honest.proof).unwrap();
    let expected = Precheck {
        statement: honest.statement.clone(),
        projection,
        outcome,
    };
    assert_eq!(checked, expected);
}

/// The value of a digest's limb: bits `30 i .. 30 i + 30` of the little-endian integer.
fn limb(digest: &Digest, i: usize) -> u32 {
    (0..30)
        .filter(|bit| {
            let at = 30 * i + bit;
            at < 256 && digest.0[at / 8] >> (at % 8) & 1 == 1
        })
        .map(|bit| 1 << bit)
        .sum()
}

/// The root over a cap, from its definition.
fn root(cap: &[Digest]) -> Digest {
    match cap {
        [root] => *root,
        _ => {
            let (left, right) = cap.split_at(cap.len() / 2);
            hash::blake2s(&[&root(left).0, &root(right).0])
        }
    }
}

/// Every felt again, from the prover's transcript and the openings: which challenge follows which
/// cap, and which entry of a coset a query's position selects.
#[test]
fn every_felt_is_a_value_of_the_proof() {
    let honest = &*HONEST;
    let shape = Shape::new(&honest.vk);
    let mut transcript = Transcript::new();
    // Per folded word, the challenge drawn first after its cap.
    let mut challenges: Vec<Option<QM31>> = Vec::new();
    let queries = honest
        .events
        .iter()
        .position(|e| *e == Event::Draw(Label::Queries))
        .unwrap();
    for event in &honest.events[..queries] {
        match event {
            Event::Absorb(label, data) => {
                if *label == Label::LayerCap {
                    challenges.push(None);
                }
                transcript.absorb(*label, data);
            }
            Event::Draw(label @ (Label::LookupNonce | Label::QueryNonce)) => {
                transcript.grind_seed(*label);
            }
            Event::Draw(label) => {
                let challenge = transcript.challenge(*label);
                if let Some(slot) = challenges.last_mut().filter(|slot| slot.is_none()) {
                    *slot = Some(challenge);
                }
            }
        }
    }
    let bits = shape.words[0].log_length - shape.words[0].log_coset;
    let positions = transcript.positions(Label::Queries, 58, bits.into());

    let m31 = |felts: &mut Vec<Felt>, value: u32| felts.push(Felt::from(value));
    let halves = |digest: &Digest| {
        let half = |range: std::ops::Range<usize>| {
            Felt::from(u128::from_le_bytes(digest.0[range].try_into().unwrap()))
        };
        [half(0..16), half(16..32)]
    };
    let proof = hash::blake2s(&[&honest.file()]);
    let digests = [halves(&honest.vk.digest()), halves(&proof)].concat();
    let mut expected: Vec<Felt> = [12u32, 2, shape.log_clear.into(), 58]
        .map(Felt::from)
        .to_vec();
    expected.push(io_commitment(&honest.vk, &honest.statement).unwrap());
    expected.push(poseidon(&digests));
    let caps = &honest.proof.opening.caps;
    let mut shift = 0;
    for layer in 0..4 {
        m31(&mut expected, limb(&root(&caps[layer]), 0));
        let [first, ..] = challenges[layer].unwrap().coordinates();
        m31(&mut expected, first.value());
        let word = shape.words[layer + 1];
        for (query, position) in honest.proof.opening.queries.iter().zip(&positions) {
            let within = position >> shift & ((1 << word.log_coset) - 1);
            let value = query.layers[layer].values[within as usize];
            m31(&mut expected, value.coordinates()[0].value());
        }
        shift += word.log_coset;
    }
    for layer in 0..4 {
        (1..9).for_each(|i| m31(&mut expected, limb(&root(&caps[layer]), i)));
        let [_, rest @ ..] = challenges[layer].unwrap().coordinates();
        rest.iter().for_each(|c| m31(&mut expected, c.value()));
    }
    (0..9).for_each(|i| m31(&mut expected, limb(&root(&honest.proof.witness), i)));
    assert_eq!(honest.felts[..299], expected);
}

#[test]
fn a_changed_felt_is_named() {
    let honest = &*HONEST;
    let parts = parts();
    assert_eq!(parts.len(), honest.felts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let mut felts = honest.felts.clone();
        felts[index] += Felt::ONE;
        assert_eq!(
            honest.check(&felts),
            Err(StarknetError::Projection { part }),
            "felt {index}"
        );
    }
}

#[test]
fn another_length_is_named() {
    let honest = &*HONEST;
    let wrong = |part| Err(StarknetError::Projection { part });
    let nonce = *honest.felts.last().unwrap();
    let longer = [&honest.felts[..], &[nonce]].concat();
    assert_eq!(honest.check(&longer), wrong(Part::Length));
    assert_eq!(honest.check(&honest.felts[..299]), wrong(Part::Length));
    assert_eq!(honest.check(&[]), wrong(Part::Length));
}

#[test]
fn any_sufficient_nonce_serves() {
    let honest = &*HONEST;
    let io = honest.felts[4];
    let least = least_nonce(io).unwrap();
    let next = (least + 1..).find(|n| nonce_is_sufficient(io, *n)).unwrap();
    let mut felts = honest.felts.clone();
    felts[299] = next.into();
    honest.check(&felts).unwrap();
    assert!(!nonce_is_sufficient(io, 0));
    assert!(!nonce_is_sufficient(io, (1 << 31) - 1));
}

#[test]
fn parts_are_read_back() {
    let honest = &*HONEST;
    let (projection, nonce) = Projection::parse(&honest.felts).unwrap();
    let made = Projection::new(&honest.vk, &honest.statement, &honest.proof).unwrap();
    assert_eq!(projection, made);
    assert_eq!(Felt::from(nonce), honest.felts[299]);
    // What is no projection of any proof is not read.
    for (data, _) in [vectors::junk(), vectors::well_formed()] {
        assert!(Projection::parse(&data).is_err());
    }
}

/// The contract accepts junk; a precheck has a proof or refuses.
#[test]
fn junk_has_no_proof_behind_it() {
    let honest = &*HONEST;
    let state = ContractState::default();
    let (junk, io) = vectors::junk();
    assert!(judge(&junk, io, &state).is_accepted());
    // Beside a valid proof, the felts are not its projection.
    let part = Part::Parameter(1);
    assert_eq!(
        precheck(&honest.vk, &honest.file(), &junk, &state),
        Err(StarknetError::Projection { part })
    );
    // Without one, there is nothing to project.
    let refused = precheck(&honest.vk, &[], &junk, &state);
    assert_eq!(refused, Err(StarknetError::Verify(VerifyError::Truncated)));
}

#[test]
fn a_false_proof_has_no_projection() {
    let honest = &*HONEST;
    let mut proof = honest.proof.clone();
    proof.opening.clear[0] += QM31::ONE;
    let error = Projection::new(&honest.vk, &honest.statement, &proof).unwrap_err();
    assert_eq!(error, StarknetError::Verify(VerifyError::ClearPolynomial));
    // Nor has a proof of another statement.
    let mut statement = honest.statement.clone();
    statement.outputs[0][0] += 1;
    let error = check_projection(&honest.vk, &statement, &honest.proof, &honest.felts);
    assert!(matches!(error, Err(StarknetError::Verify(_))), "{error:?}");
}

#[test]
fn other_levels_are_refused() {
    let prover = linear_prover(Level::Standard);
    let proven = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let error = Projection::new(&prover.model().vk, &proven.statement, &proven.proof);
    assert_eq!(error, Err(StarknetError::Level { got: "standard" }));
}

#[test]
fn several_inputs_and_outputs_have_no_commitment() {
    let prover = mixed_prover(Level::Onchain128);
    let proven = prover.prove(&mixed_inputs(), &|_| ()).unwrap();
    let error = Projection::new(&prover.model().vk, &proven.statement, &proven.proof);
    let expected = StarknetError::Ports {
        inputs: 2,
        outputs: 3,
    };
    assert_eq!(error, Err(expected));
}

/// The contract refuses zeros in some places; a projection says which.
#[test]
fn zeros_are_named() {
    let honest = &*HONEST;
    let (made, nonce) = Projection::parse(&honest.felts).unwrap();
    let zero = |change: &dyn Fn(&mut Projection)| {
        let mut projection = made.clone();
        change(&mut projection);
        projection.felts(nonce).unwrap_err()
    };
    let named = |part| StarknetError::Zero { part };
    for layer in 0..4 {
        let error = zero(&|p| {
            p.layers[layer].root.0[..3].fill(0);
            p.layers[layer].root.0[3] &= 0xc0;
        });
        assert_eq!(error, named(Part::Root { layer }));
        let error = zero(&|p| p.layers[layer].challenge = QM31::ZERO);
        assert_eq!(error, named(Part::Challenge { layer }));
    }
    assert_eq!(zero(&|p| p.digests = Felt::ZERO), named(Part::Digests));
    assert_eq!(zero(&|p| p.io = Felt::ZERO), named(Part::IoCommitment));
}

#[test]
fn precheck_gives_the_reason_of_the_contract() {
    let honest = &*HONEST;
    let outcome = |state| {
        let checked = precheck(&honest.vk, &honest.file(), &honest.felts, &state).unwrap();
        checked.outcome
    };
    let default = ContractState::default();
    let states = [
        (
            ContractState {
                paused: true,
                ..default
            },
            "Contract is paused",
        ),
        (
            ContractState {
                already_submitted: true,
                ..default
            },
            "Proof already submitted",
        ),
        (
            ContractState {
                min_security_bits: 129,
                ..default
            },
            "Insufficient security bits",
        ),
        (
            ContractState {
                max_proof_felts: 299,
                ..default
            },
            "Proof too large",
        ),
    ];
    for (state, reason) in states {
        assert_eq!(outcome(state), Outcome::Reverts { reason });
        let checked = precheck(&honest.vk, &honest.file(), &honest.felts, &state).unwrap();
        assert_eq!(checked.accepted(), Err(StarknetError::Refused { reason }));
    }
}

/// The proof and its submission as files, for the verifier in JavaScript; the felts themselves are
/// checked above. With `UPDATE_VECTORS=1` they are written, otherwise compared.
#[test]
fn vectors_are_up_to_date() {
    let honest = &*HONEST;
    let (addresses, job) = vectors::submission();
    let calls = calls(&addresses, &job, &honest.felts, honest.felts[4]).unwrap();
    let hex =
        |felts: &[Felt]| -> Vec<String> { felts.iter().map(|felt| format!("{felt:#x}")).collect() };
    let value = serde_json::json!({
        "_comment": "The submission of onchain128.proof for the job of multicall.json",
        "proof_data": hex(&honest.felts).join(" "),
        "execute_calldata": hex(&execute_calldata(&calls)).join(" "),
    });
    let files = [
        ("onchain128.vk", honest.vk.encode()),
        ("onchain128.proof", honest.file()),
        ("onchain128.json", format!("{value:#}\n").into_bytes()),
    ];
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/starknet"));
    for (name, bytes) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let found = std::fs::read(&path).unwrap();
        assert!(found == bytes, "{name} differs; run with UPDATE_VECTORS=1");
    }
}

proptest! {
    /// Whatever the felts, reading them back ends, and what is read lays out to the same felts.
    #[test]
    fn reading_never_invents(index in 0usize..300, value in any::<u64>(), cut in 0usize..301) {
        let mut felts = HONEST.felts.clone();
        felts[index] = value.into();
        felts.truncate(cut);
        if let Ok((projection, nonce)) = Projection::parse(&felts) {
            prop_assert_eq!(projection.felts(nonce).unwrap(), felts);
        }
    }
}
