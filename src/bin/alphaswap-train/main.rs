//! `alphaswap-train`: makes the models that the filter runs.

mod import;
#[path = "../alphaswap/interrupt.rs"]
mod interrupt;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What the shell sees when a run was interrupted: 128 plus the number of SIGINT.
const INTERRUPTED: u8 = 130;

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
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Import(args) => import::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            eprintln!("{}", interrupt::Interrupted);
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
