//! `alphaswap-train`: makes the models that the filter runs.

mod import;
#[path = "../alphaswap/interrupt.rs"]
mod interrupt;
mod prepare;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes the models that alphaswap runs.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(import::Args),
    Prepare(prepare::Args),
}

fn main() -> ExitCode {
    interrupt::exit_code(match Cli::parse().command {
        Command::Import(args) => import::run(&args),
        Command::Prepare(args) => prepare::run(&args),
    })
}
