use std::{convert::Infallible, str::FromStr, time::Duration};

use cucumber::{Parameter, codegen::inventory, gherkin};

use serde::de::DeserializeOwned;

use crate::{
    domain::{CallName, CallNameError, DurationError, from_json, parse_duration},
    harness::{ParameterType, World},
};

/// `{call}`: a quoted `"Service.operation"`.
///
/// What is between the quotes is checked in the step, where a message can be given.
#[derive(Clone, Debug, Parameter)]
#[param(name = "call", regex = r#""[^"]*""#)]
pub struct Call(Result<CallName, CallNameError>);

inventory::submit!(ParameterType::of::<Call>());

impl Call {
    /// The name.
    ///
    /// # Errors
    ///
    /// If the text names no call.
    pub fn name(self) -> Result<CallName, CallNameError> {
        self.0
    }
}

impl FromStr for Call {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim_matches('"').parse()))
    }
}

/// `{duration}`: `150 ms`, `2 s`, `5 min`, `24 h`.
#[derive(Clone, Debug, Parameter)]
#[param(name = "duration", regex = r"-?\d+(?:\.\d+)? ?[a-zµ]+")]
pub struct Span(Result<Duration, DurationError>);

inventory::submit!(ParameterType::of::<Span>());

impl Span {
    /// The duration.
    ///
    /// # Errors
    ///
    /// If it is negative, absurdly long, finer than a millisecond, or has no known unit.
    pub fn value(self) -> Result<Duration, DurationError> {
        self.0
    }
}

impl FromStr for Span {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(parse_duration(text)))
    }
}

/// `{count}`: a whole number that is not negative, written as `{int}` is.
#[derive(Clone, Debug, Parameter)]
#[param(name = "count", regex = r"-?\d+")]
pub struct Count(Result<u32, String>);

inventory::submit!(ParameterType::of::<Count>());

impl Count {
    /// The number.
    ///
    /// # Errors
    ///
    /// If it is negative or larger than a 32-bit number.
    pub fn value(self) -> Result<u32, String> {
        self.0
    }
}

impl FromStr for Count {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("{text} is no count, expected a whole number from 0 on");
        Ok(Self(text.parse().map_err(|_| refused())))
    }
}

/// The JSON in the step's doc string.
pub(super) fn json<T: DeserializeOwned>(world: &World, step: &gherkin::Step) -> Result<T, String> {
    let text = doc_string(step)?;
    from_json(text, &world.scenario().uri, first_line(step)).map_err(|error| error.to_string())
}

/// The line that the step's doc string begins on: two below the step, behind the opening quotes.
pub(super) fn first_line(step: &gherkin::Step) -> usize {
    step.position.line + 2
}

/// The step's doc string.
pub(super) fn doc_string(step: &gherkin::Step) -> Result<&str, String> {
    step.docstring
        .as_deref()
        .ok_or_else(|| "the step needs a doc string below it".to_owned())
}

/// The step's table, all rows.
pub(super) fn table(step: &gherkin::Step) -> Result<&[Vec<String>], String> {
    step.table
        .as_ref()
        .map(|table| table.rows.as_slice())
        .ok_or_else(|| "the step needs a table below it".to_owned())
}

/// The rows of the step's table behind its header, which must be as given.
pub(super) fn table_of<'a>(
    step: &'a gherkin::Step,
    header: &[&str],
) -> Result<&'a [Vec<String>], String> {
    match table(step)?.split_first() {
        Some((found, rows)) if found == header => Ok(rows),
        Some((found, _)) => Err(format!(
            "the table has the columns | {} |, expected | {} |",
            found.join(" | "),
            header.join(" | ")
        )),
        None => Err("the table is empty".to_owned()),
    }
}

/// The step's table of one column, without a header.
pub(super) fn column(step: &gherkin::Step) -> Result<Vec<&str>, String> {
    table(step)?
        .iter()
        .map(|row| match row.as_slice() {
            [cell] => Ok(cell.as_str()),
            row => Err(format!("the table has {} columns, expected one", row.len())),
        })
        .collect()
}
