use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use serde::Deserialize;

use crate::{domain::nearest, harness::pickle::StepKind};

/// The keywords of all languages: `gherkin-languages.json` of
/// [cucumber/gherkin](https://github.com/cucumber/gherkin), under the MIT licence in `languages.LICENSE`.
const TABLE: &str = include_str!("languages.json");

type Words = Cow<'static, [&'static str]>;

/// The keywords of one language; those of steps include the space after them.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'static"))]
pub(super) struct Dialect {
    feature: Words,
    rule: Words,
    background: Words,
    scenario: Words,
    scenario_outline: Words,
    examples: Words,
    given: Words,
    when: Words,
    then: Words,
    and: Words,
    but: Words,
}

/// The language of files that name none. It is not read from the table, which takes milliseconds.
pub(super) static ENGLISH: Dialect = Dialect {
    feature: Cow::Borrowed(&["Feature", "Business Need", "Ability"]),
    rule: Cow::Borrowed(&["Rule"]),
    background: Cow::Borrowed(&["Background"]),
    scenario: Cow::Borrowed(&["Example", "Scenario"]),
    scenario_outline: Cow::Borrowed(&["Scenario Outline", "Scenario Template"]),
    examples: Cow::Borrowed(&["Examples", "Scenarios"]),
    given: Cow::Borrowed(&["* ", "Given "]),
    when: Cow::Borrowed(&["* ", "When "]),
    then: Cow::Borrowed(&["* ", "Then "]),
    and: Cow::Borrowed(&["* ", "And "]),
    but: Cow::Borrowed(&["* ", "But "]),
};

/// What a keyword with a colon begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Title {
    Feature,
    Rule,
    Background,
    Scenario,
    Examples,
}

/// A line that begins with the keyword of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepLine<'a> {
    pub keyword: &'a str,
    /// `None` for the kind of the step before.
    pub kind: Option<StepKind>,
    pub text: &'a str,
}

impl Dialect {
    /// The dialect with a code such as `de`, else the code that is probably meant.
    pub fn find(code: &str) -> Result<&'static Self, Option<&'static str>> {
        if code == "en" {
            return Ok(&ENGLISH);
        }
        let all = all();
        all.get(code).ok_or_else(|| {
            let wanted = code.replace('_', "-");
            let base = wanted.split('-').next().unwrap_or(&wanted);
            let mut codes: Vec<_> = all.keys().copied().collect();
            codes.sort_unstable();
            [&*wanted, base]
                .into_iter()
                .find_map(|like| codes.iter().find(|code| code.eq_ignore_ascii_case(like)))
                .copied()
                .or_else(|| nearest(code, codes.iter().copied()))
        })
    }

    /// The title that a line begins with, and the text after its colon.
    pub fn title<'a>(&self, line: &'a str) -> Option<(Title, &'a str)> {
        let (word, text) = line.split_once(':')?;
        for (words, title) in self.titles() {
            for keyword in words.iter() {
                if *keyword == word {
                    return Some((title, text.trim()));
                }
            }
        }
        None
    }

    /// Whether a line begins with the keyword of an outline.
    pub fn is_outline(&self, line: &str) -> bool {
        line.split_once(':')
            .is_some_and(|(word, _)| self.scenario_outline.contains(&word))
    }

    /// A line as a step, with the longest keyword that it begins with.
    pub fn step<'a>(&self, line: &'a str) -> Option<StepLine<'a>> {
        let first = line.as_bytes().first();
        let mut found = None;
        let mut longest = 0;
        for (words, kind) in self.steps() {
            for keyword in words.iter() {
                if keyword.as_bytes().first() == first
                    && keyword.len() > longest
                    && begins_with(line, keyword)
                {
                    longest = keyword.len();
                    found = Some(kind);
                }
            }
        }
        let (keyword, text) = line.split_at(longest);
        found.map(|kind| StepLine {
            keyword: keyword.trim_end(),
            kind,
            text: text.trim(),
        })
    }

    /// A step's keyword that an invisible character follows in place of a space.
    pub fn step_without_space<'a>(&self, line: &'a str) -> Option<(&'a str, char)> {
        let mut words = self.steps().into_iter().flat_map(|(words, _)| words.iter());
        words.find_map(|keyword| {
            let after = line.strip_prefix(keyword.strip_suffix(' ')?)?;
            let next = after.chars().next()?;
            let invisible = next.is_whitespace()
                || next.is_control()
                || matches!(
                    next,
                    '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
                );
            invisible.then(|| (&line[..line.len() - after.len()], next))
        })
    }

    /// The most common keyword for a title, with its colon.
    pub fn usual(&self, title: Title) -> String {
        let word = match title {
            Title::Feature => self.feature.first(),
            Title::Rule => self.rule.first(),
            Title::Background => self.background.first(),
            // The first is the word for "Example".
            Title::Scenario => self.scenario.last(),
            Title::Examples => self.examples.first(),
        };
        format!("{}:", word.unwrap_or(&""))
    }

    /// One keyword for each kind of step, and `*`.
    pub fn usual_steps(&self) -> String {
        let usual = [&self.given, &self.when, &self.then, &self.and, &self.but].map(|words| {
            let mut words = words.iter().map(|word| word.trim_end());
            words.find(|word| *word != "*").unwrap_or_default()
        });
        format!("{} or *", usual.join(", "))
    }

    /// All keywords as they are written at the beginning of a line.
    pub fn all_keywords(&self) -> Vec<String> {
        let titles = self.titles().into_iter();
        let titles = titles.flat_map(|(words, _)| words.iter().map(|word| format!("{word}:")));
        let steps = self.steps().into_iter().flat_map(|(words, _)| words.iter());
        titles
            .chain(steps.map(|word| word.trim_end().to_owned()))
            .collect()
    }

    fn titles(&self) -> [(&Words, Title); 6] {
        [
            (&self.scenario, Title::Scenario),
            (&self.scenario_outline, Title::Scenario),
            (&self.examples, Title::Examples),
            (&self.background, Title::Background),
            (&self.rule, Title::Rule),
            (&self.feature, Title::Feature),
        ]
    }

    /// `And` and `But` come first: `*` is among the words of all kinds, and has the kind of the step before.
    fn steps(&self) -> [(&Words, Option<StepKind>); 5] {
        [
            (&self.and, None),
            (&self.but, None),
            (&self.given, Some(StepKind::Given)),
            (&self.when, Some(StepKind::When)),
            (&self.then, Some(StepKind::Then)),
        ]
    }
}

/// A tab counts as the space of a keyword.
fn begins_with(line: &str, keyword: &str) -> bool {
    match keyword.strip_suffix(' ') {
        Some(bare) => {
            line.starts_with(bare) && matches!(line.as_bytes().get(bare.len()), Some(b' ' | b'\t'))
        }
        None => line.starts_with(keyword),
    }
}

fn all() -> &'static HashMap<&'static str, Dialect> {
    static ALL: OnceLock<HashMap<&'static str, Dialect>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(TABLE).expect("a test reads all of the embedded table"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_equals_its_entry_in_the_table() {
        assert_eq!(all()["en"], ENGLISH);
    }

    #[test]
    fn every_keyword_of_every_language_is_recognised() {
        assert_eq!(all().len(), 80);
        for (code, dialect) in all() {
            for (words, title) in dialect.titles() {
                for word in words.iter() {
                    let line = format!("{word}: a");
                    assert_eq!(dialect.title(&line), Some((title, "a")), "{code}");
                }
            }
            for (words, kind) in dialect.steps() {
                for word in words.iter().filter(|word| **word != "* ") {
                    let line = format!("{word}a");
                    let step = dialect.step(&line).unwrap();
                    let expected = (word.trim_end(), kind, "a");
                    assert_eq!((step.keyword, step.kind, step.text), expected, "{code}");
                }
            }
        }
    }

    #[test]
    fn unknown_language_suggests_the_nearest_code() {
        for (code, meant) in [
            ("pt-br", Some("pt")),
            ("DE", Some("de")),
            ("en_GB", Some("en")),
            ("zh_cn", Some("zh-CN")),
            ("zh-cn", Some("zh-CN")),
            ("klingon", None),
        ] {
            assert_eq!(Dialect::find(code).unwrap_err(), meant, "{code}");
        }
    }
}
