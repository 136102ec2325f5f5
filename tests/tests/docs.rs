//! The numbers in the documents are those of the code.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, compile, reshape_inputs};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml_verifier::Level;
use stwo_ml_verifier::security::regimes;
use stwo_ml_verifier::shape::Shape;

fn read(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The cells of the table row that begins with a level's name, without the name.
fn row(document: &str, level: Level) -> Vec<String> {
    let start = format!("| `{}`", level.name());
    let line = document.lines().find(|l| l.starts_with(&start)).unwrap();
    let cells = line.trim_matches('|').split('|').skip(1);
    cells.map(|c| c.trim().to_string()).collect()
}

#[test]
fn levels_are_documented() {
    let document = read("docs/security.md");
    for level in [
        Level::Standard,
        Level::Onchain128,
        Level::Compat96,
        Level::Provable96,
    ] {
        let p = level.parameters();
        let expected = [
            format!("1/{}", 1 << p.log_blowup),
            p.queries.to_string(),
            p.query_grind.to_string(),
            p.lookup_grind.to_string(),
            p.proximity_grind.to_string(),
            (1 << p.log_coset).to_string(),
            p.folded_words.to_string(),
        ];
        assert_eq!(row(&document, level)[..expected.len()], expected);
    }
}

#[test]
fn the_readme_reports_the_security_of_lenet5() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models"));
    let bytes = std::fs::read(folder.join("lenet5.onnx")).unwrap();
    let graph = import(&bytes, ImportOptions::default()).unwrap();
    let digits = std::fs::File::open(folder.join("digits.npz")).unwrap();
    let digits: ArrayD<f32> = NpzReader::new(digits).unwrap().by_index(0).unwrap();
    let examples: Vec<_> = digits
        .axis_iter(Axis(0))
        .map(|digit| reshape_inputs(&graph, &[digit.to_owned()]).unwrap())
        .collect();
    let compiled = compile(&graph, &examples, &CompileOptions::default()).unwrap();
    let model = Model::assemble(compiled.circuit, Level::Standard, &Simd).unwrap();
    let bits = regimes(Level::Standard.parameters(), &Shape::new(&model.vk))
        .map(|regime| format!("{}.{}", regime.bits().0, regime.bits().1));
    assert_eq!(row(&read("README.md"), Level::Standard)[1..], bits);
}
