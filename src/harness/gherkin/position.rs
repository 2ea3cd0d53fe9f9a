use super::keywords::{Dialect, Title};

/// Where in a feature a line is, which decides what it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinePosition {
    /// What the last title has begun; `None` above the feature.
    pub block: Option<Title>,
    pub above: Above,
    /// Tags are above whose title has not come yet.
    pub is_tagged: bool,
}

/// What is above a line, leaving out blank lines, comments and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// A title, with or without a description.
    Title,
    Step,
    Row {
        below_doc_string: bool,
    },
    DocString {
        below_table: bool,
    },
}

impl LinePosition {
    /// Above the feature.
    pub const START: Self = Self {
        block: None,
        above: Above::Title,
        is_tagged: false,
    };

    pub fn accepts(self, title: Title) -> bool {
        match (title, self.block) {
            (Title::Feature, block) => block.is_none(),
            (Title::Background, Some(Title::Feature | Title::Rule)) => !self.is_tagged,
            (Title::Rule | Title::Scenario, Some(_))
            | (Title::Examples, Some(Title::Scenario | Title::Examples)) => true,
            _ => false,
        }
    }

    pub fn accepts_description(self) -> bool {
        self.block.is_some() && self.above == Above::Title && !self.is_tagged
    }

    pub fn accepts_step(self) -> bool {
        matches!(self.block, Some(Title::Background | Title::Scenario)) && !self.is_tagged
    }

    /// What is above after a row, if one is accepted here.
    pub fn after_row(self) -> Option<Above> {
        match self.above {
            _ if self.is_tagged => None,
            Above::Title if self.block != Some(Title::Examples) => None,
            Above::Title | Above::Step => Some(Above::Row {
                below_doc_string: false,
            }),
            Above::Row { .. } => Some(self.above),
            Above::DocString { below_table } => (!below_table).then_some(Above::Row {
                below_doc_string: true,
            }),
        }
    }

    /// What is above after a doc string, if one is accepted here.
    pub fn after_doc_string(self) -> Option<Above> {
        match self.above {
            _ if !self.accepts_step() => None,
            Above::Step => Some(Above::DocString { below_table: false }),
            Above::Row { below_doc_string } => {
                (!below_doc_string).then_some(Above::DocString { below_table: true })
            }
            Above::Title | Above::DocString { .. } => None,
        }
    }

    /// What is expected, in the words of a language.
    pub fn expected(self, dialect: &Dialect) -> String {
        let mut expected = Vec::new();
        if self.accepts_step() {
            expected.push(format!("a step ({})", dialect.usual_steps()));
        }
        if self.after_row().is_some() {
            expected.push("a table row".to_owned());
        }
        if self.after_doc_string().is_some() {
            expected.push("a doc string".to_owned());
        }
        for title in [
            Title::Feature,
            Title::Background,
            Title::Examples,
            Title::Scenario,
            Title::Rule,
        ] {
            if self.accepts(title) {
                expected.push(format!("\"{}\"", dialect.usual(title)));
            }
        }
        let last = expected.pop().unwrap_or_default();
        let list = match expected.len() {
            0 => last,
            _ => format!("{} or {last}", expected.join(", ")),
        };
        match self.is_tagged {
            true => format!("what the tags belong to: {list}"),
            false => list,
        }
    }
}
