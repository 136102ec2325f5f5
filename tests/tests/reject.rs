//! Hostile proofs: each names an attack and the exact error that stops it.

use stwo_ml_tests::vectors::{Attack, Vectors};
use stwo_ml_tests::{INPUT, linear_prover, mixed_inputs, mixed_prover};
use stwo_ml_verifier::codec::Writer;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::{
    Level, Proof, Statement, VerifyError, Vk, decode_file, encode_file, verify,
};

fn add_one(v: &mut QM31) {
    *v += QM31::ONE;
}

type Tamper = fn(&mut Statement, &mut Proof);

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
fn byte_attacks(vk: &Vk, file: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let edit = |at: usize, bytes: &[u8]| {
        let mut file = file.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // Header, statement, cap, nonce: then the first field element.
    let shape = stwo_ml_verifier::shape::Shape::new(vk);
    let first_element = 10 + 4 * 12 + 32 * shape.words[0].cap_length() + 8;
    let modulus = 0x7fff_ffffu32.to_le_bytes();
    // The queries are the last, and each begins with a base-field element of the witness.
    let (_, proof) = decode_file(vk, file).unwrap();
    let mut rest = proof.clone();
    rest.opening.queries.clear();
    let length = |proof: &Proof| {
        let mut w = Writer::default();
        proof.write(&mut w);
        w.bytes.len()
    };
    let first_row = file.len() - (length(&proof) - length(&rest));
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
        (
            "row_element_is_the_modulus",
            "non_canonical",
            edit(first_row, &modulus),
        ),
    ]
}

/// Attacks on an honest proof of the circuit with everything in it, at the level with every
/// proof of work.
const MIXED_TAMPERS: &[(&str, &str, Tamper)] = &[
    ("first_output_changed", "lookup_grind", |s, _| {
        s.outputs[0][4] += 1
    }),
    ("last_output_changed", "lookup_grind", |s, _| {
        s.outputs[2][11] -= 1
    }),
    ("second_input_changed", "lookup_grind", |s, _| {
        s.inputs[1][5] += 1
    }),
    ("input_below_range", "statement_range", |s, _| {
        s.inputs[1][0] = -6
    }),
    ("output_below_range", "statement_range", |s, _| {
        s.outputs[0][0] = -101
    }),
    ("lookup_output_column_changed", "lookup_leaves", |_, p| {
        add_one(&mut p.lookup.columns[2])
    }),
    ("committed_column_changed", "lookup_leaves", |_, p| {
        // The last columns: of the committed function its multiplicities and its outputs, then
        // the multiplicities of two tables.
        let output = p.lookup.columns.len() - 3;
        add_one(&mut p.lookup.columns[output]);
    }),
    (
        "second_bilinear_value_changed",
        "contraction_round",
        |_, p| add_one(&mut p.contraction.values[1]),
    ),
    ("bilinear_values_swapped", "contraction_round", |_, p| {
        p.contraction.values.swap(0, 1)
    }),
    ("bilinear_value_moved", "contraction_round", |_, p| {
        p.contraction.values[0] += QM31::ONE;
        p.contraction.values[2] -= QM31::ONE;
    }),
    ("bilinear_ends_swapped", "contraction_end", |_, p| {
        p.contraction.ends.swap(0, 1)
    }),
    ("bilinear_end_moved", "contraction_end", |_, p| {
        p.contraction.ends[1][0] += QM31::ONE;
        p.contraction.ends[3][0] -= QM31::ONE;
    }),
    // What the batching does not see, the claims do: the factors of a product exchanged.
    ("bilinear_operands_exchanged", "reduction_round", |_, p| {
        p.contraction.ends[0].swap(0, 1)
    }),
    ("column_nonce_changed", "proximity_grind", |_, p| {
        p.reduction.nonces[0] += 1
    }),
    ("join_nonce_changed", "proximity_grind", |_, p| {
        let join = p.reduction.nonces.len() - p.opening.rounds.len() - 1;
        p.reduction.nonces[join] += 1;
    }),
    ("fold_nonce_changed", "proximity_grind", |_, p| {
        *p.reduction.nonces.last_mut().unwrap() += 1
    }),
    ("last_folding_round_changed", "folding_round", |_, p| {
        add_one(&mut p.opening.rounds.last_mut().unwrap()[0])
    }),
    ("clear_polynomial_changed", "clear_polynomial", |_, p| {
        add_one(p.opening.clear.last_mut().unwrap())
    }),
    ("last_witness_row_changed", "witness_path", |_, p| {
        *p.opening.queries[93].witness.rows[7].last_mut().unwrap() += M31::ONE;
    }),
    ("last_weight_row_changed", "weights_path", |_, p| {
        *p.opening.queries[93].weights.rows[7].last_mut().unwrap() += M31::ONE;
    }),
];

fn tampered(
    honest: (&Statement, &Proof),
    tampers: &[(&'static str, &'static str, Tamper)],
) -> Vec<Attack> {
    let attack = |(name, code, tamper): &(&'static str, &'static str, Tamper)| {
        let (mut statement, mut proof) = (honest.0.clone(), honest.1.clone());
        tamper(&mut statement, &mut proof);
        Attack {
            name,
            code,
            file: encode_file(&statement, &proof),
        }
    };
    tampers.iter().map(attack).collect()
}

#[test]
fn every_attack_on_a_small_proof_meets_its_error() {
    let prover = linear_prover(Level::Standard);
    let vk = prover.model().vk.clone();
    let honest = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let other = prover.prove(&[vec![1; 7]], &|_| ()).unwrap();
    let file = encode_file(&honest.statement, &honest.proof);
    let mut attacks = tampered((&honest.statement, &honest.proof), TAMPERS);
    let mut spliced = honest.proof.clone();
    spliced.opening = other.proof.opening.clone();
    let others = [
        (
            "statement_replay",
            "lookup_grind",
            encode_file(&other.statement, &honest.proof),
        ),
        (
            "opening_of_another_proof",
            "folding_round",
            encode_file(&honest.statement, &spliced),
        ),
    ];
    let others = others.into_iter().chain(byte_attacks(&vk, &file));
    attacks.extend(others.map(|(name, code, file)| Attack { name, code, file }));
    Vectors {
        key: "small",
        folder: "reject",
        vk,
        honest: file,
        attacks,
    }
    .check();
}

#[test]
fn every_attack_on_a_mixed_proof_meets_its_error() {
    let prover = mixed_prover(Level::Provable96);
    let honest = prover.prove(&mixed_inputs(), &|_| ()).unwrap();
    Vectors {
        key: "mixed",
        folder: "reject-mixed",
        vk: prover.model().vk.clone(),
        honest: encode_file(&honest.statement, &honest.proof),
        attacks: tampered((&honest.statement, &honest.proof), MIXED_TAMPERS),
    }
    .check();
}

/// Statements built by hand, with lists that the key does not have.
#[test]
fn rejects_statements_of_another_shape() {
    let prover = mixed_prover(Level::TestTiny);
    let honest = prover.prove(&mixed_inputs(), &|_| ()).unwrap();
    type Change = fn(&mut Statement);
    let changes: &[(usize, usize, Change)] = &[
        (2, 1, |s| s.inputs.truncate(1)),
        (3, 4, |s| s.outputs.push(Vec::new())),
        (12, 13, |s| s.inputs[0].push(0)),
        (12, 0, |s| s.outputs[2].clear()),
        // As many integers, cut elsewhere.
        (12, 11, |s| {
            let last = s.inputs[0].pop().unwrap();
            s.inputs[1].insert(0, last);
        }),
    ];
    for (expected, got, change) in changes {
        let mut statement = honest.statement.clone();
        change(&mut statement);
        let error = verify(&prover.model().vk, &statement, &honest.proof).unwrap_err();
        let (expected, got) = (*expected, *got);
        assert_eq!(error, VerifyError::StatementShape { expected, got });
    }
}

/// A proof built by hand, with lists that the key does not have.
#[test]
fn rejects_proofs_of_another_shape() {
    let prover = linear_prover(Level::Standard);
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
