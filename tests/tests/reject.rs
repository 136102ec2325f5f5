//! Hostile proofs: each names an attack and the exact error that stops it.
//!
//! `tests/vectors/reject/` holds the same proofs as files: a first line `expected: <code>`, then
//! the bytes of the proof file, all under the key `tests/vectors/small.vk`. They are made here;
//! `UPDATE_VECTORS=1` writes them anew, otherwise the test compares them with what is committed.

use std::path::PathBuf;

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::prove::{Corruption, Prover, Witness, solve};
use stwo_ml_tests::linear;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::transcript::{Event, Label};
use stwo_ml_verifier::{
    Level, Proof, Statement, VerifyError, Vk, encode_file, verify, verify_file,
};

fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

const INPUT: [i32; 7] = [100, -100, 3, 0, -7, 55, 12];

fn prover(level: Level) -> Prover<'static> {
    Prover::new(Model::assemble(linear(13), level, &Simd).unwrap(), &Simd).unwrap()
}

fn add_one(v: &mut QM31) {
    *v += QM31::ONE;
}

type Tamper = fn(&mut Statement, &mut Proof);

/// Name, expected code, proof file.
type Attack = (&'static str, &'static str, Vec<u8>);

/// Attacks on an honest proof, field by field.
const TAMPERS: &[(&str, &str, Tamper)] = &[
    ("output_changed", "lookup_grind", |s, _| {
        s.outputs[0][0] += 1
    }),
    ("input_changed", "lookup_grind", |s, _| s.inputs[0][6] -= 1),
    ("input_plus_modulus", "statement_range", |s, _| {
        s.inputs[0][1] += 0x7fff_ffff
    }),
    ("input_out_of_range", "statement_range", |s, _| {
        s.inputs[0][0] = 101
    }),
    ("output_out_of_range", "statement_range", |s, _| {
        s.outputs[0][0] = 256
    }),
    ("witness_cap_changed", "lookup_grind", |_, p| {
        p.witness[0].0[0] ^= 1
    }),
    ("lookup_nonce_changed", "lookup_grind", |_, p| {
        p.lookup_nonce += 1
    }),
    ("lookup_sum_not_zero", "lookup_sum", |_, p| {
        add_one(&mut p.lookup.layers[0].halves[0])
    }),
    ("lookup_denominator_zero", "lookup_denominator", |_, p| {
        p.lookup.layers[0].halves[0] = QM31::ZERO;
        p.lookup.layers[0].halves[2] = QM31::ZERO;
    }),
    ("lookup_zero_over_zero", "lookup_denominator", |_, p| {
        p.lookup.layers[0].halves = [QM31::ZERO; 4]
    }),
    ("lookup_round_changed", "lookup_round", |_, p| {
        add_one(&mut p.lookup.layers[5].rounds[2][0])
    }),
    (
        "lookup_round_coefficient_changed",
        "lookup_round",
        |_, p| {
            add_one(&mut p.lookup.layers[5].rounds[2][2]);
        },
    ),
    ("lookup_halves_changed", "lookup_layer", |_, p| {
        add_one(&mut p.lookup.layers[5].halves[1])
    }),
    ("lookup_input_column_changed", "lookup_leaves", |_, p| {
        add_one(&mut p.lookup.columns[0])
    }),
    ("multiplicity_column_changed", "lookup_leaves", |_, p| {
        add_one(p.lookup.columns.last_mut().unwrap());
    }),
    ("lookup_columns_swapped", "lookup_leaves", |_, p| {
        p.lookup.columns.swap(0, 1)
    }),
    ("bilinear_value_changed", "contraction_round", |_, p| {
        add_one(&mut p.contraction.values[0])
    }),
    (
        "contraction_coefficient_changed",
        "contraction_round",
        |_, p| {
            add_one(&mut p.contraction.rounds[0][2]);
        },
    ),
    (
        "contraction_last_coefficient_changed",
        "contraction_end",
        |_, p| {
            add_one(&mut p.contraction.rounds.last_mut().unwrap()[2]);
        },
    ),
    ("right_operand_changed", "contraction_end", |_, p| {
        add_one(&mut p.contraction.ends[0][0])
    }),
    ("left_form_changed", "contraction_end", |_, p| {
        add_one(&mut p.contraction.ends[0][1])
    }),
    ("reduction_round_changed", "reduction_round", |_, p| {
        add_one(&mut p.reduction.rounds[0][0])
    }),
    (
        "reduction_coefficient_changed",
        "reduction_round",
        |_, p| add_one(&mut p.reduction.rounds[3][2]),
    ),
    (
        "reduction_last_coefficient_changed",
        "reduction_end",
        |_, p| {
            add_one(&mut p.reduction.rounds.last_mut().unwrap()[2]);
        },
    ),
    ("witness_evaluation_changed", "reduction_end", |_, p| {
        add_one(&mut p.reduction.values[0])
    }),
    ("weight_evaluation_changed", "reduction_end", |_, p| {
        add_one(&mut p.reduction.values[1])
    }),
    ("evaluations_swapped", "reduction_end", |_, p| {
        p.reduction.values.swap(0, 1)
    }),
    ("folding_round_changed", "folding_round", |_, p| {
        add_one(&mut p.opening.rounds[0][1])
    }),
    ("layer_cap_changed", "folding_round", |_, p| {
        p.opening.caps[0][0].0[0] ^= 1
    }),
    ("clear_polynomial_changed", "clear_polynomial", |_, p| {
        add_one(&mut p.opening.clear[0])
    }),
    ("query_nonce_changed", "query_grind", |_, p| {
        p.opening.nonce += 1
    }),
    ("witness_row_changed", "witness_path", |_, p| {
        p.opening.queries[0].witness.rows[0][0] += M31::ONE;
    }),
    ("witness_sibling_changed", "witness_path", |_, p| {
        p.opening.queries[3].witness.path[0].0[9] ^= 4
    }),
    ("weight_row_changed", "weights_path", |_, p| {
        p.opening.queries[0].weights.rows[3][0] += M31::ONE;
    }),
    ("weight_sibling_changed", "weights_path", |_, p| {
        p.opening.queries[1].weights.path[1].0[9] ^= 4
    }),
    ("folded_value_changed", "layer_path", |_, p| {
        add_one(&mut p.opening.queries[0].layers[0].values[2])
    }),
    ("folded_sibling_changed", "layer_path", |_, p| {
        let path = &mut p.opening.queries[0].layers[0].path;
        path[0].0[0] ^= 1;
    }),
    ("queries_swapped", "witness_path", |_, p| {
        p.opening.queries.swap(0, 1)
    }),
];

/// Attacks on the bytes of an honest file.
fn byte_attacks(vk: &Vk, file: &[u8]) -> Vec<Attack> {
    let edit = |at: usize, bytes: &[u8]| {
        let mut file = file.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // Header, statement, cap, nonce: then the first field element.
    let shape = stwo_ml_verifier::shape::Shape::new(vk);
    let first_element = 10 + 4 * 12 + 32 * shape.words[0].cap_length() + 8;
    let modulus = 0x7fff_ffffu32.to_le_bytes();
    vec![
        ("empty", "truncated", Vec::new()),
        ("truncated", "truncated", file[..file.len() - 1].to_vec()),
        ("trailing_byte", "trailing_bytes", [file, &[0]].concat()),
        ("foreign_file", "wrong_magic", edit(0, b"P")),
        ("future_version", "unsupported_version", edit(8, &[2, 0])),
        (
            "element_is_the_modulus",
            "non_canonical",
            edit(first_element, &modulus),
        ),
        (
            "element_is_all_ones",
            "non_canonical",
            edit(first_element, &[0xff; 4]),
        ),
    ]
}

/// The files of all attacks.
fn attacks() -> (Vk, Vec<u8>, Vec<Attack>) {
    let prover = prover(Level::Standard);
    let vk = prover.model().vk.clone();
    let honest = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let other = prover.prove(&[vec![1; 7]], &|_| ()).unwrap();
    let file = encode_file(&honest.statement, &honest.proof);
    let mut attacks = Vec::new();
    for (name, code, tamper) in TAMPERS {
        let (mut statement, mut proof) = (honest.statement.clone(), honest.proof.clone());
        tamper(&mut statement, &mut proof);
        attacks.push((*name, *code, encode_file(&statement, &proof)));
    }
    attacks.push((
        "statement_replay",
        "lookup_grind",
        encode_file(&other.statement, &honest.proof),
    ));
    let mut spliced = honest.proof.clone();
    spliced.opening = other.proof.opening.clone();
    attacks.push((
        "opening_of_another_proof",
        "folding_round",
        encode_file(&honest.statement, &spliced),
    ));
    attacks.extend(byte_attacks(&vk, &file));
    (vk, file, attacks)
}

#[test]
fn every_attack_meets_its_error() {
    let (vk, honest, attacks) = attacks();
    assert!(verify_file(&vk, &honest).is_ok());
    for (name, code, bytes) in &attacks {
        let error = verify_file(&vk, bytes).expect_err(name);
        assert_eq!(error.code(), *code, "{name}: {error}");
    }
    let folder = vectors().join("reject");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(vectors().join("small.vk"), vk.encode()).unwrap();
        std::fs::write(vectors().join("small.proof"), &honest).unwrap();
        for (name, code, bytes) in &attacks {
            let header = format!("expected: {code}\n").into_bytes();
            std::fs::write(folder.join(name), [&header[..], bytes].concat()).unwrap();
        }
    }
}

#[test]
fn committed_vectors_meet_their_errors() {
    let vk = Vk::decode(&std::fs::read(vectors().join("small.vk")).unwrap()).unwrap();
    verify_file(&vk, &std::fs::read(vectors().join("small.proof")).unwrap()).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(vectors().join("reject")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        let expected = std::str::from_utf8(&bytes[..end])
            .unwrap()
            .strip_prefix("expected: ")
            .unwrap();
        let error = verify_file(&vk, &bytes[end + 1..]).expect_err(&path.display().to_string());
        assert_eq!(error.code(), expected, "{}", path.display());
        count += 1;
    }
    assert!(count >= TAMPERS.len(), "{count} files");
}

/// The error on a false witness that is argued for honestly.
fn cheat(change: impl FnOnce(&Vk, &mut Witness)) -> VerifyError {
    let prover = prover(Level::TestTiny);
    let model = prover.model();
    let mut witness = solve(&model.vk, &model.steps, &model.weights, &[INPUT.to_vec()]).unwrap();
    change(&model.vk, &mut witness);
    let mut statement = prover.statement(&[INPUT.to_vec()], &witness);
    // Outputs that are out of range are refused at once; these attacks go further.
    statement.outputs[0]
        .iter_mut()
        .for_each(|v| *v = (*v).clamp(0, 255));
    let (proof, _) = prover.prove_unchecked(&statement, &witness);
    verify(&model.vk, &statement, &proof).expect_err("a false witness")
}

/// Lookups of the small circuit: 0 the remainder, 1 the requantisation with its activation, 2 the
/// maximum. Tensors of the lookups' own definitions: by the key.
fn defined(vk: &Vk, lookup: usize) -> usize {
    let expression = vk.lookups[lookup]
        .output
        .as_ref()
        .unwrap_or(&vk.lookups[lookup].input);
    expression.terms[0].right as usize
}

#[test]
fn rejects_a_false_activation() {
    let error = cheat(|vk, w| {
        w.lookup_outputs[1][2] += 1;
        let y = defined(vk, 1);
        w.tensors[y][2] += 1;
    });
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_an_output_that_was_not_looked_up() {
    let error = cheat(|vk, w| {
        let z = defined(vk, 2);
        w.tensors[z][0] += 1;
    });
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

#[test]
fn rejects_a_false_product() {
    // The quotient is off by one and the lookups agree with it: the product does not.
    let error = cheat(|vk, w| {
        let table = &vk.tables[vk.lookups[1].table as usize];
        let (old, new) = (w.lookup_inputs[1][0], w.lookup_inputs[1][0] + 1);
        let counts = &mut w.tensors[table.multiplicity as usize];
        counts[(old - table.base) as usize] -= 1;
        counts[(new - table.base) as usize] += 1;
        w.lookup_inputs[1][0] = new;
        w.lookup_outputs[1][0] = new.clamp(0, 255);
        let y = defined(vk, 1);
        w.tensors[y][0] = new.clamp(0, 255);
    });
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

#[test]
fn rejects_a_remainder_out_of_range() {
    // One quotient less, one divisor more in the remainder: the product is satisfied.
    let error = cheat(|vk, w| {
        let table = &vk.tables[vk.lookups[1].table as usize];
        let (old, new) = (w.lookup_inputs[1][2], w.lookup_inputs[1][2] - 1);
        let counts = &mut w.tensors[table.multiplicity as usize];
        counts[(old - table.base) as usize] -= 1;
        counts[(new - table.base) as usize] += 1;
        w.lookup_inputs[1][2] = new;
        w.lookup_outputs[1][2] = new.clamp(0, 255);
        let (y, r) = (defined(vk, 1), defined(vk, 0));
        w.tensors[y][2] = new.clamp(0, 255);
        w.tensors[r][2] += 16;
        w.lookup_inputs[0][2] += 16;
    });
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_a_false_multiplicity() {
    let error = cheat(|vk, w| w.tensors[vk.tables[0].multiplicity as usize][3] += 1);
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_a_maximum_that_is_too_large() {
    let error = cheat(|vk, w| {
        w.lookup_outputs[2][1] += 1;
        let z = defined(vk, 2);
        w.tensors[z][1] += 1;
    });
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_junk_in_a_padded_cell_that_is_looked_up() {
    let error = cheat(|vk, w| {
        let y = defined(vk, 1);
        w.tensors[y][6] = 77;
    });
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

#[test]
fn rejects_a_false_copy() {
    let error = cheat(|vk, w| {
        let previous = vk.zeros[0].expression.terms.last().unwrap().right as usize;
        w.tensors[previous][4] -= 1;
    });
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

#[test]
fn rejects_an_input_that_is_not_the_statement() {
    let error = cheat(|vk, w| w.tensors[vk.inputs[0].tensor as usize][0] -= 1);
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

/// The error on a true statement that is opened dishonestly.
fn cheat_opening(prover: &Prover<'_>) -> VerifyError {
    let model = prover.model();
    let witness = solve(&model.vk, &model.steps, &model.weights, &[INPUT.to_vec()]).unwrap();
    let statement = prover.statement(&[INPUT.to_vec()], &witness);
    let (proof, _) = prover.prove_unchecked(&statement, &witness);
    verify(&model.vk, &statement, &proof).expect_err("a dishonest opening")
}

#[test]
fn rejects_a_committed_word_that_is_not_the_fold() {
    let mut prover = prover(Level::TestTiny);
    prover.corruption = Some(Corruption::FoldedWord);
    assert_eq!(
        cheat_opening(&prover),
        VerifyError::Folding { query: 0, layer: 0 }
    );
}

#[test]
fn rejects_a_clear_polynomial_that_is_not_the_fold() {
    let mut prover = prover(Level::TestTiny);
    prover.corruption = Some(Corruption::ClearPolynomial);
    assert_eq!(cheat_opening(&prover), VerifyError::LastFold { query: 0 });
}

#[test]
fn rejects_other_weights_than_the_key_commits_to() {
    let mut model = prover(Level::TestTiny).model().clone();
    model.weights[0] += 1;
    assert!(Prover::new(model.clone(), &Simd).is_err());
    let prover = Prover::new_unchecked(model, &Simd);
    assert_eq!(
        cheat_opening(&prover),
        VerifyError::WeightsPath { query: 0 }
    );
}

/// A proof built by hand, with lists that the key does not have.
#[test]
fn rejects_proofs_of_another_shape() {
    let prover = prover(Level::Standard);
    let honest = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let changes: &[fn(&mut Proof)] = &[
        |p| p.opening.queries.clear(),
        |p| drop(p.opening.queries.pop()),
        |p| p.opening.queries.push(p.opening.queries[0].clone()),
        |p| p.opening.queries[0].layers.clear(),
        |p| p.opening.queries[0].witness.rows.clear(),
        |p| p.opening.queries[0].witness.path.clear(),
        |p| p.opening.rounds.clear(),
        |p| p.opening.caps.clear(),
        |p| p.opening.clear.push(QM31::ZERO),
        |p| drop(p.lookup.layers.pop()),
        |p| p.lookup.columns.push(QM31::ZERO),
        |p| p.contraction.rounds.clear(),
        |p| p.contraction.ends.clear(),
        |p| p.reduction.rounds.clear(),
        |p| p.reduction.nonces.push(0),
        // As many bytes, cut elsewhere.
        |p| {
            let row = p.opening.queries[0].witness.rows[0].pop().unwrap();
            p.opening.queries[0].witness.rows[1].insert(0, row);
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut proof = honest.proof.clone();
        change(&mut proof);
        let error = verify(&prover.model().vk, &honest.statement, &proof).unwrap_err();
        let code = error.code();
        let expected = ["truncated", "trailing_bytes", "shape", "non_canonical"];
        assert!(expected.contains(&code), "{number}: {error}");
    }
}

/// Everything the prover says, but for the openings of the queries, enters the transcript, in
/// the order of `docs/protocol.md`.
#[test]
fn every_message_is_absorbed_in_order() {
    let prover = prover(Level::TestTiny);
    let model = prover.model();
    let witness = solve(&model.vk, &model.steps, &model.weights, &[INPUT.to_vec()]).unwrap();
    let statement = prover.statement(&[INPUT.to_vec()], &witness);
    let (proof, transcript) = prover.prove_unchecked(&statement, &witness);
    let shape = stwo_ml_verifier::shape::Shape::new(&model.vk);

    let absorb = |label| (true, label);
    let draw = |label| (false, label);
    let times = |n: usize, label: Label| [absorb(label), draw(label)].repeat(n);
    let mut expected = vec![
        absorb(Label::VkDigest),
        absorb(Label::Input),
        absorb(Label::Output),
        absorb(Label::WitnessCap),
        draw(Label::LookupNonce),
        absorb(Label::LookupNonce),
        draw(Label::LookupChallenge),
        draw(Label::LookupChallenge),
    ];
    for depth in 0..shape.log_leaves as usize {
        if depth > 0 {
            expected.push(draw(Label::LookupBatch));
        }
        expected.extend(times(depth, Label::LookupRound));
        expected.extend(times(1, Label::LookupLayer));
    }
    expected.push(absorb(Label::LookupColumns));
    expected.extend(vec![draw(Label::CellPoint); shape.cell_rounds]);
    expected.extend([
        absorb(Label::ContractionValues),
        draw(Label::ContractionBatch),
    ]);
    expected.extend(times(shape.contraction_rounds, Label::ContractionRound));
    expected.extend([absorb(Label::ContractionEnd), draw(Label::ReductionBatch)]);
    expected.extend(times(shape.reduction_rounds, Label::ReductionRound));
    expected.extend([absorb(Label::ReductionEnd), draw(Label::JoinChallenge)]);
    for (i, word) in shape.words.iter().enumerate() {
        if i > 0 {
            expected.push(absorb(Label::LayerCap));
        }
        expected.extend(times(word.log_coset.into(), Label::FoldingRound));
    }
    expected.extend([
        absorb(Label::ClearPolynomial),
        draw(Label::QueryNonce),
        absorb(Label::QueryNonce),
        draw(Label::Queries),
    ]);
    let got: Vec<(bool, Label)> = transcript
        .events
        .iter()
        .map(|e| match e {
            Event::Absorb(label, _) => absorb(*label),
            Event::Draw(label) => draw(*label),
        })
        .collect();
    assert_eq!(got, expected);

    // Nothing of the proof but the queries is missing: the lengths add up.
    let mut without_queries = proof.clone();
    without_queries.opening.queries.clear();
    let mut encoded = stwo_ml_verifier::codec::Writer::default();
    without_queries.write(&mut encoded);
    let absorbed = transcript.events.iter().skip(3).map(|e| match e {
        Event::Absorb(_, data) => data.len(),
        Event::Draw(_) => 0,
    });
    assert_eq!(absorbed.sum::<usize>(), encoded.bytes.len());
    // And the honest run verifies: the verifier's challenges are the same.
    verify(&model.vk, &statement, &proof).unwrap();
}

#[test]
fn rejects_a_proof_under_another_key() {
    let prover = prover(Level::Standard);
    let proven = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let honest = &prover.model().vk;
    let mut edits: Vec<Vk> = Vec::new();
    let mut edit = |change: &dyn Fn(&mut Vk)| {
        let mut vk = honest.clone();
        change(&mut vk);
        edits.push(vk);
    };
    edit(&|vk| vk.name.push('x'));
    edit(&|vk| vk.weights[0].0[0] ^= 1);
    edit(&|vk| vk.inputs[0].scale += 1);
    edit(&|vk| vk.tensors[0].hi += 1);
    edit(&|vk| vk.lookups[1].input.constant += 1);
    edit(&|vk| vk.lookups[1].input.terms[0].coefficient += 1);
    edit(&|vk| vk.zeros[0].expression.terms[0].hi += 1);
    for vk in edits {
        let error = verify(&vk, &proven.statement, &proven.proof).unwrap_err();
        assert_eq!(error, VerifyError::LookupGrind);
    }
}

#[test]
fn refuses_keys_whose_integers_could_wrap() {
    let honest = prover(Level::TestTiny).model().vk.clone();
    let refused = |change: &dyn Fn(&mut Vk)| {
        let mut vk = honest.clone();
        change(&mut vk);
        vk.validate().unwrap_err().code()
    };
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.terms[0].hi = 1 << 31),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.divisor = 1 << 20),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.zeros[0].expression.terms[0].hi = i64::MAX),
        "possible_wrap"
    );
    assert_eq!(
        refused(&|vk| vk.lookups[1].input.terms[0].factors[0].out.count = 2),
        "invalid_key"
    );
    assert_eq!(
        refused(&|vk| vk.tensors[1].offset = vk.tensors[0].offset),
        "invalid_key"
    );
    assert_eq!(refused(&|vk| vk.tables[0].len = 1 << 14), "invalid_key");
    assert_eq!(refused(&|vk| vk.log_rows = 40), "invalid_key");
    assert_eq!(refused(&|vk| vk.weights.clear()), "invalid_key");
}

#[test]
fn never_panics_on_damaged_bytes() {
    let (vk, file, _) = attacks();
    let key = vk.encode();
    for i in (0..file.len()).step_by(97) {
        let mut damaged = file.clone();
        damaged[i] ^= 1 << (i % 8);
        assert!(verify_file(&vk, &damaged).is_err(), "byte {i}");
        assert!(verify_file(&vk, &file[..i]).is_err());
    }
    for i in 0..key.len() {
        let mut damaged = key.clone();
        damaged[i] ^= 1 << (i % 8);
        assert!(Vk::decode(&damaged).is_err(), "byte {i}");
        assert!(Vk::decode(&key[..i]).is_err());
        // With the digest made to fit, the content itself is met.
        let end = damaged.len() - 32;
        let digest = stwo_ml_verifier::hash::blake2s(&[&damaged[..end]]);
        damaged[end..].copy_from_slice(&digest.0);
        if let Ok(other) = Vk::decode(&damaged) {
            let _ = verify_file(&other, &file);
        }
    }
}
