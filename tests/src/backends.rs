//! What a backend must agree on with the reference backend: every operation, at small and ragged sizes.

use rand::{Rng, SeedableRng, rngs::StdRng};
use stwo_ml::backend::{
    Backend, Block, Cells, Column, Committed, Contracted, Form, Part, Product, Replacement, Result,
    Scalar,
};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::proof::{Coset, Rows};
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;
use stwo_ml_verifier::vk::{Bits, Oracle};
use stwo_ml_verifier::{Digest, Level};

fn base(rng: &mut StdRng, count: usize) -> Vec<M31> {
    let draw = || M31::reduce(rng.random());
    std::iter::repeat_with(draw).take(count).collect()
}

fn secure(rng: &mut StdRng, count: usize) -> Vec<QM31> {
    let words = base(rng, 4 * count);
    let quads = words.as_chunks::<4>().0.iter();
    quads.map(|c| QM31::from_coordinates(*c)).collect()
}

/// Runs operations on a backend.
trait Operation {
    type Output: PartialEq + std::fmt::Debug;
    fn run<B: Backend>(&self, backend: &B) -> Result<Self::Output>;
}

/// Runs operations on the reference and on the backend.
fn compare(backend: &impl Backend, operation: &impl Operation) {
    let expected = operation.run(&Scalar).expect("the reference computes");
    let values = operation.run(backend).expect("the backend computes");
    assert_eq!(expected, values, "{}", backend.name());
}

/// A committed pair of tables, and what is done with it.
struct Tables {
    log_rows: u32,
    cells: [Vec<M31>; 2],
    level: Parameters,
}

impl Tables {
    fn new(rng: &mut StdRng, log_rows: u32, log_columns: [u32; 2], level: Level) -> Self {
        Self {
            log_rows,
            cells: log_columns.map(|log| base(rng, 1 << (log_rows + log))),
            level: level.parameters(),
        }
    }

    fn commit<B: Backend>(&self, backend: &B) -> Result<[B::Table; 2]> {
        let commit = |k: usize| backend.commit(self.cells[k].clone(), self.log_rows, self.level);
        Ok([commit(0)?, commit(1)?])
    }

    fn log_length(&self) -> u8 {
        self.log_rows as u8 + self.level.log_blowup
    }
}

/// Caps, rows and paths of a commitment.
struct Commitment<'a>(&'a Tables);

impl Operation for Commitment<'_> {
    type Output = Vec<(Vec<Digest>, Vec<Digest>, Vec<Rows>)>;
    fn run<B: Backend>(&self, backend: &B) -> Result<Self::Output> {
        let word = Word {
            log_length: self.0.log_length(),
            log_coset: 2,
            log_cap: 2,
        };
        let last = (1 << word.log_cosets()) - 1;
        let cosets = [0, 1, last / 3, last, 1];
        let tables = self.0.commit(backend)?;
        let seen = |t: &B::Table| Ok((t.cap(0)?, t.cap(3)?, t.open(word, &cosets)?));
        tables.iter().map(seen).collect()
    }
}

/// The lookup argument over blocks that use every kind of column.
struct Lookups<'a> {
    tables: &'a Tables,
    blocks: Vec<Block<'a>>,
    log_leaves: u32,
    fingerprint: Fingerprint,
    batch: QM31,
    point: Vec<QM31>,
}

impl Operation for Lookups<'_> {
    type Output = Vec<Vec<QM31>>;
    fn run<B: Backend>(&self, backend: &B) -> Result<Self::Output> {
        let [witness, weights] = self.tables.commit(backend)?;
        let mut tree = backend.fractions(
            [&witness, &weights],
            &self.blocks,
            self.log_leaves,
            self.fingerprint,
        )?;
        let mut seen = vec![tree.root()?.to_vec()];
        for depth in 1..self.log_leaves as usize {
            let mut layer = tree.layer(depth, self.batch, &self.point[..depth])?;
            for r in self.point.iter().rev().take(depth) {
                seen.push(layer.round()?.to_vec());
                layer.bind(*r)?;
            }
            seen.push(layer.halves()?.to_vec());
        }
        seen.push(tree.columns(&self.point)?);
        Ok(seen)
    }
}

/// A sumcheck of products.
struct Products<'a> {
    tables: &'a Tables,
    products: Vec<Product>,
    challenges: Vec<QM31>,
    batch: Option<QM31>,
}

impl Operation for Products<'_> {
    type Output = (Option<Vec<QM31>>, Vec<[QM31; 3]>, Vec<[QM31; 2]>);
    fn run<B: Backend>(&self, backend: &B) -> Result<Self::Output> {
        let [witness, weights] = self.tables.commit(backend)?;
        let tables = [&witness, &weights];
        let mut sumcheck = backend.products(tables, &self.products, self.challenges.len())?;
        let mut values = None;
        if let Some(batch) = self.batch {
            values = Some(sumcheck.values()?);
            sumcheck.batch(batch);
        }
        let mut rounds = Vec::new();
        for r in &self.challenges {
            rounds.push(sumcheck.round()?);
            sumcheck.bind(*r)?;
        }
        Ok((values, rounds, sumcheck.ends()?))
    }
}

/// The opening of a pair of tables.
struct Opening<'a> {
    tables: &'a Tables,
    coefficients: [Vec<QM31>; 2],
    row: Vec<QM31>,
    challenges: Vec<QM31>,
}

impl Operation for Opening<'_> {
    type Output = (Vec<[QM31; 2]>, Vec<Vec<Digest>>, Vec<QM31>, Vec<Vec<Coset>>);
    fn run<B: Backend>(&self, backend: &B) -> Result<Self::Output> {
        let [witness, weights] = self.tables.commit(backend)?;
        let coefficients = self.coefficients.each_ref().map(|c| &c[..]);
        let level = self.tables.level;
        let mut folded = backend.combine([&witness, &weights], coefficients, &self.row, level)?;
        let (mut rounds, mut caps, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        let mut log_length = self.tables.log_length();
        for (i, r) in self.challenges.iter().enumerate() {
            if i % 2 == 1 {
                let log_coset = (1 + i as u8 % 4).min(log_length - 2);
                let word = Word {
                    log_length,
                    log_coset,
                    log_cap: (log_length - log_coset).min(3),
                };
                caps.push(folded.commit(word)?);
                opened.push(folded.open(i / 2, &[0, (1 << word.log_cosets()) - 1, 0])?);
            }
            rounds.push(folded.round()?);
            folded.fold(*r)?;
            log_length -= 1;
        }
        Ok((rounds, caps, folded.message()?, opened))
    }
}

/// A proof of work.
struct Grind(Digest, u32);

impl Operation for Grind {
    type Output = u64;
    fn run<B: Backend>(&self, backend: &B) -> Result<u64> {
        backend.grind(&self.0, self.1)
    }
}

fn cells(oracle: Oracle, offset: usize, log_size: u32) -> Cells {
    Cells {
        oracle,
        offset,
        log_size,
    }
}

/// Parts over a run of `2^log_size` cells: one of each size at both ends.
fn parts(rng: &mut StdRng, log_size: u32) -> Vec<Part> {
    let mut parts = Vec::new();
    for own in 0..=log_size {
        for offset in [0, (1usize << log_size) - (1 << own)] {
            // Digits of at most three bits, and some of none.
            let mut axes = vec![secure(rng, 1)];
            let mut left = own;
            while left > 0 {
                let bits = left.min(rng.random_range(1..=3));
                axes.push(secure(rng, 1 << bits));
                left -= bits;
            }
            let scale = secure(rng, 1)[0];
            parts.push(Part {
                offset,
                scale,
                axes,
            });
        }
    }
    parts
}

/// A left operand of `2^(2 + 3 + 2)` cells: its lowest digit is summed, its middle one replaced by one
/// of two bits, its highest copied; the right operand has a digit of its own below.
fn contracted(rng: &mut StdRng, oracle: Oracle) -> Contracted {
    let bits = |shift, count| Bits { shift, count };
    let mut replace = |shift, old: u32, new: u32, count: u32| {
        let entry = |i: u32| (i % (1 << old), i / 3 % (1 << new), secure(rng, 1)[0]);
        Replacement {
            shift,
            old,
            new,
            entries: (0..count).map(entry).collect(),
        }
    };
    Contracted {
        left: cells(oracle, 128, 7),
        replacements: vec![
            replace(0, 2, 0, 4),
            replace(0, 3, 2, 13),
            replace(2, 2, 2, 4),
        ],
        log_size: 6,
        gather: vec![(bits(4, 2), 0), (bits(2, 2), 2)],
        spread: vec![(bits(0, 2), secure(rng, 4))],
        scale: secure(rng, 1)[0],
    }
}

/// Compares every operation of a backend with the reference; `grinding` are the bits of the proofs of
/// work, of which an interpreted backend does none large.
///
/// # Panics
/// Where a value differs or the backend fails.
pub fn agrees(backend: &impl Backend, grinding: &[u32]) {
    let rng = &mut StdRng::seed_from_u64(0);
    for level in [Level::Standard, Level::Compat96, Level::Provable96] {
        for (log_rows, log_columns) in [(4, [0, 1]), (6, [4, 3]), (9, [2, 5]), (11, [3, 0])] {
            let tables = Tables::new(rng, log_rows, log_columns, level);
            compare(backend, &Commitment(&tables));
            compare(
                backend,
                &Opening {
                    tables: &tables,
                    coefficients: log_columns.map(|log| secure(rng, 1 << log)),
                    row: secure(rng, log_rows as usize),
                    challenges: secure(rng, log_rows as usize - 1),
                },
            );
        }
    }
    let tables = Tables::new(rng, 8, [2, 3], Level::Standard);
    lookups_agree(backend, rng, &tables);
    for (sizes, batched) in [
        (&[0u32][..], false),
        (&[1, 3], true),
        (&[4, 4, 0], true),
        (&[10, 2, 5, 9], true),
        (&[10, 8], false),
    ] {
        let product = |log_size: &u32| Product {
            base: cells(Oracle::Witness, 0, *log_size),
            form: Form::Sum(parts(rng, *log_size)),
        };
        let mut products: Vec<Product> = sizes.iter().map(product).collect();
        if batched {
            for oracle in [Oracle::Witness, Oracle::Weights] {
                products.push(Product {
                    base: cells(Oracle::Weights, 64, 6),
                    form: Form::Contracted(contracted(rng, oracle)),
                });
            }
        }
        let operation = Products {
            tables: &tables,
            products,
            challenges: secure(rng, 11),
            batch: batched.then(|| secure(rng, 1)[0]),
        };
        compare(backend, &operation);
    }
    for seed in 0..4 {
        for bits in grinding {
            compare(backend, &Grind(Digest([seed; 32]), *bits));
        }
    }
}

/// Compares trees of every height from one gate to several blocks of a device.
fn lookups_agree(backend: &impl Backend, rng: &mut StdRng, tables: &Tables) {
    let integers: Vec<i32> = (0..512).map(|_| rng.random()).collect();
    for log_leaves in 1..12 {
        // The largest block takes half of the leaves; a gap is left at the end.
        let fill = |k: u32, column: usize| match (k as usize + column) % 3 {
            0 if k <= 9 => Column::Integers(&integers[..1 << k]),
            1 if k <= 10 => Column::Cells(cells(Oracle::Weights, 0, k)),
            _ => Column::Ramp {
                base: -37,
                last: (1 << k) - 1 - k as i32 / 2,
                lo: -9 * column as i32 - 5,
                hi: 20 + k as i32,
            },
        };
        let block = |k: u32| Block {
            offset: (1 << log_leaves) - (2 << k),
            log_size: k,
            multiplicities: (k % 2 == 1 && k <= 10).then_some(cells(Oracle::Witness, 0, k)),
            tag: M31::reduce(u64::from(k) + 1),
            input: fill(k, 0),
            output: if k == 5 { Column::ZERO } else { fill(k, 1) },
        };
        let first = secure(rng, 3);
        let operation = Lookups {
            tables,
            blocks: (0..log_leaves).map(block).collect(),
            log_leaves,
            fingerprint: Fingerprint {
                alpha: first[0],
                beta: first[1],
            },
            batch: first[2],
            point: secure(rng, log_leaves as usize),
        };
        compare(backend, &operation);
    }
}
