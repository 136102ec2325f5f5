//! Writes the typed launch functions from the kernels' declarations and checks them against the PTX.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let (kernels, ptx) = (
        Path::new(&root).join("kernels"),
        Path::new(&root).join("ptx"),
    );
    println!("cargo::rerun-if-changed={}", kernels.display());
    println!("cargo::rerun-if-changed={}", ptx.display());

    let mut sources: Vec<_> = fs::read_dir(&kernels)
        .expect("cuda/kernels exists")
        .map(|entry| entry.expect("cuda/kernels is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cu"))
        .collect();
    sources.sort();
    let mut modules = String::new();
    let mut functions = String::new();
    for source in sources {
        let module = source
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("names of kernels are text")
            .to_owned();
        let compiled = ptx.join(format!("{module}.ptx"));
        let text = fs::read_to_string(&source).expect("a kernel's source is text");
        let assembly = fs::read_to_string(&compiled).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run tests/scripts/build-ptx",
                compiled.display()
            )
        });
        let mut entries = ptx_entries(&assembly);
        for (name, parameters) in declarations(&text) {
            let sizes: Vec<_> = parameters.iter().map(|p| p.kind.ptx).collect();
            let compiled = entries.remove(&name).unwrap_or_default();
            assert_eq!(
                compiled, sizes,
                "the PTX of kernel {name} in {module} is stale: run tests/scripts/build-ptx"
            );
            function(&mut functions, &module, &name, &parameters);
        }
        assert!(
            entries.is_empty(),
            "{module}.ptx has kernels that {module}.cu does not declare: {entries:?}"
        );
        writeln!(modules, "    ({module:?}, include_str!({compiled:?})),").expect("a string");
    }
    let out = format!(
        "/// The kernels' PTX by the name of their source file.\n\
         pub const MODULES: &[(&str, &str)] = &[\n{modules}];\n{functions}"
    );
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("launches.rs");
    fs::write(target, out).expect("the output folder is writable");
}

struct Kind {
    rust: &'static str,
    ptx: &'static str,
}

struct Parameter {
    name: String,
    kind: Kind,
}

/// The C types that kernels may take, as Rust and PTX spell them.
const KINDS: &[(&str, &str, &str)] = &[
    ("u32", "u32", ".u32"),
    ("u64", "u64", ".u64"),
    ("qm31", "Qm31", ".align 4 .b8[16]"),
    ("point", "Point", ".align 4 .b8[8]"),
    ("u32*", "PtrMut<'_, u32>", ".u64"),
    ("const u32*", "Ptr<'_, u32>", ".u64"),
    ("u64*", "PtrMut<'_, u64>", ".u64"),
    ("const u64*", "Ptr<'_, u64>", ".u64"),
    ("const u32* const*", "Ptr<'_, Ptr<'static, u32>>", ".u64"),
    ("u32* const*", "Ptr<'_, PtrMut<'static, u32>>", ".u64"),
];

/// `KERNEL ... void name(type name, ...)` in the order of the file.
fn declarations(source: &str) -> Vec<(String, Vec<Parameter>)> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.starts_with("#define"))
        .map(|line| format!("{line}\n"))
        .collect();
    code.split("KERNEL ")
        .skip(1)
        .map(|rest| {
            let (_, rest) = rest.split_once("void ").expect("kernels return void");
            let (name, rest) = rest.split_once('(').expect("a parameter list follows");
            let (list, _) = rest.split_once(')').expect("the parameter list ends");
            (
                name.trim().to_owned(),
                list.split(',').map(parameter).collect(),
            )
        })
        .collect()
}

fn parameter(text: &str) -> Parameter {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace("__restrict__ ", "");
    let (kind, name) = text
        .rsplit_once(' ')
        .expect("a parameter has a type and a name");
    let (_, rust, ptx) = KINDS
        .iter()
        .find(|(c, ..)| *c == kind)
        .unwrap_or_else(|| panic!("kernels cannot take {kind:?} ({name}); see cuda/build.rs"));
    Parameter {
        // C's names that are words of Rust.
        name: if name == "in" { "input" } else { name }.to_owned(),
        kind: Kind { rust, ptx },
    }
}

/// The parameter types of every `.entry`.
fn ptx_entries(ptx: &str) -> BTreeMap<String, Vec<String>> {
    ptx.split(".entry ")
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once('(').expect("an entry has parameters");
            let (list, _) = rest.split_once(')').expect("the parameter list ends");
            let types = list
                .split(',')
                .filter_map(|line| line.trim().strip_prefix(".param "))
                .map(|line| {
                    let (kind, symbol) = line.rsplit_once(' ').expect("a type and a name");
                    let array = symbol.find('[').map_or("", |at| &symbol[at..]);
                    format!("{kind}{array}")
                })
                .collect();
            (name.trim().to_owned(), types)
        })
        .collect()
}

fn function(out: &mut String, module: &str, name: &str, parameters: &[Parameter]) {
    let list: String = parameters
        .iter()
        .map(|p| format!("    {}: {},\n", p.name, p.kind.rust))
        .collect();
    let pushes: String = parameters
        .iter()
        .map(|p| format!("        arguments.arg(&{});\n", p.name))
        .collect();
    writeln!(
        out,
        "/// Launches `{name}` of `cuda/kernels/{module}.cu`, where the arguments are described.\n\
         ///\n/// # Errors\n/// [`CudaError::Launch`] and [`CudaError::UnsupportedPtx`].\n\
         pub fn {name}(\n    context: &CudaContext,\n    grid: Grid,\n{list}) -> Result<(), CudaError> {{\n\
         \x20   let function = context.function({module:?}, {name:?})?;\n\
         \x20   context.launch({name:?}, &function, grid, |arguments| {{\n{pushes}    }})\n}}"
    )
    .expect("a string");
}
