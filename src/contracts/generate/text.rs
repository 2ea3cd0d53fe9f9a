use rand::{RngExt as _, rngs::ChaCha8Rng};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use super::keywords::{Extent, Keywords, limit};

/// The longest string that is generated.
const MAX_LENGTH: usize = 10_000;

/// How many strings are drawn from a pattern to find one of the right length.
const MAX_DRAWS: usize = 400;

/// The keyword that is not supported, and why.
type Unsupported = (&'static str, String);

/// A string that the keywords allow.
///
/// # Errors
///
/// If its pattern or format is not supported.
pub(super) fn text(
    keywords: &Keywords,
    extent: Extent,
    rng: &mut ChaCha8Rng,
) -> Result<Value, Unsupported> {
    let min = limit(keywords, "minLength").unwrap_or(0);
    let max = limit(keywords, "maxLength").unwrap_or(usize::MAX);
    if let Some(format) = keywords.get("format").and_then(Value::as_str)
        && !keywords.contains_key("pattern")
    {
        let samples = samples(format);
        let fitting: Vec<&&str> = samples
            .iter()
            .filter(|sample| (min..=max).contains(&sample.chars().count()))
            .collect();
        let index = match extent {
            _ if fitting.is_empty() => {
                let message = format!("no sample of {format:?} fits: give \"examples\"");
                return Err(("format", message));
            }
            Extent::Random => rng.random_range(0..fitting.len()),
            _ => 0,
        };
        return Ok((*fitting[index]).into());
    }
    let length = match extent {
        Extent::Minimal => min.max(1).min(max),
        Extent::Full => min.max(4).min(max),
        Extent::Random => rng.random_range(min..=min.saturating_add(12).min(max.max(min))),
    };
    match pattern(keywords) {
        None => Ok(letters(length, rng).into()),
        Some(pattern) => match drawn(pattern, length, (min, max), rng)? {
            Some(text) => Ok(text.into()),
            None => Err((
                "pattern",
                format!(
                    "no string of the required length was drawn from {pattern:?}: give \"examples\""
                ),
            )),
        },
    }
}

/// A string of exactly this length, if one can be generated.
pub(super) fn of_length(
    keywords: &Keywords,
    length: usize,
    rng: &mut ChaCha8Rng,
) -> Option<String> {
    if length > MAX_LENGTH {
        return None;
    }
    match pattern(keywords) {
        None => Some(letters(length, rng)),
        Some(pattern) => drawn(pattern, length, (length, length), rng).ok()?,
    }
}

fn pattern(keywords: &Keywords) -> Option<&str> {
    keywords.get("pattern").and_then(Value::as_str)
}

fn letters(length: usize, rng: &mut ChaCha8Rng) -> String {
    let letters = (0..length.min(MAX_LENGTH)).map(|_| rng.random_range('a'..='z'));
    letters.collect()
}

/// A string that matches a pattern, of about this length and within the limits.
///
/// The walk over the pattern is ours and not `rand_regex`'s, because a length is aimed at (a limit of
/// 60 characters is met exactly) and `\d` and `\w` are ASCII in JSON Schema.
fn drawn(
    pattern: &str,
    length: usize,
    (min, max): (usize, usize),
    rng: &mut ChaCha8Rng,
) -> Result<Option<String>, Unsupported> {
    let hir = regex_syntax::Parser::new().parse(pattern).map_err(|_| {
        let message = format!("{pattern:?} is not supported: give \"examples\"");
        ("pattern", message)
    })?;
    for draw in 0..MAX_DRAWS {
        let mut text = String::new();
        let more = length.saturating_sub(draw % 16);
        write(&hir, more, rng, &mut text);
        if (min..=max).contains(&text.chars().count()) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Writes a string that an expression matches. A repetition has at most `more` items above its
/// minimum, in half of the cases exactly that many.
fn write(hir: &Hir, more: usize, rng: &mut ChaCha8Rng, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(one_of(class, rng)),
        HirKind::Capture(capture) => write(&capture.sub, more, rng, text),
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, more, rng, text);
            }
        }
        HirKind::Alternation(branches) => {
            let branch = rng.random_range(0..branches.len());
            write(&branches[branch], more, rng, text);
        }
        HirKind::Repetition(repetition) => {
            let min = repetition.min as usize;
            let room = repetition
                .max
                .map_or(more, |max| (max as usize).saturating_sub(min).min(more));
            let extra = match rng.random_range(0..2) {
                0 => room,
                _ => rng.random_range(0..=room),
            };
            for _ in 0..min + extra {
                if text.len() > MAX_LENGTH {
                    break;
                }
                write(&repetition.sub, more, rng, text);
            }
        }
    }
}

/// A character of a class: a printable ASCII one if it has any, as `\d` and `\w` mean in JSON Schema.
fn one_of(class: &Class, rng: &mut ChaCha8Rng) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            let ranges = class.ranges().iter();
            ranges
                .map(|it| (it.start().into(), it.end().into()))
                .collect()
        }
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            ranges
                .map(|it| (it.start().into(), it.end().into()))
                .collect()
        }
    };
    let printable: Vec<char> = (' '..='~')
        .filter(|it| {
            let code = u32::from(*it);
            ranges
                .iter()
                .any(|(start, end)| (*start..=*end).contains(&code))
        })
        .collect();
    if printable.is_empty() {
        return ranges.first().and_then(|(start, _)| char::from_u32(*start));
    }
    Some(printable[rng.random_range(0..printable.len())])
}

/// Strings of a format that JSON Schema defines.
fn samples(format: &str) -> &'static [&'static str] {
    match format {
        "date-time" => &["2025-01-01T00:00:00Z", "2024-02-29T23:59:59.5+01:00"],
        "date" => &["2025-01-01", "2024-02-29"],
        "time" => &["00:00:00Z", "23:59:59+01:00"],
        "duration" => &["PT0S", "P1DT2H"],
        "email" => &["a@example.com", "ada.lovelace@mail.example.org"],
        "hostname" | "idn-hostname" => &["example.com", "a.b-c.example.org"],
        "ipv4" => &["192.0.2.1", "203.0.113.254"],
        "ipv6" => &["2001:db8::1", "::1"],
        "uri" | "iri" => &["https://example.com/a?b=c", "urn:example:a"],
        "uri-reference" | "iri-reference" => &["/a/b?c#d", "https://example.com/"],
        "uri-template" => &["https://example.com/{id}", "/a"],
        "uuid" => &[
            "00000000-0000-4000-8000-000000000000",
            "6fa459ea-ee8a-4ca4-894e-db77e160355e",
        ],
        "json-pointer" => &["/a/0", ""],
        "relative-json-pointer" => &["0", "1/a"],
        "regex" => &["^a+$", "[0-9]"],
        _ => &[],
    }
}
