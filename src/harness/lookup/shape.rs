use regex_syntax::ast::{AssertionKind, Ast, parse::Parser};

/// A part of every text that a regex matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShapePart {
    /// This text.
    Text(Box<[u8]>),
    /// Any text; only the regex itself knows which.
    Gap,
}

/// The parts of what a regex matches, from the beginning of a step's text to its end.
///
/// A regex may match less than its shape, never more. The shape is read from the syntax alone:
/// working out classes of characters, as compiling does, takes ten times as long.
pub(super) fn of_regex(regex: &str) -> Vec<ShapePart> {
    let ast = Parser::new()
        .parse(regex)
        .unwrap_or_else(|error| Ast::empty(*error.span()));
    let parts = match &ast {
        Ast::Concat(concat) => concat.asts.as_slice(),
        _ => std::slice::from_ref(&ast),
    };
    // Flags change what letters and anchors mean.
    if parts.iter().any(|part| matches!(part, Ast::Flags(_))) {
        return vec![ShapePart::Gap];
    }
    let (from_start, parts) = match parts.split_first() {
        Some((first, rest)) if is(first, &AssertionKind::StartLine) => (true, rest),
        _ => (false, parts),
    };
    let (to_end, parts) = match parts.split_last() {
        Some((last, rest)) if is(last, &AssertionKind::EndLine) => (true, rest),
        _ => (false, parts),
    };
    let mut shape = ShapeBuilder::default();
    if !from_start {
        shape.gap();
    }
    for part in parts {
        match part {
            Ast::Literal(literal) => shape.text.push(literal.c),
            _ => shape.gap(),
        }
    }
    if !to_end {
        shape.gap();
    }
    shape.end()
}

/// Like [`of_regex`], for a Cucumber expression.
///
/// Read without a parser, which would cost more than all else before the first scenario: parameters
/// and optional text are gaps, and so are alternative words.
pub(super) fn of_expression(expression: &str) -> Vec<ShapePart> {
    let mut shape = ShapeBuilder::default();
    for (number, word) in expression.split(' ').enumerate() {
        if number > 0 {
            shape.text.push(' ');
        }
        let mut rest = word;
        if word.contains(['/', '\\']) {
            shape.gap();
            continue;
        }
        while let Some(start) = rest.find(['{', '(']) {
            shape.text.push_str(&rest[..start]);
            shape.gap();
            let end = rest[start..].find(['}', ')']);
            rest = end.map_or("", |end| &rest[start + end + 1..]);
        }
        shape.text.push_str(rest);
    }
    shape.end()
}

#[derive(Default)]
struct ShapeBuilder {
    parts: Vec<ShapePart>,
    text: String,
}

impl ShapeBuilder {
    fn gap(&mut self) {
        self.push_text();
        if self.parts.last() != Some(&ShapePart::Gap) {
            self.parts.push(ShapePart::Gap);
        }
    }

    fn push_text(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(ShapePart::Text(text.into_bytes().into()));
        }
    }

    fn end(mut self) -> Vec<ShapePart> {
        self.push_text();
        self.parts
    }
}

fn is(ast: &Ast, kind: &AssertionKind) -> bool {
    matches!(ast, Ast::Assertion(assertion) if assertion.kind == *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shape: &[ShapePart]) -> String {
        shape
            .iter()
            .map(|part| match part {
                ShapePart::Text(text) => String::from_utf8_lossy(text).replace('*', "\\*"),
                ShapePart::Gap => "*".to_owned(),
            })
            .collect()
    }

    #[test]
    fn shape_of_a_regex_is_its_literal_text_with_gaps() {
        for (regex, expected) in [
            (r"^the workflow (\d+) runs$", "the workflow * runs"),
            (r"^the workflow runs$", "the workflow runs"),
            (r"^(?:a|b) service$", "* service"),
            (r"^(\d+)(\d+) calls?$", "* call*"),
            (r"^from (\d+)", "from *"),
            (r"^from", "from*"),
            (r"no anchor (\d+)$", "*no anchor *"),
            (r"(?i)^no case$", "*"),
            (r"(?m)^lines$", "*"),
            (r"^\d+\b.ü$", "*ü"),
            (r"^a$|^b$", "*"),
            (r"^\*$", "\\*"),
            ("", "*"),
        ] {
            assert_eq!(shown(&of_regex(regex)), expected, "{regex}");
        }
    }
    #[test]
    fn shape_of_an_expression_is_that_of_its_regex_or_wider() {
        for (expression, expected) in [
            ("the workflow runs", "the workflow runs"),
            ("a service {string}", "a service *"),
            ("{int} call(s) at once", "* call* at once"),
            ("a/an open/closed door", "* * door"),
            ("{string}{word}", "*"),
            (r"an amount \(total)", "an amount *"),
        ] {
            assert_eq!(shown(&of_expression(expression)), expected);
        }
    }
}
