//! Keys: what they bind, which are refused, and damaged files.

use stwo_ml::artifact::{Model, ModelError};
use stwo_ml_tests::{INPUT, diagonal, linear_prover, mixed_prover};
use stwo_ml_verifier::field::P;
use stwo_ml_verifier::hash::blake2s;
use stwo_ml_verifier::verify::MAX_PROOF_BYTES;
use stwo_ml_verifier::vk::{Bits, Entry, Factor, MAX_VK_BYTES, Wiring};
use stwo_ml_verifier::{Level, VerifyError, Vk, decode_file, encode_file, verify, verify_file};

#[test]
fn rejects_a_proof_under_another_key() {
    let prover = linear_prover(Level::Standard);
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
    let honest = linear_prover(Level::TestTiny).model().vk.clone();
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

/// The two sides of a relation together take at most `p` values, to the integer.
#[test]
fn refuses_sides_of_a_relation_that_lie_a_modulus_apart() {
    let honest = linear_prover(Level::TestTiny).model().vk.clone();
    let p = i64::from(P);
    let wrap = |rule| Err(VerifyError::PossibleWrap { rule, index: 0 });

    // The copy: a term of 0..=255 or more, plus or minus one of 0..=255, plus a constant.
    let zero = |constant: i32, sign: i32, lo: i64, hi: i64| {
        let mut vk = honest.clone();
        let expression = &mut vk.zeros[0].expression;
        expression.constant = constant;
        expression.terms[1].coefficient = sign;
        (expression.terms[0].lo, expression.terms[0].hi) = (lo, hi);
        vk.validate()
    };
    for (constant, sign, [lo, hi], [beyond_lo, beyond_hi]) in [
        // -255..=p - 256.
        (0, -1, [0, p - 256], [0, p - 255]),
        // A term is zero where the box is padded, whatever its bounds.
        (0, -1, [100, p - 256], [100, p - 255]),
        // 255 - (p - 1)..=255.
        (0, -1, [511 - p, 255], [510 - p, 255]),
        // 1..=p - 1 and -(p - 1)..=-1, of which `p` would be zero.
        (1, 1, [0, p - 257], [0, p - 256]),
        (-256, -1, [512 - p, 255], [511 - p, 255]),
    ] {
        assert_eq!(zero(constant, sign, lo, hi), Ok(()));
        assert_eq!(zero(constant, sign, beyond_lo, beyond_hi), wrap("zero"));
    }

    // The remainder, looked up in `base..base + 16`, times a divisor.
    let lookup = |base: i32, divisor: u32, lo: i64, hi: i64| {
        let mut vk = honest.clone();
        let table = vk.lookups[0].table as usize;
        vk.tables[table].base = base;
        let input = &mut vk.lookups[0].input;
        input.divisor = divisor;
        (input.terms[0].lo, input.terms[0].hi) = (lo, hi);
        vk.validate()
    };
    for (base, divisor, [lo, hi], [beyond_lo, beyond_hi]) in [
        (0, 1, [0, p - 1], [0, p]),
        (0, 1, [16 - p, 15], [15 - p, 15]),
        (1000, 1, [1016 - p, 15], [1015 - p, 15]),
        (-1000, 1, [0, p - 1001], [0, p - 1000]),
        (0, 2, [31 - p, 15], [30 - p, 15]),
    ] {
        assert_eq!(lookup(base, divisor, lo, hi), Ok(()));
        assert_eq!(lookup(base, divisor, beyond_lo, beyond_hi), wrap("lookup"));
    }
}

/// The bounds of a term follow from those of its operands, unless it multiplies by weights.
#[test]
fn refuses_terms_that_exceed_their_bounds() {
    let honest = mixed_prover(Level::TestTiny).model().vk.clone();
    let validated = |zero: usize, term: usize, lo: i64, hi: i64| {
        let mut vk = honest.clone();
        let term = &mut vk.zeros[zero].expression.terms[term];
        (term.lo, term.hi) = (lo, hi);
        vk.validate()
    };
    let rule = Err(VerifyError::InvalidKey { rule: "term range" });
    // The function of -2..=256, -100..=227; `5 y x` for `y` of 0..=255 and `x` of -50..=50; a reshape of
    // `u` of -5..=5.
    for (zero, lo, hi) in [(0, -100, 227), (1, -63_750, 63_750), (2, -5, 5)] {
        assert_eq!(validated(zero, 0, lo, hi), Ok(()));
        assert_eq!(validated(zero, 0, lo - 1, hi + 1), Ok(()));
        assert_eq!(validated(zero, 0, lo + 1, hi), rule);
        assert_eq!(validated(zero, 0, lo, hi - 1), rule);
    }
    let edited = |zero: usize, factors: Vec<Factor>, lo: i64, hi: i64| {
        let mut vk = honest.clone();
        let term = &mut vk.zeros[zero].expression.terms[0];
        (term.factors, term.lo, term.hi) = (factors, lo, hi);
        vk.validate()
    };
    let bits = |count| Bits { shift: 0, count };
    let none = Bits::default();
    // A weighted sum of several cells.
    let entry = |out, right, weight| Entry {
        out,
        left: 0,
        right,
        weight,
    };
    let weighted = vec![Factor {
        out: bits(3),
        left: none,
        right: bits(3),
        wiring: Wiring::Entries(vec![entry(0, 1, 3), entry(0, 2, -4), entry(6, 6, 2)]),
    }];
    // The sum of six cells in every cell.
    let summed = vec![
        diagonal(bits(3), none, none, 8),
        diagonal(none, none, bits(3), 6),
    ];
    // Three products of `y` and `x`, in the windows of the circuit's convolution.
    let window = vec![Factor {
        out: bits(3),
        left: bits(3),
        right: bits(4),
        wiring: honest.lookups[1].input.terms[1].factors[0].wiring.clone(),
    }];
    for (zero, factors, bound) in [(2, weighted, 35), (2, summed, 30), (1, window, 38_250)] {
        assert_eq!(edited(zero, factors.clone(), -bound, bound), Ok(()));
        assert_eq!(edited(zero, factors.clone(), 1 - bound, bound), rule);
        assert_eq!(edited(zero, factors, -bound, bound - 1), rule);
    }
}

/// More lookups than a field element counts: a multiplicity could wrap.
#[test]
fn refuses_more_lookups_than_a_multiplicity_holds() {
    let honest = linear_prover(Level::TestTiny).model().vk.clone();
    let validated = |count: usize| {
        let mut vk = honest.clone();
        // The range check of a constant.
        let mut lookup = vk.lookups[0].clone();
        lookup.log_size = 28;
        lookup.input.terms.clear();
        vk.lookups.extend(vec![lookup; count]);
        vk.validate()
    };
    let rule = "lookup size";
    assert_eq!(validated(3), Ok(()));
    assert_eq!(validated(4), Err(VerifyError::InvalidKey { rule }));
    // So many that their number does not fit in a word.
    assert_eq!(validated(20), Err(VerifyError::InvalidKey { rule }));
}

/// The verifier takes columns that no backend makes.
#[test]
fn refuses_a_model_with_columns_too_long_to_prove() {
    let mut model = linear_prover(Level::TestTiny).model().clone();
    assert_eq!(Model::decode(&model.encode()), Ok(model.clone()));
    model.vk.log_rows = 17;
    assert_eq!(model.vk.validate(), Ok(()));
    let error = VerifyError::InvalidKey { rule: "log_rows" };
    let expected = Err(ModelError::Decode(error));
    assert_eq!(Model::decode(&model.encode()), expected);
}

/// Splitting an index into a million axes of one position, for every value, would take hours.
#[test]
fn refuses_tensors_of_too_many_axes() {
    let honest = mixed_prover(Level::TestTiny).model().vk.clone();
    let validated = |change: &dyn Fn(&mut Vk)| {
        let mut vk = honest.clone();
        change(&mut vk);
        vk.validate()
    };
    let ones = |count: usize, last: &[u32]| [&vec![1; count][..], last].concat();
    let port = |count| validated(&|vk| vk.inputs[0].dims = ones(count, &[12]));
    assert_eq!(port(15), Ok(()));
    let rule = "port rank";
    assert_eq!(port(16), Err(VerifyError::InvalidKey { rule }));
    let reshape = |count, right: bool| {
        validated(&|vk| {
            let wiring = &mut vk.zeros[2].expression.terms[0].factors[0].wiring;
            let Wiring::Reshape {
                out_dims,
                right_dims,
            } = wiring
            else {
                panic!("the reshape of the mixed circuit");
            };
            match right {
                true => *right_dims = ones(count, &[3, 2]),
                false => *out_dims = ones(count, &[2, 3]),
            }
        })
    };
    let rule = "reshape rank";
    for right in [false, true] {
        assert_eq!(reshape(14, right), Ok(()));
        assert_eq!(reshape(15, right), Err(VerifyError::InvalidKey { rule }));
    }
}

/// The digest of a key file, made to fit.
fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let digest = blake2s(&[&content]);
    content.extend_from_slice(&digest.0);
    content
}

#[test]
fn refuses_damaged_keys() {
    let vk = linear_prover(Level::Standard).model().vk.clone();
    let file = vk.encode();
    let content = &file[..file.len() - 32];
    let level = 10 + 2 + vk.name.len();
    let edit = |at: usize, byte: u8| {
        let mut content = content.to_vec();
        content[at] = byte;
        sealed(content)
    };
    let cases = [
        ("truncated", Vec::new()),
        ("truncated", file[..10].to_vec()),
        ("too_large", vec![0; MAX_VK_BYTES + 1]),
        ("wrong_magic", vec![0; MAX_VK_BYTES]),
        ("wrong_magic", edit(7, b'F')),
        ("unsupported_version", edit(8, 2)),
        ("digest_mismatch", [content, &[0; 32]].concat()),
        ("digest_mismatch", [&file[..], &[0]].concat()),
        ("trailing_bytes", sealed([content, &[0]].concat())),
        ("truncated", sealed(content[..content.len() - 1].to_vec())),
        ("unknown_level", edit(level, 9)),
        // The number of variables of a column.
        ("invalid_key", edit(level + 1, 40)),
        // The oracle of the first tensor, after the weights' cap and the count of tensors.
        (
            "undefined_value",
            edit(level + 8 + 32 * vk.weights.len() + 4, 2),
        ),
        // A name that is no text, and a list with more items than the file has bytes.
        ("undefined_value", edit(12, 0xff)),
        ("truncated", edit(level + 7, 0xff)),
    ];
    for (number, (code, file)) in cases.iter().enumerate() {
        let error = Vk::decode(file).unwrap_err();
        assert_eq!(error.code(), *code, "{number}: {error}");
    }
}

/// A verifier that is handed a key in memory checks it too.
#[test]
fn refuses_an_ill_formed_key_before_the_proof() {
    let prover = linear_prover(Level::TestTiny);
    let honest = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let file = encode_file(&honest.statement, &honest.proof);
    let mut vk = prover.model().vk.clone();
    vk.tensors[0].lo = vk.tensors[0].hi + 1;
    let expected = VerifyError::InvalidKey {
        rule: "tensor bounds",
    };
    let error = verify(&vk, &honest.statement, &honest.proof).unwrap_err();
    assert_eq!(error, expected);
    assert_eq!(verify_file(&vk, &file).unwrap_err(), expected);
    assert_eq!(decode_file(&vk, &file).unwrap_err(), expected);
}

#[test]
fn refuses_a_proof_file_that_is_too_large() {
    let vk = linear_prover(Level::TestTiny).model().vk.clone();
    let got = MAX_PROOF_BYTES + 1;
    let mut file = vec![0; got];
    let error = verify_file(&vk, &file).unwrap_err();
    let limit = MAX_PROOF_BYTES;
    assert_eq!(error, VerifyError::TooLarge { limit, got });
    file.pop();
    let error = verify_file(&vk, &file).unwrap_err();
    assert_eq!(error, VerifyError::WrongMagic);
}

#[test]
fn never_panics_on_damaged_bytes() {
    let prover = linear_prover(Level::Standard);
    let vk = &prover.model().vk;
    let proven = prover.prove(&[INPUT.to_vec()], &|_| ()).unwrap();
    let (key, file) = (vk.encode(), encode_file(&proven.statement, &proven.proof));
    for i in (0..file.len()).step_by(97) {
        let mut damaged = file.clone();
        damaged[i] ^= 1 << (i % 8);
        assert!(verify_file(vk, &damaged).is_err(), "byte {i}");
        assert!(verify_file(vk, &file[..i]).is_err());
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
            // A key has one encoding.
            assert_eq!(other.encode(), damaged, "byte {i}");
            let _ = verify_file(&other, &file);
        }
    }
}
