//! The attributes `#[given]`, `#[when]` and `#[then]`, which register the step definitions of
//! `rehearsal` itself.
//!
//! They take a [Cucumber expression](https://github.com/cucumber/cucumber-expressions) and keep it
//! as it is written, to be compiled when a step first needs it. `cucumber`'s own attributes
//! generate a compiler for each expression with a custom parameter, which costs 0.5 MB of debug
//! information per step, and compile all of them when a process starts. Steps outside of
//! `rehearsal` use `cucumber`'s.

use proc_macro::{Delimiter, Literal, TokenStream, TokenTree};

/// Registers a step that sets up.
#[proc_macro_attribute]
pub fn given(expression: TokenStream, function: TokenStream) -> TokenStream {
    register("Given", expression, function)
}

/// Registers a step that acts.
#[proc_macro_attribute]
pub fn when(expression: TokenStream, function: TokenStream) -> TokenStream {
    register("When", expression, function)
}

/// Registers a step that checks.
#[proc_macro_attribute]
pub fn then(expression: TokenStream, function: TokenStream) -> TokenStream {
    register("Then", expression, function)
}

fn register(kind: &str, expression: TokenStream, function: TokenStream) -> TokenStream {
    let registered = literal(expression).and_then(|expression| {
        let signature = Signature::read(function.clone())?;
        signature.registration(kind, &expression)
    });
    let mut tokens = function;
    tokens.extend(registered.unwrap_or_else(|message| {
        format!("::core::compile_error!({message:?});")
            .parse()
            .expect("a macro call with one string is well-formed")
    }));
    tokens
}

fn literal(expression: TokenStream) -> Result<Literal, String> {
    match expression.into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Literal(literal)] => Ok(literal.clone()),
        _ => Err("expected one Cucumber expression as a string".to_owned()),
    }
}

/// The parts of a step function that its registration needs; reading them takes no full parser.
#[derive(Default)]
struct Signature {
    name: String,
    is_async: bool,
    is_fallible: bool,
    /// The names of the parameters after the world.
    parameters: Vec<String>,
}

impl Signature {
    fn read(function: TokenStream) -> Result<Self, String> {
        let mut signature = Self::default();
        let mut tokens = function.into_iter();
        for token in tokens.by_ref() {
            let TokenTree::Ident(word) = token else {
                continue;
            };
            match word.to_string().as_str() {
                "async" => signature.is_async = true,
                "fn" => break,
                _ => {}
            }
        }
        match (tokens.next(), tokens.next()) {
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(group)))
                if group.delimiter() == Delimiter::Parenthesis =>
            {
                signature.name = name.to_string();
                signature.parameters = parameters(group.stream()).skip(1).collect();
            }
            _ => return Err("expected a function without generic parameters".to_owned()),
        }
        signature.is_fallible =
            matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '-');
        Ok(signature)
    }

    fn registration(&self, kind: &str, expression: &Literal) -> Result<TokenStream, String> {
        let Self { name, .. } = self;
        let arguments: String = self
            .parameters
            .iter()
            .map(|parameter| match parameter.as_str() {
                "step" => ", &context.step".to_owned(),
                _ => format!(", arguments.next({parameter:?})"),
            })
            .collect();
        let read_arguments = match arguments.contains("arguments.next") {
            true => "let mut arguments = crate::harness::Arguments::new(&context);",
            false => "",
        };
        let check_argument = match self.parameters.iter().any(|parameter| parameter == "step") {
            true => String::new(),
            false => format!("crate::harness::refuse_argument(&context.step, {expression});"),
        };
        let awaited = if self.is_async { ".await" } else { "" };
        let check = match self.is_fallible {
            true => "crate::harness::pass_or_panic",
            false => "::core::convert::identity::<()>",
        };
        format!(
            "const _: () = {{
                fn run(
                    world: &mut crate::harness::World,
                    context: ::cucumber::step::Context,
                ) -> ::futures::future::LocalBoxFuture<'_, ()> {{
                    ::std::boxed::Box::pin(async move {{
                        {check_argument}
                        let _ = &context;
                        {read_arguments}
                        {check}({name}(world{arguments}){awaited})
                    }})
                }}
                ::cucumber::codegen::submit! {{
                    crate::harness::BuiltinStep {{
                        kind: crate::harness::pickle::StepKind::{kind},
                        expression: {expression},
                        location: ::cucumber::step::Location {{
                            path: ::core::file!(),
                            line: ::core::line!(),
                            column: ::core::column!(),
                        }},
                        run,
                    }}
                }}
            }};"
        )
        .parse()
        .map_err(|error| format!("the step cannot be registered: {error}"))
    }
}

/// The names of a function's parameters.
fn parameters(list: TokenStream) -> impl Iterator<Item = String> {
    let tokens: Vec<TokenTree> = list.into_iter().collect();
    let is = |index: usize, sign: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let mut names = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        // A name is followed by one colon; a path's segment by two.
        if let TokenTree::Ident(name) = token
            && is(index + 1, ':')
            && !is(index + 2, ':')
            && (index == 0 || !is(index - 1, ':'))
        {
            names.push(name.to_string());
        }
    }
    names.into_iter()
}
