use std::{convert::Infallible, str::FromStr, time::Duration};

use cucumber::{Parameter, codegen::inventory, gherkin};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::StepResult;
use crate::{
    domain::{CallName, CallNameError, DurationError, did_you_mean, from_json, parse_duration},
    harness::{ParameterType, World, compare_json, compare_paths},
};

/// `{call}`: a quoted `"Service.operation"`.
///
/// What is between the quotes is checked in the step, where a message can be given.
#[derive(Clone, Debug, Parameter)]
#[param(name = "call", regex = r#""[^"]*""#)]
pub struct CallParameter(Result<CallName, CallNameError>);

inventory::submit!(ParameterType::of::<CallParameter>());

impl CallParameter {
    /// The name.
    ///
    /// # Errors
    ///
    /// If the text is not the name of a call.
    pub fn name(self) -> Result<CallName, CallNameError> {
        self.0
    }
}

impl FromStr for CallParameter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim_matches('"').parse()))
    }
}

/// `{duration}`: `150 ms`, `2 s`, `5 min`, `24 h`, and as failures show it, `1 s 25 ms`.
#[derive(Clone, Debug, Parameter)]
#[param(
    name = "duration",
    regex = r"-?\d+(?:\.\d+)? ?[a-zµ]+(?: \d+ ?[a-zµ]+)*"
)]
pub struct DurationParameter(Result<Duration, DurationError>);

inventory::submit!(ParameterType::of::<DurationParameter>());

impl DurationParameter {
    /// The duration.
    ///
    /// # Errors
    ///
    /// If it is negative, absurdly long, finer than a millisecond, or has no known unit.
    pub fn value(self) -> Result<Duration, DurationError> {
        self.0
    }
}

impl FromStr for DurationParameter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(parse_duration(text)))
    }
}

/// `{count}`: a whole number that is not negative, written as `{int}` is.
#[derive(Clone, Debug, Parameter)]
#[param(name = "count", regex = r"-?\d+")]
pub struct CountParameter(Result<u32, String>);

inventory::submit!(ParameterType::of::<CountParameter>());

impl CountParameter {
    /// The number.
    ///
    /// # Errors
    ///
    /// If it is negative or larger than a 32-bit number.
    pub fn value(self) -> Result<u32, String> {
        self.0
    }
}

impl FromStr for CountParameter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("{text} is not a count, expected a whole number, 0 or more");
        Ok(Self(text.parse().map_err(|_| refused())))
    }
}

/// How often something is done, which is at least once.
pub(super) fn at_least_one(count: CountParameter, what: &str) -> Result<u32, String> {
    match count.value()? {
        0 => Err(format!("expected at least 1 {what}, found 0")),
        count => Ok(count),
    }
}

/// The JSON in the step's doc string.
pub(super) fn json<T: DeserializeOwned>(world: &World, step: &gherkin::Step) -> Result<T, String> {
    let text = doc_string(step)?;
    from_json(text, &world.scenario().uri, first_line(step)).map_err(|error| error.to_string())
}

/// The first line of the step's doc string: two below the step, after the opening quotes.
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

/// The header and the rows of the step's table; its columns must be among `columns`, unless that is
/// empty.
pub(super) fn header_and_rows<'a>(
    step: &'a gherkin::Step,
    columns: &[&str],
) -> Result<(&'a [String], &'a [Vec<String>]), String> {
    let (header, rows) = match table(step)?.split_first() {
        Some((header, rows)) if !rows.is_empty() => (header, rows),
        _ => return Err("the table needs a header and at least one row".to_owned()),
    };
    let known = |name: &String| columns.is_empty() || columns.contains(&name.as_str());
    match header.iter().find(|name| !known(name)) {
        Some(unknown) => {
            let hint = did_you_mean(unknown, columns.iter().copied());
            Err(format!("column {unknown:?} does not exist: {hint}"))
        }
        None => Ok((header, rows)),
    }
}

/// Checks values of `found`, by JSON Pointer, against the step's table of `path` and `value`.
pub(super) fn has_values(step: &gherkin::Step, found: &impl Serialize) -> StepResult {
    let rows = table_of(step, &["path", "value"])?;
    Ok(compare_paths(rows, &serde_json::to_value(found)?)?)
}

/// Checks that `found` is the JSON in the step's doc string.
pub(super) fn has_json(world: &World, step: &gherkin::Step, found: &impl Serialize) -> StepResult {
    let expected: Value = json(world, step)?;
    Ok(compare_json(&expected, &serde_json::to_value(found)?)?)
}

/// The rows of the step's table below its header, which must be as given.
pub(super) fn table_of<'a>(
    step: &'a gherkin::Step,
    header: &[&str],
) -> Result<&'a [Vec<String>], String> {
    match table(step)?.split_first() {
        Some((found, [])) if found == header => {
            Err("the table needs at least one row below its header".to_owned())
        }
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
