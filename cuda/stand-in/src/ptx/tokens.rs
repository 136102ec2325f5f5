//! Splits PTX into words and punctuation, each with its line.

/// A word (`ld.global.u32`, `%r1`, `12`, `$L__BB0_1`), a string in its quotes, or one punctuation character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: u32,
}

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// All tokens of a text; comments are left out.
pub(super) fn split(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("//") {
            2 + comment.find('\n').unwrap_or(comment.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |end| end + 4)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let length = match first {
                '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            tokens.push(Token {
                text: &rest[..length],
                line,
            });
            length
        };
        line += rest[..length].matches('\n').count() as u32;
        rest = &rest[length..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_words_and_punctuation_and_counts_lines() {
        let tokens =
            split("@%p1 bra $L; // to\n/* a\nb */ ld.u32 {%r1}, [%rd2+-4];\n.file 1 \"a b.cu\"");
        let texts: Vec<_> = tokens.iter().map(|t| (t.line, t.text)).collect();
        let line1 = ["@", "%p1", "bra", "$L", ";"].map(|t| (1, t));
        let line3 = [
            "ld.u32", "{", "%r1", "}", ",", "[", "%rd2", "+", "-", "4", "]", ";",
        ]
        .map(|t| (3, t));
        assert_eq!(
            texts,
            [
                &line1[..],
                &line3[..],
                &[(4, ".file"), (4, "1"), (4, "\"a b.cu\"")]
            ]
            .concat()
        );
    }
}
