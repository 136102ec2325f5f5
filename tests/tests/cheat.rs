//! False witnesses and dishonest openings, argued for by a prover that is honest in all else.

use stwo_ml::backend::Simd;
use stwo_ml::prove::{Corruption, Prover, Witness, solve};
use stwo_ml_tests::{INPUT, linear_prover, mixed_inputs, mixed_prover};
use stwo_ml_verifier::{Level, VerifyError, Vk, verify};

/// The error on a false witness that is argued for honestly. Public values out of range are
/// refused at once; these attacks go further.
fn argue_falsely(
    prover: &Prover<'_>,
    inputs: &[Vec<i32>],
    change: impl FnOnce(&Vk, &mut Witness),
) -> VerifyError {
    let model = prover.model();
    let mut witness = solve(&model.vk, &model.steps, &model.weights, inputs).unwrap();
    change(&model.vk, &mut witness);
    let mut statement = prover.statement(inputs, &witness);
    for (port, values) in model.vk.outputs.iter().zip(&mut statement.outputs) {
        let tensor = &model.vk.tensors[port.tensor as usize];
        values
            .iter_mut()
            .for_each(|v| *v = (*v).clamp(tensor.lo, tensor.hi));
    }
    let (proof, _) = prover.prove_unchecked(&statement, &witness).unwrap();
    verify(&model.vk, &statement, &proof).expect_err("a false witness")
}

fn cheat(change: impl FnOnce(&Vk, &mut Witness)) -> VerifyError {
    argue_falsely(&linear_prover(Level::TestTiny), &[INPUT.to_vec()], change)
}

fn cheat_mixed(change: impl FnOnce(&Vk, &mut Witness)) -> VerifyError {
    argue_falsely(&mixed_prover(Level::TestTiny), &mixed_inputs(), change)
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

/// Moves one use from a row of a table to another.
fn recount(vk: &Vk, w: &mut Witness, [from, to]: [(u32, i32); 2]) {
    for ((table, input), change) in [(from, -1), (to, 1)] {
        let table = &vk.tables[table as usize];
        w.tensors[table.multiplicity as usize][(input - table.base) as usize] += change;
    }
}

/// Lookups of the mixed circuit: 0 and 3 remainders, 1 the activation, 2 the committed function,
/// 4 the clip of `z`.
const Z: usize = 4;

/// A quotient of `z` one too large and a remainder below zero, which is an input of another
/// table, with the output that a range check has: the tables' tags keep them apart.
#[test]
fn rejects_a_row_of_another_table() {
    let error = cheat_mixed(|vk, w| {
        let (range, clip) = (vk.lookups[3].table, vk.lookups[Z].table);
        let relu = vk.lookups[1].table;
        let cell = 5;
        let (r, v) = (w.lookup_inputs[3][cell], w.lookup_inputs[Z][cell]);
        recount(vk, w, [(range, r), (relu, r - 4)]);
        recount(vk, w, [(clip, v), (clip, v + 1)]);
        w.lookup_inputs[3][cell] -= 4;
        w.tensors[defined(vk, 3)][cell] -= 4;
        w.lookup_inputs[Z][cell] += 1;
        w.lookup_outputs[Z][cell] = (v + 1).clamp(-10, 20);
        w.tensors[defined(vk, Z)][cell] = (v + 1).clamp(-10, 20);
    });
    assert_eq!(error, VerifyError::LookupSum);
}

/// The input of one row with the output of another, so that the sum of both is a row's: the
/// powers of `beta` keep the columns apart.
#[test]
fn rejects_a_pair_that_no_row_holds() {
    let error = cheat_mixed(|vk, w| {
        let clip = vk.lookups[Z].table;
        let cell = (0..12)
            .find(|c| (-9..19).contains(&w.lookup_inputs[Z][*c]))
            .unwrap();
        let v = w.lookup_inputs[Z][cell];
        recount(vk, w, [(clip, v), (clip, v + 1)]);
        w.lookup_outputs[Z][cell] = v + 2;
        w.tensors[defined(vk, Z)][cell] = v + 2;
    });
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_a_false_value_of_a_committed_function() {
    let error = cheat_mixed(|vk, w| {
        w.lookup_outputs[2][3] += 1;
        w.tensors[defined(vk, 2)][3] += 1;
        let f = vk.outputs[0].tensor as usize;
        w.tensors[f][3] += 1;
    });
    assert_eq!(error, VerifyError::LookupSum);
}

#[test]
fn rejects_false_vanishing_expressions() {
    // A sparse product of two witness tensors, a padded cell of it, and a change of shape.
    for (zero, cell) in [(1, 1), (1, 2), (1, 7), (2, 0), (2, 3)] {
        let error = cheat_mixed(|vk, w| {
            let terms = &vk.zeros[zero].expression.terms;
            w.tensors[terms.last().unwrap().right as usize][cell] += 1;
        });
        assert_eq!(error, VerifyError::ReductionRound { round: 0 });
    }
}

#[test]
fn rejects_junk_in_a_padded_cell_of_a_public_tensor() {
    // No relation reads it: the statement says that it is zero.
    let error = cheat_mixed(|vk, w| w.tensors[vk.inputs[1].tensor as usize][6] = 1);
    assert_eq!(error, VerifyError::ReductionRound { round: 0 });
}

/// The error on a true statement that is opened dishonestly.
fn cheat_opening(prover: &Prover<'_>) -> VerifyError {
    let model = prover.model();
    let witness = solve(&model.vk, &model.steps, &model.weights, &[INPUT.to_vec()]).unwrap();
    let statement = prover.statement(&[INPUT.to_vec()], &witness);
    let (proof, _) = prover.prove_unchecked(&statement, &witness).unwrap();
    verify(&model.vk, &statement, &proof).expect_err("a dishonest opening")
}

#[test]
fn rejects_a_committed_word_that_is_not_the_fold() {
    let mut prover = linear_prover(Level::TestTiny);
    prover.corruption = Some(Corruption::FoldedWord);
    assert_eq!(
        cheat_opening(&prover),
        VerifyError::Folding { query: 0, layer: 0 }
    );
}

#[test]
fn rejects_a_clear_polynomial_that_is_not_the_fold() {
    let mut prover = linear_prover(Level::TestTiny);
    prover.corruption = Some(Corruption::ClearPolynomial);
    assert_eq!(cheat_opening(&prover), VerifyError::LastFold { query: 0 });
}

#[test]
fn rejects_other_weights_than_the_key_commits_to() {
    let mut model = linear_prover(Level::TestTiny).model().clone();
    model.weights[0] += 1;
    assert!(Prover::new(model.clone(), &Simd).is_err());
    let prover = Prover::new_unchecked(model, &Simd).unwrap();
    assert_eq!(
        cheat_opening(&prover),
        VerifyError::WeightsPath { query: 0 }
    );
}
