//! Compiles the Cairo test contracts to Sierra and CASM classes.
//!
//! `stwo-ml-contracts PROJECT OUT` reads the Cairo project in the folder `PROJECT` and writes, for
//! every contract, `OUT/<name>.sierra.json` and `OUT/<name>.casm.json`. It expects the compiler's
//! core library at `corelib/src` in the working directory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use cairo_lang_compiler::{CompilerConfig, diagnostics::DiagnosticsReporter};
use cairo_lang_starknet::compile::compile_path;
use cairo_lang_starknet_classes::allowed_libfuncs::ListSelector;
use cairo_lang_starknet_classes::casm_contract_class::CasmContractClass;

/// The contracts: module path and file name.
const CONTRACTS: [(&str, &str); 4] = [
    ("stwo_verifier::StwoVerifier", "stwo_verifier"),
    ("proof_gated_payment::ProofGatedPayment", "proof_gated_payment"),
    ("payment_router::PaymentRouter", "payment_router"),
    ("sage::Sage", "sage"),
];

/// The largest CASM bytecode that a network accepts, in felts.
const MAX_BYTECODE: usize = 81_920;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let project = arguments.next().context("usage: stwo-ml-contracts PROJECT OUT")?;
    let out = arguments.next().context("usage: stwo-ml-contracts PROJECT OUT")?;
    ensure!(
        PathBuf::from("corelib/src").is_dir(),
        "no corelib/src in the working directory: it comes with the Cairo compiler's sources"
    );
    fs::create_dir_all(&out)?;
    for (module, name) in CONTRACTS {
        let config = CompilerConfig {
            diagnostics_reporter: DiagnosticsReporter::stderr(),
            ..CompilerConfig::default()
        };
        let path = format!("stwo_ml_contracts::{module}");
        let class = compile_path(&project, Some(&path), config, Default::default())?;
        let sierra = class.extract_sierra_program(false)?;
        sierra.validate_version_compatible(ListSelector::default())?;
        fs::write(out.join(format!("{name}.sierra.json")), serde_json::to_string(&class)?)?;
        let casm = CasmContractClass::from_contract_class(class, sierra, false, MAX_BYTECODE)?;
        fs::write(out.join(format!("{name}.casm.json")), serde_json::to_string(&casm)?)?;
        println!("{name}: {} felts of bytecode", casm.bytecode.len());
    }
    Ok(())
}
