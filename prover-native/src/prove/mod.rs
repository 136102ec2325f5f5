//! The prover: the verifier's steps (`stwo_ml_verifier::verify`) from the other side.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use stwo_ml_verifier::claims::{self, Bilinear, Claimed};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::{Fingerprint, tag};
use stwo_ml_verifier::multilinear::low;
use stwo_ml_verifier::proof::{Contraction, Proof, Reduction};
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::sumcheck::own_coordinates;
use stwo_ml_verifier::transcript::{Label, Transcript};
use stwo_ml_verifier::vk::{Oracle, Vk};
use stwo_ml_verifier::{Statement, Verified, VerifyError, verify};

use crate::artifact::{Model, ModelError, weight_cells};
use crate::backend::{Backend, Committed, Product, ProductSumcheck};

mod forms;
mod lookup;
mod opening;
mod solve;

pub use solve::{SolveError, Witness, solve};

/// Why no proof was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The inputs do not fit the model.
    #[error(transparent)]
    Input(#[from] SolveError),
    /// The proof that was made does not verify: a fault of the prover, never a valid result.
    #[error("the prover made a proof that does not verify ({0}); please report this")]
    SelfCheck(VerifyError),
}

/// A finished proof.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Input and output.
    pub statement: Statement,
    /// The proof.
    pub proof: Proof,
    /// What the verifier said of it.
    pub verified: Verified,
    /// Wall-clock time by phase, in order.
    pub phases: Vec<(&'static str, Duration)>,
}

/// A model with its committed weights, which every proof reuses.
pub struct Prover<'a> {
    model: Model,
    shape: Shape,
    backend: &'a dyn Backend,
    weights: Vec<M31>,
    weight_commitment: Box<dyn Committed>,
    domain: opening::Domain,
    /// How the malicious prover of the tests cheats in the opening.
    #[cfg(feature = "test-levels")]
    pub corruption: Option<Corruption>,
}

/// A way to cheat in the opening.
#[cfg(feature = "test-levels")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Commit to another word than the fold of the first.
    FoldedWord,
    /// Send a clear polynomial with the right evaluation that is not the fold.
    ClearPolynomial,
}

impl std::fmt::Debug for Prover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover")
            .field("model", &self.model.vk.name)
            .finish_non_exhaustive()
    }
}

/// Called with the name of each phase as it begins.
pub type Progress<'a> = &'a (dyn Fn(&'static str) + Sync);

/// The phases of a proof, in order.
pub const PHASES: &[&str] = &[
    "witness",
    "commitment",
    "lookups",
    "contraction",
    "reduction",
    "opening",
    "self-check",
];

struct Clock<'a> {
    progress: Progress<'a>,
    started: Instant,
    phases: Vec<(&'static str, Duration)>,
}

impl<'a> Clock<'a> {
    fn new(progress: Progress<'a>) -> Self {
        progress(PHASES[0]);
        Self {
            progress,
            started: Instant::now(),
            phases: Vec::new(),
        }
    }

    fn finish_phase(&mut self) {
        let now = Instant::now();
        self.phases
            .push((PHASES[self.phases.len()], now - self.started));
        self.started = now;
        if let Some(next) = PHASES.get(self.phases.len()) {
            (self.progress)(next);
        }
    }
}

impl<'a> Prover<'a> {
    /// Commits to the weights and compares with the key.
    ///
    /// # Errors
    /// [`ModelError::Weights`] if the weights are not those of the key.
    pub fn new(model: Model, backend: &'a dyn Backend) -> Result<Self, ModelError> {
        let vk = &model.vk;
        let shape = Shape::new(vk);
        let level = vk.level.parameters();
        let weights = weight_cells(vk, &model.weights);
        let weight_commitment = backend.commit(&weights, vk.log_rows.into(), level);
        if weight_commitment.cap(shape.words[0].log_cap.into()) != vk.weights {
            return Err(ModelError::Weights);
        }
        Ok(Self::assemble(
            model,
            backend,
            shape,
            weights,
            weight_commitment,
        ))
    }

    /// As [`new`](Self::new), with whatever weights the model holds.
    #[cfg(feature = "test-levels")]
    pub fn new_unchecked(model: Model, backend: &'a dyn Backend) -> Self {
        let vk = &model.vk;
        let shape = Shape::new(vk);
        let weights = weight_cells(vk, &model.weights);
        let commitment = backend.commit(&weights, vk.log_rows.into(), vk.level.parameters());
        Self::assemble(model, backend, shape, weights, commitment)
    }

    fn assemble(
        model: Model,
        backend: &'a dyn Backend,
        shape: Shape,
        weights: Vec<M31>,
        weight_commitment: Box<dyn Committed>,
    ) -> Self {
        let domain = opening::Domain::new(shape.words[0].log_length.into());
        Self {
            shape,
            backend,
            weights,
            weight_commitment,
            domain,
            model,
            #[cfg(feature = "test-levels")]
            corruption: None,
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Runs the model on integer inputs (row-major, one per port), proves the run and verifies
    /// the proof.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(&self, inputs: &[Vec<i32>], progress: Progress<'_>) -> Result<Proven, ProveError> {
        let vk = &self.model.vk;
        let mut clock = Clock::new(progress);
        let witness = solve(vk, &self.model.steps, &self.model.weights, inputs)?;
        clock.finish_phase();
        let statement = self.statement(inputs, &witness);
        let proof = self.argue(&statement, &witness, &mut Transcript::new(), &mut clock);
        let verified = verify(vk, &statement, &proof).map_err(ProveError::SelfCheck)?;
        clock.finish_phase();
        Ok(Proven {
            statement,
            proof,
            verified,
            phases: clock.phases,
        })
    }

    /// Argues for any statement and witness, true or not, and checks nothing: the malicious
    /// prover of the tests.
    #[cfg(feature = "test-levels")]
    pub fn prove_unchecked(&self, statement: &Statement, witness: &Witness) -> (Proof, Transcript) {
        let mut transcript = Transcript::new();
        let proof = self.argue(
            statement,
            witness,
            &mut transcript,
            &mut Clock::new(&|_| ()),
        );
        (proof, transcript)
    }

    /// The public statement of a witness.
    pub fn statement(&self, inputs: &[Vec<i32>], witness: &Witness) -> Statement {
        let output = |port: &stwo_ml_verifier::vk::Port| {
            let dims: Vec<usize> = port.dims.iter().map(|d| *d as usize).collect();
            crate::circuit::extract(&witness.tensors[port.tensor as usize], &dims)
        };
        Statement {
            inputs: inputs.to_vec(),
            outputs: self.model.vk.outputs.iter().map(output).collect(),
        }
    }

    /// Plays the prover's part on any statement and witness, true or not.
    fn argue(
        &self,
        statement: &Statement,
        witness: &Witness,
        transcript: &mut Transcript,
        clock: &mut Clock<'_>,
    ) -> Proof {
        let (vk, shape) = (&self.model.vk, &self.shape);
        let level = vk.level.parameters();

        // 1. Commit to the witness.
        let cells = witness_cells(vk, witness);
        let commitment = self.backend.commit(&cells, vk.log_rows.into(), level);
        let cap = commitment.cap(shape.words[0].log_cap.into());
        transcript.absorb(Label::VkDigest, &vk.digest().0);
        statement.absorb(transcript);
        transcript.absorb_digests(Label::WitnessCap, &cap);
        clock.finish_phase();

        // 2. Lookups.
        let lookup_nonce = self.grind(transcript, Label::LookupNonce, level.lookup_grind.into());
        let fingerprint = Fingerprint::draw(transcript);
        let (numerators, denominators) = leaves(vk, shape, witness, &self.weights, fingerprint);
        let tree = self.backend.fractions(numerators, denominators);
        let (lookup, leaf) =
            lookup::prove(vk, shape, witness, &cells, &self.weights, tree, transcript);
        clock.finish_phase();

        // 3. and 4. Public tensors, vanishing expressions, bilinear terms.
        let cell = transcript.challenges(Label::CellPoint, shape.cell_rounds);
        let ports = statement.evaluate(vk, &cell);
        let tables = [&cells[..], &self.weights];
        let (contraction, point) = self.contract(tables, [&leaf, &cell], transcript);
        clock.finish_phase();

        // 5. All claims, reduced to one point.
        let claimed = Claimed {
            leaf: &leaf,
            columns: &lookup.columns,
            cell: &cell,
            ports: &ports,
            bilinear: &contraction.values,
            contraction: &point,
            ends: &contraction.ends,
        };
        let claims = claims::collect(vk, claimed).expect("the key was validated");
        let batch = transcript.challenge(Label::ReductionBatch);
        let [witness_form, weight_form] =
            [(Oracle::Witness, &cells), (Oracle::Weights, &self.weights)]
                .map(|(oracle, cells)| forms::batched(vk, &claims, batch, oracle, cells.len()));
        let products = vec![
            Product {
                base: cells.clone(),
                form: witness_form,
            },
            Product {
                base: self.weights.clone(),
                form: weight_form,
            },
        ];
        let mut nonces = Vec::new();
        let mut sumcheck = self.backend.products(products, shape.reduction_rounds);
        let (rounds, point) = run(
            &mut *sumcheck,
            shape.reduction_rounds,
            Label::ReductionRound,
            transcript,
            |transcript, round| {
                if round < usize::from(shape.log_columns()) {
                    self.proximity_grind(transcript, &mut nonces);
                }
            },
        );
        let values = sumcheck.bases();
        let values = [values[0], values[1]];
        transcript.absorb_elements(Label::ReductionEnd, &values);
        clock.finish_phase();

        // 6. Open.
        let oracles = [
            opening::Opened {
                cells: &cells,
                committed: &*commitment,
            },
            opening::Opened {
                cells: &self.weights,
                committed: &*self.weight_commitment,
            },
        ];
        let opening = self.open(oracles, &point, transcript, &mut nonces);
        clock.finish_phase();
        let reduction = Reduction {
            rounds,
            nonces,
            values,
        };
        Proof {
            witness: cap,
            lookup_nonce,
            lookup,
            contraction,
            reduction,
            opening,
        }
    }

    /// Finds, checks in and returns a nonce.
    fn grind(&self, transcript: &mut Transcript, label: Label, bits: u32) -> u64 {
        let seed = transcript.clone().grind_seed(label);
        let nonce = self.backend.grind(&seed, bits);
        assert!(
            transcript.grind(label, bits, nonce),
            "the backend's nonce is sufficient"
        );
        nonce
    }

    /// Adds a nonce before a proximity challenge, if the level asks for one.
    fn proximity_grind(&self, transcript: &mut Transcript, nonces: &mut Vec<u64>) {
        let bits = self.model.vk.level.parameters().proximity_grind.into();
        if bits > 0 {
            nonces.push(self.grind(transcript, Label::ProximityNonce, bits));
        }
    }

    /// The values of the bilinear terms, reduced to claims on their operands.
    fn contract(
        &self,
        [witness, weights]: [&[M31]; 2],
        [leaf, cell]: [&[QM31]; 2],
        transcript: &mut Transcript,
    ) -> (Contraction, Vec<QM31>) {
        let vk = &self.model.vk;
        let cells = |id: u32| {
            let tensor = &vk.tensors[id as usize];
            let oracle = match tensor.oracle {
                Oracle::Witness => witness,
                Oracle::Weights => weights,
            };
            &oracle[tensor.offset as usize..][..1 << tensor.log_size]
        };
        let bilinear = claims::bilinear(vk, leaf, cell);
        let mut forms: Vec<Vec<QM31>> = bilinear
            .iter()
            .map(|Bilinear { term, out }| {
                let right_bits = vk.tensors[term.right as usize].log_size.into();
                let left = cells(term.left.expect("a bilinear term"));
                forms::right_form(term, left, right_bits, out)
            })
            .collect();
        let values: Vec<QM31> = bilinear
            .iter()
            .zip(&forms)
            .map(|(b, form)| dot(cells(b.term.right), form))
            .collect();
        transcript.absorb_elements(Label::ContractionValues, &values);
        let batch = transcript.challenge(Label::ContractionBatch);
        // The verifier is told the left forms at the end without the powers of the batch.
        let unscaled = forms.clone();
        let mut power = QM31::ONE;
        for form in &mut forms {
            form.par_iter_mut().for_each(|f| *f *= power);
            power *= batch;
        }
        let products = bilinear
            .iter()
            .zip(forms)
            .map(|(b, form)| Product {
                base: cells(b.term.right).to_vec(),
                form,
            })
            .collect();
        let mut sumcheck = self
            .backend
            .products(products, self.shape.contraction_rounds);
        let (rounds, point) = run(
            &mut *sumcheck,
            self.shape.contraction_rounds,
            Label::ContractionRound,
            transcript,
            |_, _| {},
        );
        let ends: Vec<[QM31; 2]> = sumcheck
            .bases()
            .into_iter()
            .zip(&unscaled)
            .map(|(right, form)| {
                let (own, _) = own_coordinates(&point, form.len().ilog2() as usize);
                let eq = forms::eq_table(own);
                [right, eq.iter().zip(form).map(|(e, f)| *e * *f).sum()]
            })
            .collect();
        let flat: Vec<QM31> = ends.iter().flatten().copied().collect();
        transcript.absorb_elements(Label::ContractionEnd, &flat);
        (
            Contraction {
                values,
                rounds,
                ends,
            },
            point,
        )
    }
}

fn dot(base: &[M31], form: &[QM31]) -> QM31 {
    base.par_iter()
        .zip(form)
        .with_min_len(1024)
        .map(|(b, f)| *f * *b)
        .reduce(|| QM31::ZERO, |a, b| a + b)
}

/// Runs a sumcheck of products. `before_challenge` is called with the round's number.
fn run(
    sumcheck: &mut dyn ProductSumcheck,
    rounds: usize,
    label: Label,
    transcript: &mut Transcript,
    mut before_challenge: impl FnMut(&mut Transcript, usize),
) -> (Vec<[QM31; 3]>, Vec<QM31>) {
    let mut point = Vec::with_capacity(rounds);
    let messages = (0..rounds)
        .map(|i| {
            let message = sumcheck.round();
            transcript.absorb_elements(label, &message);
            before_challenge(transcript, i);
            let r = transcript.challenge(label);
            sumcheck.bind(r);
            point.push(r);
            message
        })
        .collect();
    (messages, point)
}

/// The cells of the witness oracle.
fn witness_cells(vk: &Vk, witness: &Witness) -> Vec<M31> {
    let mut cells = vec![M31::ZERO; 1 << (vk.log_rows + vk.log_witness_columns)];
    for (tensor, values) in vk.tensors.iter().zip(&witness.tensors) {
        if tensor.oracle == Oracle::Witness {
            let target = &mut cells[tensor.offset as usize..][..values.len()];
            target
                .iter_mut()
                .zip(values)
                .for_each(|(t, v)| *t = element(*v));
        }
    }
    cells
}

fn element(v: i32) -> M31 {
    M31::from_i64(v.into())
}

/// Numerators and denominators of all leaves of the lookup argument.
fn leaves(
    vk: &Vk,
    shape: &Shape,
    witness: &Witness,
    weights: &[M31],
    fingerprint: Fingerprint,
) -> (Vec<QM31>, Vec<QM31>) {
    use stwo_ml_verifier::shape::BlockKind;
    use stwo_ml_verifier::vk::TableOutput;
    let count = 1usize << shape.log_leaves;
    let mut numerators = vec![QM31::ZERO; count];
    let mut denominators = vec![QM31::ONE; count];
    let denominator = |tag: M31, input: i32, output: M31| {
        fingerprint.denominator(tag, element(input).into(), output.into())
    };
    for block in &shape.blocks {
        let range = block.offset as usize..(block.offset as usize) + (1 << block.log_size);
        let (numerators, denominators) = (&mut numerators[range.clone()], &mut denominators[range]);
        match block.kind {
            BlockKind::Lookup(i) => {
                let tag = tag(vk.lookups[i].table);
                let (inputs, outputs) = (&witness.lookup_inputs[i], &witness.lookup_outputs[i]);
                numerators.fill(QM31::ONE);
                denominators
                    .par_iter_mut()
                    .with_min_len(1024)
                    .enumerate()
                    .for_each(|(x, d)| {
                        *d = denominator(
                            tag,
                            inputs[x],
                            outputs.get(x).map_or(M31::ZERO, |v| element(*v)),
                        );
                    });
            }
            BlockKind::Table(i) => {
                let table = &vk.tables[i];
                let tag = tag(i as u32);
                let counts = &witness.tensors[table.multiplicity as usize];
                let column = match table.output {
                    TableOutput::Column(id) => {
                        let tensor = &vk.tensors[id as usize];
                        &weights[tensor.offset as usize..][..1 << tensor.log_size]
                    }
                    _ => &[],
                };
                numerators
                    .iter_mut()
                    .zip(counts)
                    .for_each(|(n, m)| *n = -QM31::from(element(*m)));
                denominators
                    .par_iter_mut()
                    .with_min_len(1024)
                    .enumerate()
                    .for_each(|(row, d)| {
                        let input = table.base + (row as i32).min(table.len as i32 - 1);
                        let output = match table.output {
                            TableOutput::None => M31::ZERO,
                            TableOutput::Clamp { lo, hi } => element(input.clamp(lo, hi)),
                            TableOutput::Column(_) => column[row],
                        };
                        *d = denominator(tag, input, output);
                    });
            }
        }
    }
    (numerators, denominators)
}

/// The low coordinates of a point for a box.
fn low_point(point: &[QM31], log_size: u8) -> &[QM31] {
    low(point, log_size.into())
}
