use std::time::Duration;

use crate::domain::{DurationError, parse_duration};

/// The runner options among a scenario's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagOptions {
    /// `@retry`, `@retry(3)`, `@retry(3).after(1s)`: run again after a failure.
    pub retry: Option<RetryTag>,
    /// `@serial`: runs while no other scenario does.
    pub serial: bool,
    /// `@wall-clock`: runs in real time.
    pub wall_clock: bool,
    /// `@wip`: not run, reported as pending.
    pub wip: bool,
    /// `@allow-unused`: a fault may stay unused.
    pub allow_unused: bool,
}

/// The options of a `@retry` tag; those it leaves out come from the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryTag {
    /// How often to run again at most.
    pub retries: Option<u32>,
    /// How long to wait before each retry.
    pub after: Option<Duration>,
}

/// A tag of the runner with options that are not valid.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the tag \"@{tag}\" is not valid: {reason}")]
pub struct TagError {
    /// The tag, without `@`.
    pub tag: String,
    reason: String,
}

/// From this length on, one wrong letter is a typo and hardly another word.
const LONG: usize = 8;

impl TagOptions {
    /// The tags of the runner, without their options.
    pub const NAMES: [&str; 5] = ["retry", "serial", "wall-clock", "wip", "allow-unused"];

    /// Reads the options among a scenario's tags, given without `@`.
    ///
    /// Of two `@retry` tags the later one counts, which is closer to the scenario.
    ///
    /// # Errors
    ///
    /// If a tag of the runner has options that it does not take, or is written otherwise: `@wallclock`.
    pub fn parse(tags: &[String]) -> Result<Self, TagError> {
        let mut options = Self::default();
        for tag in tags {
            let name = tag.split('(').next().unwrap_or(tag);
            let has_options = name.len() < tag.len();
            let fault = |reason: String| TagError {
                tag: tag.clone(),
                reason,
            };
            if name == "retry" || name.starts_with("retry.") && has_options {
                options.retry = Some(RetryTag::parse(&tag["retry".len()..]).map_err(fault)?);
            } else if Self::NAMES.contains(&name) && has_options {
                return Err(fault(format!("expected \"@{name}\" without options")));
            } else if let Some(meant) = misspelt(name) {
                return Err(fault(format!("did you mean \"@{meant}\"?")));
            }
            match name {
                "serial" => options.serial = true,
                "wall-clock" => options.wall_clock = true,
                "wip" => options.wip = true,
                "allow-unused" => options.allow_unused = true,
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The tag of the runner that another one must be meant for.
fn misspelt(name: &str) -> Option<&'static str> {
    let mut names = TagOptions::NAMES.into_iter();
    names.find(|own| {
        let has_typo = own.len() >= LONG
            && own.len().abs_diff(name.len()) <= 1
            && strsim::damerau_levenshtein(own, name) == 1;
        *own != name && (has_typo || letters(own).eq(letters(name)))
    })
}

/// What is left of a tag if its case and its hyphens do not count.
fn letters(tag: &str) -> impl Iterator<Item = char> {
    let letters = tag.chars().filter(|c| c.is_alphanumeric());
    letters.map(|c| c.to_ascii_lowercase())
}

impl RetryTag {
    fn parse(options: &str) -> Result<Self, String> {
        let shape = || {
            "expected \"@retry\", \"@retry(3)\", \"@retry(3).after(1s)\" or \"@retry.after(1s)\""
                .to_owned()
        };
        let mut rest = options;
        let mut retry = Self::default();
        if let Some(open) = rest.strip_prefix('(') {
            let (count, after) = open.split_once(')').ok_or_else(shape)?;
            retry.retries = Some(count.parse().map_err(|_| {
                format!("\"{count}\" is not a valid number of retries, expected one such as 3")
            })?);
            rest = after;
        }
        if let Some(open) = rest.strip_prefix(".after(") {
            let (after, end) = open.split_once(')').ok_or_else(shape)?;
            let after = parse_duration(after).map_err(|error: DurationError| error.to_string())?;
            retry.after = Some(after);
            rest = end;
        }
        if rest.is_empty() {
            Ok(retry)
        } else {
            Err(shape())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tags: &[&str]) -> Result<TagOptions, TagError> {
        TagOptions::parse(&tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_from_tags_and_other_tags_are_ignored() {
        let options = parse(&["retry", "retry(3).after(1s)", "serial", "wips", "retry.me"]);
        let retry = RetryTag {
            retries: Some(3),
            after: Some(Duration::from_secs(1)),
        };
        assert_eq!(
            options.unwrap(),
            TagOptions {
                retry: Some(retry),
                serial: true,
                ..TagOptions::default()
            }
        );
    }

    #[test]
    fn malformed_options_are_refused() {
        for tag in [
            "retry(x)",
            "retry()",
            "retry(-1)",
            "retry(3",
            "retry(3)after(1s)",
            "retry(3).after(soon)",
            "retry(3).after(1s)x",
            "retry.before(1s)",
            "serial(2)",
            "wallclock",
            "wall_clock",
            "Serial",
            "WIP",
            "allow-unsued",
            "wal-clock",
        ] {
            assert!(parse(&[tag]).is_err(), "{tag}");
        }
    }
}
