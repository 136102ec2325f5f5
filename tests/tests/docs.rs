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

/// Names of the tests in a file.
fn tests_of(path: &str) -> Vec<String> {
    let source = read(path);
    let mut lines = source.lines().map(str::trim);
    let mut names = Vec::new();
    while lines.any(|line| line == "#[test]") {
        let name = lines.next().and_then(|line| line.strip_prefix("fn "));
        let name = name.and_then(|rest| rest.split('(').next());
        names.push(name.unwrap().to_owned());
    }
    names
}

/// The texts in backticks of a table's cell.
fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

#[test]
fn the_rules_of_the_contract_name_their_tests() {
    let document = read("docs/starknet.md");
    let (_, section) = document.split_once("## The rules of the contract").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let emulation = [
        "tests/tests/starknet/contract.rs",
        "verifier-core/src/starknet/contract.rs",
    ];
    let contract = [
        "prover-native/tests/node/reverts.rs",
        "prover-native/tests/node/rules.rs",
        "prover-native/tests/node/submissions.rs",
    ];
    let [emulation, contract] =
        [&emulation[..], &contract[..]].map(|files| files.iter().flat_map(|f| tests_of(f)));
    let (emulation, contract) = (emulation.collect::<Vec<_>>(), contract.collect::<Vec<_>>());
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<&str>> = rows
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| row[0].parse::<u32>().is_ok())
        .collect();
    assert_eq!(rows.len(), 15);
    let mut named = Vec::new();
    for row in rows {
        let [number, _, _, emulated, real] = row[..] else {
            panic!("{row:?}")
        };
        assert!(!quoted(emulated).is_empty(), "rule {number}");
        for name in quoted(emulated) {
            assert!(emulation.contains(&name), "rule {number}: no test {name}");
            named.push(name);
        }
        // No list that breaks the last rule is known.
        assert_eq!(quoted(real).is_empty(), number == "15", "rule {number}");
        for name in quoted(real) {
            assert!(contract.contains(&name), "rule {number}: no test {name}");
        }
    }
    // Nor has the emulation a test that the table does not know, but for the list that is right.
    for test in tests_of("tests/tests/starknet/contract.rs") {
        assert!(
            named.contains(&test) || test == "accepts_the_form",
            "{test}"
        );
    }
}
