//! All backends produce the values, and so the proof bytes, of the reference backend.

use rand::{Rng, SeedableRng, rngs::StdRng};
use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, Product, Scalar, Simd};
use stwo_ml::prove::Prover;
use stwo_ml_tests::linear;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::{Digest, Level, encode_file};

fn base(rng: &mut StdRng, count: usize) -> Vec<M31> {
    let draw = || M31::reduce(rng.random());
    std::iter::repeat_with(draw).take(count).collect()
}

fn secure(rng: &mut StdRng, count: usize) -> Vec<QM31> {
    let words = base(rng, 4 * count);
    let quads = words.as_chunks::<4>().0.iter();
    quads.map(|c| QM31::from_coordinates(*c)).collect()
}

/// Runs an operation on the reference and on the backend.
fn compare<T: PartialEq + std::fmt::Debug>(
    backend: &dyn Backend,
    what: &str,
    run: impl Fn(&dyn Backend) -> T,
) {
    assert_eq!(run(&Scalar), run(backend), "{}: {what}", backend.name());
}

fn agrees(backend: &dyn Backend) {
    let rng = &mut StdRng::seed_from_u64(0);
    for level in [Level::Standard, Level::Compat96, Level::Provable96] {
        let level = level.parameters();
        for (log_rows, log_columns) in [(4, 0), (5, 1), (6, 4), (7, 5), (9, 2), (11, 3)] {
            let cells = base(rng, 1 << (log_rows + log_columns));
            let depth = log_rows + u32::from(level.log_blowup);
            compare(backend, "commitment", |b| {
                let committed = b.commit(&cells, log_rows, level);
                let opened = [0, 1, (1 << depth) / 3, (1 << depth) - 1];
                let opened = opened.map(|i| (committed.row(i), committed.path(depth, i, 2)));
                (committed.cap(0), committed.cap(3), opened)
            });
        }
        for log_length in 4..12 {
            let values = secure(rng, 1 << log_length);
            let blowup = level.log_blowup.into();
            compare(backend, "codeword", |b| b.encode(&values, blowup));
        }
    }
    for log_leaves in 1..12 {
        let (n, d) = (secure(rng, 1 << log_leaves), secure(rng, 1 << log_leaves));
        let (batch, weight) = (secure(rng, 1)[0], secure(rng, log_leaves));
        let challenges = secure(rng, log_leaves);
        compare(backend, "tree of fractions", |b| {
            let mut tree = b.fractions(n.clone(), d.clone());
            let mut seen = vec![tree.root().to_vec()];
            for depth in 1..log_leaves {
                let mut layer = tree.layer(depth, batch, &weight[..depth]);
                for r in &challenges[..depth] {
                    seen.push(layer.round().to_vec());
                    layer.bind(*r);
                }
                seen.push(layer.halves().to_vec());
            }
            seen
        });
    }
    for sizes in [&[0][..], &[1, 3], &[4, 4, 0], &[10, 2, 5, 11], &[12]] {
        let product = |log_size: &usize| Product {
            base: base(rng, 1 << log_size),
            form: secure(rng, 1 << log_size),
        };
        let products: Vec<Product> = sizes.iter().map(product).collect();
        let challenges = secure(rng, 12);
        compare(backend, "sumcheck of products", |b| {
            let mut sumcheck = b.products(products.clone(), 12);
            let round = |r: &QM31| {
                let message = sumcheck.round();
                sumcheck.bind(*r);
                message
            };
            let messages: Vec<_> = challenges.iter().map(round).collect();
            (messages, sumcheck.bases())
        });
    }
    for seed in 0..4 {
        // More tries than the 2^20 after which the search order turns.
        for bits in [0, 9, 20] {
            compare(backend, "proof of work", |b| {
                b.grind(&Digest([seed; 32]), bits)
            });
        }
    }
}

#[test]
fn simd_agrees_with_the_reference() {
    agrees(&Simd);
}

#[test]
fn proofs_are_the_same_bytes() {
    let prove = |backend: &dyn Backend, level| {
        let model = Model::assemble(linear(10), level, backend).unwrap();
        let prover = Prover::new(model, backend).unwrap();
        let inputs = [vec![100, -100, 3, 0, -7, 55, 12]];
        let proven = prover.prove(&inputs, &|_| ()).unwrap();
        encode_file(&proven.statement, &proven.proof)
    };
    for level in [Level::Standard, Level::Provable96, Level::TestTiny] {
        assert!(prove(&Scalar, level) == prove(&Simd, level), "{level:?}");
    }
}
