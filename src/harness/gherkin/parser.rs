use super::{
    doc_strings::{doc_string, opening_quotes},
    faults::GherkinFault,
    keywords::{Dialect, ENGLISH, Title},
    lines::{SourceLine, SourceLines},
    position::{Above, LinePosition},
    rows::cells,
    tags::tags,
    tree::{Examples, Feature, Row, Scenario, Section, Tag},
};
use crate::{
    domain::nearest,
    harness::pickle::{PickleStep, StepKind},
};

/// Reads the feature of a file, if there is one, as the official parser does.
///
/// It is stricter where that one loses text: text after the last
/// `|` of a row, text on the line of a doc string's opening quotes, and an
/// invisible character in place of the space after a keyword are refused.
pub(super) fn parse(text: &str) -> Result<Option<Feature<'_>>, GherkinFault> {
    let mut parser = Parser {
        lines: SourceLines::new(text),
        dialect: &ENGLISH,
        has_language: false,
        name: "",
        sections: Vec::new(),
        position: LinePosition::START,
        kind: StepKind::Given,
        tags: Vec::new(),
        block_start: None,
    };
    let mut last_tags = None;
    while let Some(line) = parser.lines.next() {
        parser.line(line)?;
        if line.text.starts_with('@') {
            last_tags = Some(line);
        }
    }
    if let Some(line) = last_tags.filter(|_| parser.position.is_tagged) {
        let expected = parser.position.expected(parser.dialect);
        let message = format!("the file ends here, expected {expected}");
        return Err(GherkinFault::on_line(line, message, "nothing follows"));
    }
    parser.close(parser.lines.count_read() + 1);
    Ok(parser.position.block.map(|_| Feature {
        name: parser.name,
        sections: parser.sections,
    }))
}

struct Parser<'a> {
    lines: SourceLines<'a>,
    dialect: &'static Dialect,
    has_language: bool,
    /// The feature's name.
    name: &'a str,
    sections: Vec<Section<'a>>,
    position: LinePosition,
    /// The kind of the step above, which `And` continues.
    kind: StepKind,
    /// Tags of the title to come.
    tags: Vec<Tag<'a>>,
    /// The first line of the tags and comments directly above.
    block_start: Option<usize>,
}

impl<'a> Parser<'a> {
    fn line(&mut self, line: SourceLine<'a>) -> Result<(), GherkinFault> {
        let is_read = match line.text.as_bytes().first() {
            None => {
                if !self.position.is_tagged {
                    self.block_start = None;
                }
                return Ok(());
            }
            Some(b'#') => {
                self.block_start.get_or_insert(line.number);
                return self.comment(line);
            }
            Some(b'@') => {
                self.block_start.get_or_insert(line.number);
                self.tags.extend(tags(line)?);
                self.position.is_tagged = true;
                return Ok(());
            }
            Some(b'|') => self.row(line)?,
            Some(b'"' | b'`') => self.doc_string(line)?,
            Some(_) => self.step(line) || self.title(line),
        };
        self.block_start = None;
        if is_read {
            return Ok(());
        }
        self.description(line)
    }

    fn comment(&mut self, line: SourceLine) -> Result<(), GherkinFault> {
        let is_head =
            self.position.block.is_none() && !self.position.is_tagged && !self.has_language;
        if is_head && let Some(code) = language(line.text) {
            self.has_language = true;
            self.dialect = Dialect::find(code).map_err(|meant| {
                let message = format!(
                    "the language \"{code}\" is not known, \
                     expected a code such as \"en\" or \"de\""
                );
                GherkinFault::on_line(line, message, "this language").did_you_mean(meant)
            })?;
        }
        Ok(())
    }

    fn title(&mut self, line: SourceLine<'a>) -> bool {
        let Some((title, name)) = self.dialect.title(line.text) else {
            return false;
        };
        if !self.position.accepts(title) {
            return false;
        }
        let start = self.block_start.unwrap_or(line.number);
        let tags = std::mem::take(&mut self.tags);
        if matches!(title, Title::Rule | Title::Scenario | Title::Examples) {
            self.close(start);
        }
        if matches!(title, Title::Background | Title::Scenario) {
            self.kind = self.inherited_kind();
        }
        match title {
            Title::Feature => {
                self.name = name;
                self.sections.push(Section::new(None, tags, 1));
            }
            Title::Rule => self.sections.push(Section::new(Some(name), tags, start)),
            Title::Background => {}
            Title::Scenario => {
                if let Some(section) = self.sections.last_mut() {
                    let mut scenario = Scenario::new(name, tags, line.number, start);
                    scenario.is_outline = self.dialect.is_outline(line.text);
                    section.scenarios.push(scenario);
                }
            }
            Title::Examples => {
                if let Some(outline) = self.scenario() {
                    outline.examples.push(Examples::new(tags, start));
                }
            }
        }
        self.position = LinePosition {
            block: Some(title),
            ..LinePosition::START
        };
        true
    }

    fn step(&mut self, line: SourceLine<'a>) -> bool {
        if !self.position.accepts_step() {
            return false;
        }
        let Some(found) = self.dialect.step(line.text) else {
            return false;
        };
        let kind = found.kind.unwrap_or(self.kind);
        if let Some(steps) = self.steps() {
            steps.push(PickleStep {
                keyword: found.keyword.to_owned(),
                kind,
                text: found.text.to_owned(),
                line: line.number,
                doc_string: None,
                table: None,
            });
        }
        self.kind = kind;
        self.position.above = Above::Step;
        true
    }

    fn row(&mut self, line: SourceLine<'a>) -> Result<bool, GherkinFault> {
        let Some(above) = self.position.after_row() else {
            return Ok(false);
        };
        let Some(cells) = cells(line.text) else {
            let message = "the row is not closed, expected a \"|\" at its end";
            return Err(GherkinFault::on_line(line, message, "this row"));
        };
        self.position.above = above;
        let found = cells.len();
        match self.add_row(line.number, cells) {
            Some(expected) if expected != found => {
                let s = if found == 1 { "" } else { "s" };
                let message = format!(
                    "the row has {found} cell{s}, expected {expected}, as in the table's first row"
                );
                Err(GherkinFault::on_line(line, message, "this row"))
            }
            _ => Ok(true),
        }
    }

    /// Adds a row to the table of the examples or of the last step, and counts the cells of its first.
    fn add_row(&mut self, line: usize, cells: Vec<String>) -> Option<usize> {
        if self.position.block == Some(Title::Examples) {
            let rows = &mut self.scenario()?.examples.last_mut()?.rows;
            rows.push(Row { line, cells });
            return Some(rows[0].cells.len());
        }
        let table = &mut self.steps()?.last_mut()?.table;
        let rows = table.get_or_insert_default();
        rows.push(cells);
        Some(rows[0].len())
    }

    fn doc_string(&mut self, line: SourceLine<'a>) -> Result<bool, GherkinFault> {
        let Some(quotes) = opening_quotes(line) else {
            return Ok(false);
        };
        let Some(above) = self.position.after_doc_string() else {
            return Ok(false);
        };
        self.position.above = above;
        let doc_string = doc_string(line, quotes, &mut self.lines)?;
        if let Some(step) = self.steps().and_then(|steps| steps.last_mut()) {
            step.doc_string = Some(doc_string);
        }
        Ok(true)
    }

    /// Takes a line as part of a description, where one is allowed.
    fn description(&self, line: SourceLine) -> Result<(), GherkinFault> {
        if self.position.accepts_step()
            && let Some((keyword, found)) = self.dialect.step_without_space(line.text)
        {
            let code = u32::from(found);
            let name = match found {
                '\u{a0}' => " (no-break space)",
                '\u{200b}' => " (zero-width space)",
                _ => "",
            };
            let message = format!("expected a space after \"{keyword}\", found U+{code:04X}{name}");
            let span = (line.text_start() + keyword.len(), found.len_utf8());
            return Err(GherkinFault::new(span, message, "this character"));
        }
        if self.position.accepts_description() {
            return Ok(());
        }
        let found = line.text.trim_end();
        let word = match found.split_once(':') {
            Some((word, _)) => format!("{word}:"),
            None => found
                .split(char::is_whitespace)
                .next()
                .unwrap_or(found)
                .to_owned(),
        };
        let keywords = self.dialect.all_keywords();
        let meant = nearest(&word, keywords.iter().map(String::as_str));
        let expected = self.position.expected(self.dialect);
        let message = format!("expected {expected}, found \"{found}\"");
        Err(GherkinFault::on_line(line, message, "not expected here")
            .did_you_mean(meant.filter(|meant| *meant != word)))
    }

    /// Ends what is open above a line.
    fn close(&mut self, line: usize) {
        let Some(section) = self.sections.last_mut() else {
            return;
        };
        let Some(scenario) = section.scenarios.last_mut() else {
            section.head.end = line;
            return;
        };
        scenario.lines.end = line;
        if let Some(examples) = scenario.examples.last_mut() {
            examples.lines.end = line;
        }
    }

    /// The kind of the last step of the backgrounds.
    fn inherited_kind(&self) -> StepKind {
        let sections = [self.sections.last(), self.sections.first()];
        let mut backgrounds = sections.into_iter().flatten();
        let last = backgrounds.find_map(|section| section.background.last());
        last.map_or(StepKind::Given, |step| step.kind)
    }

    fn scenario(&mut self) -> Option<&mut Scenario<'a>> {
        self.sections.last_mut()?.scenarios.last_mut()
    }

    fn steps(&mut self) -> Option<&mut Vec<PickleStep>> {
        match self.position.block? {
            Title::Background => Some(&mut self.sections.last_mut()?.background),
            _ => Some(&mut self.scenario()?.steps),
        }
    }
}

/// The code in a comment such as `# language: de`.
fn language(comment: &str) -> Option<&str> {
    let rest = comment.strip_prefix('#')?.trim_start();
    let rest = rest.strip_prefix("language")?.trim_start();
    let code = rest.strip_prefix(':')?.trim();
    let is_code = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    (!code.is_empty() && code.bytes().all(is_code)).then_some(code)
}
