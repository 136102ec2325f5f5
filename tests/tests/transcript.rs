//! The inventory of the transcript.

use stwo_ml::prove::solve;
use stwo_ml_tests::{INPUT, linear_prover, mixed_inputs, mixed_prover};
use stwo_ml_verifier::transcript::{Event, Label};
use stwo_ml_verifier::{Level, verify};

/// Everything the prover says, but for the openings of the queries, enters the transcript, in
/// the order of `docs/protocol.md`.
#[test]
fn every_message_is_absorbed_in_order() {
    let prover = linear_prover(Level::TestTiny);
    let model = prover.model();
    let witness = solve(&model.vk, &model.steps, &model.weights, &[INPUT.to_vec()]).unwrap();
    let statement = prover.statement(&[INPUT.to_vec()], &witness);
    let (proof, transcript) = prover.prove_unchecked(&statement, &witness).unwrap();
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

/// The union bound of the report counts every challenge that is drawn, by the degree of the
/// polynomial that has to vanish there for a false proof to pass.
#[test]
fn the_budget_covers_every_challenge() {
    let provers = [
        (linear_prover(Level::TestTiny), vec![INPUT.to_vec()]),
        (mixed_prover(Level::TestTiny), mixed_inputs()),
    ];
    for (prover, inputs) in provers {
        let model = prover.model();
        let witness = solve(&model.vk, &model.steps, &model.weights, &inputs).unwrap();
        let statement = prover.statement(&inputs, &witness);
        let (_, transcript) = prover.prove_unchecked(&statement, &witness).unwrap();
        let shape = stwo_ml_verifier::shape::Shape::new(&model.vk);
        let degree = |label| match label {
            Label::LookupBatch | Label::LookupLayer | Label::CellPoint => 1,
            // With the factor `eq`, which is not sent.
            Label::LookupRound => 3,
            Label::ContractionRound | Label::ReductionRound => 2,
            // Powers of one challenge, one for each item but the first.
            Label::ContractionBatch => shape.bilinear - 1,
            Label::ReductionBatch => shape.claims - 1,
            Label::JoinChallenge | Label::FoldingRound => 1,
            // Counted as terms of their own, or no challenge of a polynomial.
            Label::LookupChallenge | Label::LookupNonce => 0,
            Label::QueryNonce | Label::Queries => 0,
            other => panic!("{other:?} is drawn"),
        };
        let draws = transcript.events.iter().map(|e| match e {
            Event::Draw(label) => degree(*label),
            Event::Absorb(..) => 0,
        });
        let total = draws.sum::<usize>() as u64;
        // Counted but not drawn: a batching of the root, a power for the first item of each of
        // two batches, and folds of the variables that are sent in clear.
        let spare = 3 + u64::from(shape.log_clear);
        assert_eq!(shape.algebraic_terms(), total + spare);
    }
}
