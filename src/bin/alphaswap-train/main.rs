//! `alphaswap-train`: makes the models that the filter runs.

mod eval;
mod export;
mod import;
#[path = "../alphaswap/interrupt.rs"]
mod interrupt;

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
    Eval(eval::Args),
    Export(export::Args),
    Import(import::Args),
}

fn main() -> ExitCode {
    interrupt::exit_code(match Cli::parse().command {
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
    })
}
