//! Security levels, and the soundness of a proof in every regime.
//!
//! A level fixes every parameter. The budget is computed from the parameters and the sizes in
//! the key, in thousandths of a bit and rounded down; `docs/security.md` explains each term.

use crate::shape::Shape;

/// A named set of parameters. There are no others: a key carries a level, not numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Rate 1/4, 44 queries: about 100 bits against known attacks.
    Standard,
    /// Rate 1/4, 58 queries, four folded words: what the deployed Starknet contract counts.
    Onchain128,
    /// Rate 1/2, 70 queries: the parameters common in S-two deployments.
    Compat96,
    /// Rate 1/8, 94 queries: 96 bits proven in the unique-decoding regime.
    Provable96,
    /// No security at all, for tests.
    #[cfg(feature = "test-levels")]
    TestTiny,
}

/// The parameters of a [`Level`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Base-two logarithm of the blow-up (the inverse rate) of the code.
    pub log_blowup: u8,
    /// Number of queries, drawn independently.
    pub queries: u8,
    /// Bits of the proof of work before the queries.
    pub query_grind: u8,
    /// Bits of the proof of work before the lookup challenges.
    pub lookup_grind: u8,
    /// Bits of the proof of work before every proximity challenge (column, join, fold).
    pub proximity_grind: u8,
    /// Base-two logarithm of the points of a coset that a query opens in the committed tables.
    pub log_coset: u8,
    /// Least number of committed folded words.
    pub folded_words: u8,
}

impl Level {
    /// All levels of this build.
    pub const ALL: &'static [Self] = &[
        Self::Standard,
        Self::Onchain128,
        Self::Compat96,
        Self::Provable96,
        #[cfg(feature = "test-levels")]
        Self::TestTiny,
    ];

    /// The level's name in files and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Onchain128 => "onchain128",
            Self::Compat96 => "compat96",
            Self::Provable96 => "provable96",
            #[cfg(feature = "test-levels")]
            Self::TestTiny => "test-tiny",
        }
    }

    /// The level's number in files.
    pub fn number(self) -> u8 {
        match self {
            Self::Standard => 1,
            Self::Onchain128 => 2,
            Self::Compat96 => 3,
            Self::Provable96 => 4,
            #[cfg(feature = "test-levels")]
            Self::TestTiny => 255,
        }
    }

    /// The level of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|l| l.number() == number)
    }

    /// The level of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|l| l.name() == name)
    }

    /// The parameters.
    pub const fn parameters(self) -> Parameters {
        let [
            log_blowup,
            queries,
            query_grind,
            lookup_grind,
            proximity_grind,
            log_coset,
            folded_words,
        ] = match self {
            Self::Standard => [2, 44, 20, 20, 0, 2, 0],
            Self::Onchain128 => [2, 58, 20, 20, 0, 2, 4],
            Self::Compat96 => [1, 70, 26, 24, 0, 2, 0],
            Self::Provable96 => [3, 94, 20, 20, 8, 3, 0],
            #[cfg(feature = "test-levels")]
            Self::TestTiny => [1, 4, 4, 4, 0, 2, 0],
        };
        Parameters {
            log_blowup,
            queries,
            query_grind,
            lookup_grind,
            proximity_grind,
            log_coset,
            folded_words,
        }
    }
}

/// The bound of one regime, with the term that binds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    /// `capacity`, `random_words`, `pointwise`, `johnson` or `unique_decoding`.
    pub name: &'static str,
    /// Thousandths of a bit.
    pub millibits: u32,
    /// `query`, `proximity`, `lookup` or `sumcheck`.
    pub binding_term: &'static str,
}

impl Regime {
    /// Whole bits, rounded down, and tenths of a bit, rounded down.
    pub fn bits(&self) -> (u32, u32) {
        let tenths = self.millibits.checked_div(100).unwrap_or_default();
        (
            tenths.checked_div(10).unwrap_or_default(),
            tenths.checked_rem(10).unwrap_or_default(),
        )
    }
}

/// `-log2` of the probability that a query of a word at the regime's distance shows no error, in
/// thousandths, rounded down; by logarithm of the blow-up 1, 2, 3. The columns are `1 - rate`
/// (capacity), the random-words bound over a 124-bit alphabet (ePrint 2025/2010), the Elias
/// radius (ePrint 2026/532), `1 - sqrt(rate)`, and `(1 - rate) / 2`.
const QUERY_MILLIBITS: [(&str, [u32; 3]); 5] = [
    ("capacity", [1000, 2000, 3000]),
    ("random_words", [972, 1961, 2949]),
    ("pointwise", [910, 1850, 2794]),
    ("johnson", [500, 1000, 1500]),
    ("unique_decoding", [415, 678, 830]),
];

/// Proximity up to `1 - sqrt(rate) (1 + 1/(2m))` (ePrint 2025/2055): for `m` = 4, 8, ..., 256,
/// the thousandths of a bit that a query loses, rounded up, and the whole bits of
/// `(2/3) (m + 1/2)^5`, rounded up. Within that radius lie at most `(m + 1/2) / sqrt(rate)` words.
const JOHNSON: [(u32, u32); 7] = [
    (170, 11),
    (88, 15),
    (45, 20),
    (23, 25),
    (12, 30),
    (6, 35),
    (3, 40),
];

/// Bits of the extension field, in thousandths, rounded down.
const FIELD: u32 = 123_999;

/// Computes the bound of every regime: the least of its query, proximity, lookup and sumcheck
/// terms. See `docs/security.md`.
pub fn regimes(parameters: Parameters, shape: &Shape) -> [Regime; 5] {
    let Parameters {
        log_blowup,
        queries,
        query_grind,
        lookup_grind,
        proximity_grind,
        log_coset: _,
        folded_words: _,
    } = parameters;
    let milli = |bits: u32| bits.saturating_mul(1000);
    let less = |bits: u32| FIELD.saturating_sub(milli(bits));

    // LogUp: a false multiset passes with probability (tuples * (width + 2)) / |F|; width is 2.
    let lookup =
        less(shape.log_leaves.saturating_add(2)).saturating_add(milli(lookup_grind.into()));
    // All sumchecks, batchings and layer joins, by the union bound.
    let sumcheck = less(ceil_log2(shape.algebraic_terms()));
    // One challenge of a proximity test fails with probability (exceptional points) / |F|; the
    // words halve with every fold, so the folds together count as one word more.
    let domain = u32::from(shape.log_rows).saturating_add(log_blowup.into());
    let challenges = ceil_log2(u64::from(shape.log_columns()).saturating_add(3));
    let proximity =
        less(domain.saturating_add(challenges)).saturating_add(milli(proximity_grind.into()));

    let rate = usize::from(log_blowup).saturating_sub(1);
    QUERY_MILLIBITS.map(|(name, per_query)| {
        let per_query = per_query.get(rate).copied().unwrap_or(0);
        let with_loss = |loss: u32| {
            u32::from(queries)
                .saturating_mul(per_query.saturating_sub(loss))
                .saturating_add(milli(query_grind.into()))
        };
        // The least term, if queries and proximity lose what is given, and a commitment stands for
        // any of `2^list` words, of which one may pass the algebraic checks.
        let least = |loss: u32, lost: u32, list: u32| {
            let less = |bits: u32, lost: u32| bits.saturating_sub(milli(lost));
            let terms = [
                ("query", with_loss(loss)),
                ("proximity", less(proximity, lost)),
                ("lookup", less(lookup, list)),
                ("sumcheck", less(sumcheck, list)),
            ];
            terms.into_iter().min_by_key(|(_, bits)| *bits)
        };
        let blowup = u32::from(log_blowup);
        let constant = blowup.saturating_mul(3).div_ceil(2);
        let binding = match name {
            "johnson" => JOHNSON
                .into_iter()
                .zip(3u32..)
                .filter_map(|((loss, bits), list)| {
                    let list = list.saturating_add(blowup.div_ceil(2));
                    least(loss, bits.saturating_add(constant), list)
                })
                .max_by_key(|(_, bits)| *bits),
            _ => least(0, 0, 0),
        };
        let (binding_term, millibits) = binding.unwrap_or(("query", 0));
        Regime {
            name,
            millibits,
            binding_term,
        }
    })
}

/// The least `b` with `2^b >= n`.
pub(crate) fn ceil_log2(n: u64) -> u32 {
    u64::BITS.saturating_sub(n.saturating_sub(1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn thousandths(bits: f64) -> u32 {
        (1000.0 * bits).floor() as u32
    }

    /// The largest `d` with `d + h(d) / bits <= 1 - rate`: within it, a ball of words over an
    /// alphabet of `bits` bits is no larger than the number of words per codeword.
    fn random_words_radius(rate: f64, bits: f64) -> f64 {
        let entropy = |d: f64| -d * d.log2() - (1.0 - d) * (1.0 - d).log2();
        let (mut low, mut high) = (1e-9, 1.0 - rate);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            match middle + entropy(middle) / bits <= 1.0 - rate {
                true => low = middle,
                false => high = middle,
            }
        }
        low
    }

    #[test]
    fn constants_follow_from_their_formulas() {
        assert!(f64::from(FIELD) <= 4000.0 * f64::from(crate::field::P).log2());
        let per_query = |name: &str| {
            let row = QUERY_MILLIBITS.iter().find(|(n, _)| *n == name);
            row.unwrap().1
        };
        for log_blowup in 1..=3 {
            let (rate, i) = (0.5f64.powi(log_blowup), log_blowup as usize - 1);
            let bits = |radius: f64| thousandths(-(1.0 - radius).log2());
            assert_eq!(per_query("capacity")[i], bits(1.0 - rate));
            assert_eq!(per_query("johnson")[i], 500 * log_blowup as u32);
            assert_eq!(per_query("unique_decoding")[i], bits((1.0 - rate) / 2.0));
            assert!(per_query("random_words")[i] <= bits(random_words_radius(rate, 124.0)));
            assert!(per_query("pointwise")[i] < per_query("random_words")[i]);
            assert!(per_query("pointwise")[i] > per_query("johnson")[i]);
        }
        for ((loss, bits), log_m) in JOHNSON.into_iter().zip(2..) {
            let m = 2f64.powi(log_m);
            assert_eq!(f64::from(loss), (1000.0 * (1.0 + 0.5 / m).log2()).ceil());
            let (h, worst_rate) = (m + 0.5, 0.5);
            // (2 h^5 + 3 h g r) / (3 r^1.5) n + h / sqrt(r), with g < 1, without n r^-1.5.
            let points = (2.0 * h.powi(5) + 3.0 * h * worst_rate) / 3.0 + h * worst_rate;
            assert_eq!(f64::from(bits), points.log2().ceil());
        }
    }

    fn shape(log_rows: u8, log_columns: u8, log_leaves: u32, claims: usize) -> Shape {
        Shape {
            log_rows,
            log_witness_columns: log_columns,
            log_weight_columns: 0,
            blocks: Vec::new(),
            log_leaves,
            columns: 0,
            cell_rounds: 10,
            bilinear: 5,
            contraction_rounds: 12,
            claims,
            reduction_rounds: usize::from(log_rows + log_columns),
            words: Vec::new(),
            log_clear: 4,
            proximity_nonces: 0,
        }
    }

    /// Every regime's least term, in floating point.
    #[test]
    fn a_regime_is_its_least_term() {
        let field = 4.0 * f64::from(crate::field::P).log2();
        // Also with so many queries, and so much work before a proximity challenge, that the
        // algebraic checks bind.
        let algebraic = |p: Parameters| Parameters {
            queries: u8::MAX,
            proximity_grind: 60,
            ..p
        };
        let levels = Level::ALL.iter().map(|l| l.parameters());
        for p in levels.flat_map(|p| [p, algebraic(p)]) {
            let shapes = [(8, 0, 5), (16, 4, 22), (24, 4, 30), (18, 10, 28)];
            // So many claims that batching them is the least term but for queries.
            let shapes = shapes
                .map(|s| (s, 100))
                .into_iter()
                .chain([((8, 0, 5), 1 << 24)]);
            for ((rows, columns, leaves), claims) in shapes {
                let shape = shape(rows, columns, leaves, claims);
                let lookup = field - f64::from(leaves + 2) + f64::from(p.lookup_grind);
                let sumcheck = field - (shape.algebraic_terms() as f64).log2();
                let words = f64::from(columns) + 3.0;
                let proximity = field - f64::from(rows + p.log_blowup) - words.log2()
                    + f64::from(p.proximity_grind);
                let query = |bits: f64| f64::from(p.queries) * bits + f64::from(p.query_grind);
                for (regime, (name, per_query)) in regimes(p, &shape).iter().zip(QUERY_MILLIBITS) {
                    assert_eq!(regime.name, name);
                    let per_query = f64::from(per_query[usize::from(p.log_blowup) - 1]) / 1000.0;
                    let pair = |loss: f64, lost: f64| query(per_query - loss).min(proximity - lost);
                    let least = match name {
                        "johnson" => (2..9)
                            .map(|log_m| {
                                let h = 2f64.powi(log_m);
                                let lost = (2.0 / 3.0 * (h + 0.5).powi(5)).log2();
                                let lost = lost + 1.5 * f64::from(p.log_blowup);
                                let list = (h + 0.5).log2() + 0.5 * f64::from(p.log_blowup);
                                let algebraic = lookup.min(sumcheck) - list;
                                pair((1.0 + 0.5 / h).log2(), lost).min(algebraic)
                            })
                            .fold(0.0, f64::max),
                        _ => pair(0.0, 0.0),
                    };
                    let least = least.min(lookup).min(sumcheck);
                    let got = f64::from(regime.millibits) / 1000.0;
                    // Logarithms and constants are rounded up to whole bits.
                    assert!(got < least + 1e-9, "{p:?} {name}: {got} above {least}");
                    assert!(got > least - 3.1, "{p:?} {name}: {got} under {least}");
                    let (bits, tenths) = regime.bits();
                    assert_eq!(regime.millibits / 100, 10 * bits + tenths);
                }
            }
        }
    }

    #[test]
    fn levels_are_found_by_name_and_number() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(*level));
            assert_eq!(Level::from_number(level.number()), Some(*level));
        }
        assert_eq!(Level::from_name("test"), None);
        assert_eq!(Level::from_number(0), None);
        assert_eq!(Level::from_number(5), None);
        #[cfg(not(feature = "test-levels"))]
        assert_eq!(Level::from_number(255), None);
    }
}
