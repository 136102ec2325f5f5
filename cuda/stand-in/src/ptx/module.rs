//! The module level: version, target, variables, source files, kernels.

use std::collections::HashMap;
use std::sync::Arc;

use super::kernel::{Outer, Symbol};
use super::tokens::{self, Token};
use super::{LoadError, Module, kernel};

pub(super) fn error<T>(line: u32, reason: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError::Statement {
        line,
        reason: reason.into(),
    })
}

pub(super) fn parse(text: &str, supported: u32) -> Result<Module, LoadError> {
    let tokens = tokens::split(text);
    let files = Arc::new(source_files(&tokens));
    let mut module = Module {
        kernels: Vec::new(),
        constants: Vec::new(),
        globals: Vec::new(),
    };
    let mut symbols = HashMap::new();
    let mut versioned = false;
    let mut rest = &tokens[..];
    while let Some(first) = rest.first() {
        rest = match first.text {
            ".version" => {
                version(rest, supported)?;
                versioned = true;
                next_line(rest)
            }
            ".target" => {
                target(rest)?;
                next_line(rest)
            }
            ".address_size" | ".file" => next_line(rest),
            ".section" => after_braces(rest, first.line)?,
            ".visible" | ".weak" | ".extern" => &rest[1..],
            ".const" | ".global" | ".shared" => {
                let (statement, after) = until(rest, ";")?;
                let variable = Variable::parse(&statement[1..])?;
                symbols.insert(
                    variable.name.clone(),
                    place(&mut module, first.text, variable),
                );
                after
            }
            ".entry" => {
                let outer = Outer {
                    symbols: &symbols,
                    files: &files,
                };
                let (kernel, after) = kernel::parse(&rest[1..], &outer)?;
                module.kernels.push(Arc::new(kernel));
                after
            }
            ".func" => return error(first.line, "a device function that is not inlined"),
            other => return error(first.line, format!("`{other}` at module level")),
        };
    }
    if !versioned {
        return error(1, "no .version");
    }
    Ok(module)
}

/// A variable's place: constants back to back, globals by number, `extern` shared memory dynamic.
fn place(module: &mut Module, space: &str, variable: Variable) -> Symbol {
    let bytes = variable.initial_bytes();
    match space {
        ".const" => {
            let start = module.constants.len().next_multiple_of(variable.align);
            module.constants.resize(start, 0);
            module.constants.extend(bytes);
            Symbol::Constant(start as u64)
        }
        ".global" => {
            module.globals.push((variable.name, bytes));
            Symbol::Global(module.globals.len() - 1)
        }
        _ if variable.count == 0 => Symbol::DynamicShared,
        _ => Symbol::Shared {
            bytes: variable.bytes(),
            align: variable.align,
        },
    }
}

fn version(rest: &[Token<'_>], supported: u32) -> Result<(), LoadError> {
    let text = rest.get(1).map_or("", |token| token.text);
    let number = text.split_once('.').and_then(|(major, minor)| {
        Some(major.parse::<u32>().ok()? * 10 + minor.parse::<u32>().ok()?)
    });
    match number {
        Some(found) if found <= supported => Ok(()),
        Some(found) => Err(LoadError::Version { found, supported }),
        None => error(rest[0].line, format!("`{text}` is no version")),
    }
}

fn target(rest: &[Token<'_>]) -> Result<(), LoadError> {
    let text = rest.get(1).map_or("", |token| token.text);
    match text
        .strip_prefix("sm_")
        .and_then(|number| number.parse::<u32>().ok())
    {
        Some(number) if number <= 90 => Ok(()),
        _ => Err(LoadError::Target(text.into())),
    }
}

/// `.file 1 "name"`, anywhere in the text, by number.
fn source_files(tokens: &[Token<'_>]) -> Vec<String> {
    let mut files = Vec::new();
    for window in tokens.windows(3).filter(|window| window[0].is(".file")) {
        let Ok(number) = window[1].text.parse::<u16>() else {
            continue;
        };
        let number = usize::from(number);
        files.resize(files.len().max(number + 1), String::new());
        files[number] = window[2]
            .text
            .trim_matches('"')
            .trim_start_matches("./")
            .to_string();
    }
    files
}

pub(super) fn next_line<'t, 'a>(rest: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let line = rest[0].line;
    &rest[rest.iter().take_while(|token| token.line == line).count()..]
}

/// The tokens before `end`, and those after it.
pub(super) fn until<'t, 'a>(
    rest: &'t [Token<'a>],
    end: &str,
) -> Result<(&'t [Token<'a>], &'t [Token<'a>]), LoadError> {
    match rest.iter().position(|token| token.is(end)) {
        Some(position) => Ok((&rest[..position], &rest[position + 1..])),
        None => error(
            rest.first().map_or(0, |token| token.line),
            format!("no `{end}` ends this statement"),
        ),
    }
}

fn after_braces<'t, 'a>(rest: &'t [Token<'a>], line: u32) -> Result<&'t [Token<'a>], LoadError> {
    let mut depth = 0;
    for (position, token) in rest.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" if depth == 1 => return Ok(&rest[position + 1..]),
            "}" => depth -= 1,
            _ => {}
        }
    }
    error(line, "a section that does not end")
}

/// `.align 4 .b8 name[16] = {1, 2, ...}`: a declaration in any space.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) align: usize,
    /// Bytes of an element.
    unit: usize,
    /// Elements; 0 for `[]`.
    count: usize,
    values: Vec<i128>,
}

impl Variable {
    pub(super) fn parse(tokens: &[Token<'_>]) -> Result<Self, LoadError> {
        let line = tokens.first().map_or(0, |token| token.line);
        let mut variable = Self {
            name: String::new(),
            align: 1,
            unit: 0,
            count: 1,
            values: Vec::new(),
        };
        let mut rest = tokens.iter();
        while let Some(token) = rest.next() {
            match token.text {
                ".align" => match rest.next().and_then(|token| token.text.parse().ok()) {
                    Some(align) => variable.align = align,
                    None => return error(line, "an alignment that is no number"),
                },
                "[" => {
                    let count = rest.next().map_or("", |token| token.text);
                    variable.count = if count == "]" {
                        0
                    } else {
                        count.parse().unwrap_or(0)
                    };
                }
                "]" | ".ptr" | ".global" => {}
                "=" => {
                    variable.values = initial_values(rest.as_slice())?;
                    break;
                }
                text if text.starts_with('.') => match super::statement::kind(&text[1..]) {
                    Some(kind) => variable.unit = usize::from(kind.bits / 8).max(1),
                    None => return error(line, format!("a variable of type `{text}`")),
                },
                text => variable.name = text.into(),
            }
        }
        variable.align = variable.align.max(variable.unit);
        Ok(variable)
    }

    pub(super) fn bytes(&self) -> usize {
        self.unit * self.count
    }

    /// The initial content; what is not given is zero, as PTX says.
    fn initial_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self
            .values
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(self.unit))
            .collect();
        bytes.resize(self.bytes(), 0);
        bytes
    }
}

fn initial_values(tokens: &[Token<'_>]) -> Result<Vec<i128>, LoadError> {
    let mut values = Vec::new();
    let mut negative = false;
    for token in tokens {
        match token.text {
            "{" | "}" | "," => {}
            "-" => negative = true,
            text => match super::statement::integer(text) {
                Some(value) => values.push(if std::mem::take(&mut negative) {
                    -value
                } else {
                    value
                }),
                None => return error(token.line, format!("the initial value `{text}`")),
            },
        }
    }
    Ok(values)
}
