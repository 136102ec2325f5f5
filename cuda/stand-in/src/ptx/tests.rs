//! Tests of the decoder.

use super::operation::*;
use super::*;

const HEAD: &str = ".version 7.0\n.target sm_80\n.address_size 64\n";

fn kernel(body: &str) -> Result<Kernel, LoadError> {
    let registers = ".reg .pred %p<4>; .reg .b16 %rs<4>; .reg .b32 %r<9>; .reg .b64 %rd<9>;";
    let text = format!(
        "{HEAD}.visible .entry k(.param .u64 k_param_0, .param .u32 k_param_1)\n{{ {registers}\n{body}\n}}"
    );
    Module::load(&text, 70).map(|mut module| Arc::try_unwrap(module.kernels.remove(0)).unwrap())
}

#[test]
fn loads_the_committed_kernels() {
    let module = Module::load(include_str!("../../../ptx/accumulate.ptx"), 70).unwrap();
    let kernel = &module.kernels[0];
    assert_eq!(
        (kernel.name.as_str(), kernel.parameters.len(), kernel.shared),
        ("accumulate", 9, 0)
    );
    assert_eq!(
        kernel.parameters[8],
        Parameter {
            offset: 64,
            bytes: 8
        }
    );
    assert_eq!(kernel.files[1], "cuda/kernels/accumulate.cu");
    let store = kernel
        .code
        .iter()
        .find(|i| matches!(i.operation, Operation::Store { .. }))
        .unwrap();
    let source = include_str!("../../../kernels/accumulate.cu");
    let line = source
        .lines()
        .nth(store.location.line as usize - 1)
        .unwrap();
    assert_eq!(store.location.file, 1);
    assert_eq!(line.trim(), "a0[i] = m31_add(a0[i], b0[i]);");
}

#[test]
fn immediates_and_special_registers_become_registers() {
    let kernel =
        kernel("add.s32 %r1, %r2, -5; add.s32 %r1, %r3, -5; mov.u32 %r4, %tid.x;").unwrap();
    assert_eq!(kernel.registers.constant_words.len(), 1);
    assert_eq!(kernel.registers.constant_words[0].1, 0xffff_fffb);
    assert_eq!(kernel.registers.specials[0].1, Special::Thread(0));
}

#[test]
fn branches_lead_to_instructions() {
    let kernel = kernel("$top: @!%p1 bra $end; bra $top; $end: ret;").unwrap();
    let targets = kernel.code.iter().filter_map(|i| match i.operation {
        Operation::Branch { target } => Some(target),
        _ => None,
    });
    assert_eq!(targets.collect::<Vec<_>>(), [2, 0]);
    assert_eq!(
        kernel.code[0].guard,
        Some(Predicate {
            register: 1,
            negated: true
        })
    );
}

#[test]
fn what_clang_does_not_emit_for_integers_is_an_error_with_its_line() {
    for (body, what) in [
        ("add.f32 %r1, %r2, %r3;", "the interpreter has no `add.f32`"),
        ("tex.1d %r1, %r2;", "the interpreter has no `tex.1d`"),
        ("add.s32 %r1, %r2, %nothing;", "the operand `%nothing`"),
        (
            "add.s32 %r1, %rd2, %r3;",
            "`%rd2` has another width than its operation",
        ),
        ("bra $nowhere;", "no label `$nowhere`"),
    ] {
        let Err(LoadError::Statement { line, reason }) = kernel(body) else {
            panic!("{body}")
        };
        assert_eq!((line, reason.as_str()), (6, what), "{body}");
    }
}

#[test]
fn versions_and_targets_are_checked() {
    let text = |version, target| {
        format!(".version {version}\n.target {target}\n.visible .entry k() {{ ret; }}")
    };
    assert!(Module::load(&text("7.0", "sm_80"), 70).is_ok());
    assert_eq!(
        Module::load(&text("8.1", "sm_80"), 70).err(),
        Some(LoadError::Version {
            found: 81,
            supported: 70
        })
    );
    assert_eq!(
        Module::load(&text("7.0", "sm_120"), 70).err(),
        Some(LoadError::Target("sm_120".into()))
    );
    assert!(Module::load(".visible .entry k() { ret; }", 70).is_err());
}

#[test]
fn variables_have_their_initial_bytes() {
    let text = format!(
        "{HEAD}.const .align 4 .b32 c[3] = {{1, -1}};\n.global .align 8 .b8 g[4] = {{9}};\n\
         .visible .entry k() {{ .reg .b32 %r<2>; ld.const.u32 %r1, [c+4]; ret; }}"
    );
    let module = Module::load(&text, 70).unwrap();
    assert_eq!(
        module.constants,
        [1, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]
    );
    assert_eq!(module.globals, [("g".to_string(), vec![9, 0, 0, 0])]);
}

#[test]
fn comparisons_have_their_names() {
    let names = ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"];
    let body: String = names
        .iter()
        .map(|name| format!("setp.{name}.u32 %p1, %r1, %r2;"))
        .collect();
    let kernel = kernel(&body).unwrap();
    let ops: Vec<_> = kernel
        .code
        .iter()
        .filter_map(|i| match i.operation {
            Operation::Compare { op, .. } => Some(op),
            _ => None,
        })
        .collect();
    use Comparison::*;
    let expected = [
        Equal,
        NotEqual,
        Less,
        LessEqual,
        Greater,
        GreaterEqual,
        Less,
        LessEqual,
        Greater,
        GreaterEqual,
    ];
    assert_eq!(ops, expected);
}
