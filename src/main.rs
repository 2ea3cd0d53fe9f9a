//! The program `rehearsal`: runs features without a Rust project, and writes the first ones.

use std::{
    ffi::OsString,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use rehearsal::Suite;

const EXAMPLES: &str = "Examples:
  rehearsal new shop                          write a first feature into the folder `shop`
  rehearsal run                               run all in `features`
  rehearsal run features/order.feature:12     run one scenario
  rehearsal run acceptance --tags @smoke      run those in `acceptance` with a tag
  rehearsal run --help                        all options
  rehearsal mcp --dir .                       plan tasks and work on them, by an MCP client

Features are run in the folder that holds them: there, services are described in `fixtures/services`,
programs under test in `fixtures/systems`, and snapshots are kept in `tests/snapshots`.";

/// Acceptance tests for orchestrated services: features in Gherkin, services that are played, programs
/// that are started, killed and restarted.
#[derive(Parser)]
#[command(name = "rehearsal", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run features; the options are those of `cargo test --test cucumber --`
    #[command(disable_help_flag = true)]
    Run {
        /// Features and options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Write a first feature, and the service that it plays
    New {
        /// The folder to write into
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
    /// Let clients of the Model Context Protocol plan tasks and work on them
    ///
    /// The client is the one that started this program, on its standard streams, unless --http says where
    /// clients come to.
    Mcp {
        /// The folder of the tasks and of their artifacts
        #[arg(long = "dir", value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// The address on this machine to listen on, such as 127.0.0.1:7777; the tools are at /mcp there
        #[arg(long, value_name = "ADDR")]
        http: Option<SocketAddr>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { arguments } => run(arguments),
        Command::New { directory } => ended(
            write_first(&directory)
                .map_err(|error| io::Error::other(format!("{}: {error}", directory.display()))),
        ),
        Command::Mcp { directory, http } => ended(serve_mcp(&directory, http)),
    }
}

fn ended(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "mcp")]
fn serve_mcp(directory: &Path, http: Option<SocketAddr>) -> io::Result<()> {
    rehearsal::tasks::mcp::serve(directory, http)
}

#[cfg(not(feature = "mcp"))]
fn serve_mcp(_: &Path, _: Option<SocketAddr>) -> io::Result<()> {
    let message = "`rehearsal mcp` needs the Cargo feature `mcp`, which is off: build the program with \
                   `--features mcp`";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}

fn run(arguments: Vec<OsString>) -> ExitCode {
    let features = features(&arguments).unwrap_or_else(|| "features".to_owned());
    const COMMAND: &str = "rehearsal run";
    let is_new = arguments.is_empty() && !Path::new(&features).exists();
    let arguments = std::iter::once(COMMAND.into()).chain(arguments);
    let status = Suite::new(features).run_by(COMMAND).run(arguments);
    if is_new {
        eprintln!("`rehearsal new` writes a first one");
    }
    status
}

/// The folder or file of features that is named, unless it is in `features`.
fn features(arguments: &[OsString]) -> Option<String> {
    let path = arguments.iter().find_map(|argument| {
        let text = argument.to_str()?;
        let path = text
            .split_once(".feature:")
            .map_or_else(|| text.to_owned(), |(file, _)| format!("{file}.feature"));
        (!text.starts_with('-') && Path::new(&path).exists()).then_some(path)
    })?;
    (!Path::new(&path).starts_with("features")).then_some(path)
}

/// What `new` writes.
const FILES: [(&str, &str); 2] = [
    ("features/order.feature", include_str!("new/order.feature")),
    ("fixtures/services/shop.json", include_str!("new/shop.json")),
];

/// What it also writes into a Rust package.
const TARGET: (&str, &str) = (
    "tests/cucumber.rs",
    "fn main() -> std::process::ExitCode {\n    rehearsal::run(\"features\")\n}\n",
);

const MANIFEST: &str = r#"
Add this to Cargo.toml:

    [dev-dependencies]
    rehearsal = "0.1"    # or, until it is published, { path = "…" } or { git = "…" }

    [[test]]
    name = "cucumber"
    harness = false

and run `cargo test --test cucumber`."#;

/// Writes a first feature and what belongs to it; nothing that exists is overwritten.
fn write_first(directory: &Path) -> io::Result<()> {
    let is_package = directory.join("Cargo.toml").exists();
    let files = FILES.into_iter().chain(is_package.then_some(TARGET));
    for (path, text) in files {
        let file = directory.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file)
        {
            Ok(mut file) => {
                io::Write::write_all(&mut file, text.as_bytes())?;
                println!("wrote {path}");
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                println!("{path} exists, and is left as it is");
            }
            Err(error) => return Err(error),
        }
    }
    match is_package {
        true => println!("{MANIFEST}"),
        false if directory == Path::new(".") => println!("\nNow run `rehearsal run`."),
        false => println!("\nNow run `cd {} && rehearsal run`.", directory.display()),
    }
    Ok(())
}
