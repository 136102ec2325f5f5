//! The words and operands of a statement.

use super::operation::{Kind, Space};
use super::tokens::Token;

/// The type of a name without its dot; `pred` has one bit. Floats have none: the field needs no floats.
pub(super) fn kind(text: &str) -> Option<Kind> {
    let (bits, signed) = match text {
        "pred" => (1, false),
        "u8" | "b8" => (8, false),
        "s8" => (8, true),
        "u16" | "b16" => (16, false),
        "s16" => (16, true),
        "u32" | "b32" => (32, false),
        "s32" => (32, true),
        "u64" | "b64" => (64, false),
        "s64" => (64, true),
        _ => return None,
    };
    Some(Kind { bits, signed })
}

/// An integer literal without its sign.
pub(super) fn integer(text: &str) -> Option<i128> {
    let digits = text.trim_end_matches('U');
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

pub(super) type Operand<'t, 'a> = &'t [Token<'a>];

/// An instruction's words and operands.
pub(super) struct Statement<'t, 'a> {
    pub(super) words: Vec<&'a str>,
    pub(super) operands: Vec<Operand<'t, 'a>>,
    pub(super) kinds: Vec<Kind>,
}

impl<'t, 'a> Statement<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Self {
        let words: Vec<_> = tokens[0].text.split('.').collect();
        let kinds = words[1..].iter().filter_map(|word| kind(word)).collect();
        let (mut operands, mut depth, mut start) = (Vec::new(), 0, 1);
        for (position, token) in tokens.iter().enumerate().skip(1) {
            match token.text {
                "{" | "[" => depth += 1,
                "}" | "]" => depth -= 1,
                "," if depth == 0 => {
                    operands.push(&tokens[start..position]);
                    start = position + 1;
                }
                _ => {}
            }
        }
        if start < tokens.len() {
            operands.push(&tokens[start..]);
        }
        Self {
            words,
            operands,
            kinds,
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words[1..].contains(&word)
    }

    pub(super) fn kind(&self) -> Kind {
        self.kinds.last().copied().unwrap_or(Kind {
            bits: 32,
            signed: false,
        })
    }

    pub(super) fn space(&self) -> Space {
        let spaces = [
            ("global", Space::Global),
            ("shared", Space::Shared),
            ("local", Space::Local),
            ("const", Space::Constant),
            ("param", Space::Parameter),
        ];
        spaces
            .into_iter()
            .find(|(word, _)| self.has(word))
            .map_or(Space::Generic, |(_, space)| space)
    }

    pub(super) fn volatile(&self) -> bool {
        ["volatile", "relaxed", "acquire", "release", "acq_rel"]
            .iter()
            .any(|word| self.has(word))
    }

    pub(super) fn vector(&self) -> u8 {
        if self.has("v4") {
            4
        } else if self.has("v2") {
            2
        } else {
            1
        }
    }
}
