use std::{collections::HashMap, fmt::Display, str::FromStr, sync::LazyLock};

use cucumber::{
    codegen::{self, inventory},
    gherkin,
    step::{Context, Location},
};
use cucumber_expressions::Expression;
use regex::Regex;

use crate::harness::{World, pickle::StepKind};

/// A step of the vocabulary, as its attribute registers it.
#[doc(hidden)]
pub struct BuiltinStep {
    pub kind: StepKind,
    pub expression: &'static str,
    pub location: Location,
    pub run: cucumber::Step<World>,
}

inventory::collect!(BuiltinStep);

/// A parameter type of the vocabulary, in addition to Cucumber's own.
#[doc(hidden)]
pub struct ParameterType {
    name: &'static str,
    regex: &'static str,
}

inventory::collect!(ParameterType);

impl ParameterType {
    pub(crate) const fn of<P: codegen::Parameter>() -> Self {
        Self {
            name: P::NAME,
            regex: P::REGEX,
        }
    }
}

/// The regex of an expression of the vocabulary.
pub(super) fn compile(expression: &str) -> Result<Regex, String> {
    static PARAMETERS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let types = inventory::iter::<ParameterType>.into_iter();
        types.map(|ty| (ty.name, ty.regex)).collect()
    });
    Expression::regex_with_parameters(expression, &*PARAMETERS).map_err(|error| error.to_string())
}

/// The arguments of a step, in order.
#[doc(hidden)]
pub struct Arguments<'a> {
    captured: &'a [(Option<String>, String)],
}

impl<'a> Arguments<'a> {
    pub fn new(context: &'a Context) -> Self {
        Self {
            captured: context.matches.get(1..).unwrap_or_default(),
        }
    }

    /// The next argument.
    ///
    /// # Panics
    ///
    /// If it is missing or cannot be parsed, which fails the step.
    #[track_caller]
    pub fn next<T: FromStr>(&mut self, name: &str) -> T {
        match self.next_text().map(T::from_str) {
            Some(Ok(argument)) => argument,
            Some(Err(_)) => panic!("{name:?} is not a valid {}", short_name::<T>()),
            None => panic!("the expression has no parameter for {name:?}"),
        }
    }

    /// The text captured by the next parameter. The groups of a parameter with several, only one of
    /// which matches, share a prefix: `__0_0` and `__0_1`.
    fn next_text(&mut self) -> Option<&'a str> {
        let ((name, text), mut rest) = self.captured.split_first()?;
        let mut text = text.as_str();
        if let Some(prefix) = name.as_deref().and_then(prefix) {
            while let Some(((Some(name), other), others)) = rest.split_first()
                && name.starts_with(prefix)
            {
                if text.is_empty() {
                    text = other;
                }
                rest = others;
            }
        }
        self.captured = rest;
        Some(text)
    }
}

/// The parameters of a phrase of the vocabulary, in order: each one's type, and its text without quotes.
pub(super) fn parameters(
    expression: &'static str,
    context: &Context,
) -> Vec<(&'static str, String)> {
    let mut arguments = Arguments::new(context);
    let types = expression.split('{').skip(1);
    let types = types.filter_map(|rest| Some(rest.split_once('}')?.0));
    types
        .map(|ty| {
            let text = arguments.next_text().unwrap_or_default();
            (ty, text.trim_matches('"').to_owned())
        })
        .collect()
}

/// `__0_` of `__0_1`.
fn prefix(name: &str) -> Option<&str> {
    let end = name.strip_prefix("__")?.find('_')?;
    Some(&name[..end + 3])
}

fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

/// Refuses the doc string or table of a step whose phrase has no use for it.
///
/// # Panics
///
/// If there is one, which fails the step: it was meant for something, and would be ignored.
#[doc(hidden)]
#[track_caller]
pub fn refuse_argument(step: &gherkin::Step, expression: &str) {
    let what = match (&step.docstring, &step.table) {
        (Some(_), _) => "doc string",
        (_, Some(_)) => "table",
        (None, None) => return,
    };
    let takes_one = |step: &&BuiltinStep| {
        step.expression.starts_with(expression) && step.expression.ends_with(':')
    };
    let mut others = inventory::iter::<BuiltinStep>.into_iter();
    let meant = match others.find(takes_one) {
        Some(other) => format!("did you mean `{}`?", other.expression),
        None => "leave it out".to_owned(),
    };
    panic!("the step takes no {what} and would ignore the one below it: {meant}");
}

/// Ends a step: a panic with the error's message fails it.
#[doc(hidden)]
#[track_caller]
pub fn pass_or_panic<E: Display>(result: Result<(), E>) {
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_of_the_vocabulary_compiles() {
        for step in inventory::iter::<BuiltinStep> {
            let compiled = compile(step.expression);
            assert!(compiled.is_ok(), "{:?}: {compiled:?}", step.expression);
        }
    }

    #[test]
    fn groups_of_a_parameter_count_as_one_argument() {
        let regex = compile("{string} is {int} or {string}").unwrap();
        let text = "'a' is 3 or \"\"";
        let captures = regex.captures(text).unwrap();
        let names = regex.capture_names().map(|name| name.map(str::to_owned));
        let values = captures
            .iter()
            .map(|group| group.map_or("", |group| group.as_str()).to_owned());
        let captured: Vec<_> = names.zip(values).collect();
        let mut arguments = Arguments {
            captured: &captured[1..],
        };
        assert_eq!(arguments.next::<String>("first"), "a");
        assert_eq!(arguments.next::<u8>("second"), 3);
        assert_eq!(arguments.next::<String>("third"), "");
        assert_eq!(arguments.next_text(), None);
    }
}
