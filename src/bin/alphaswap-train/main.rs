//! `alphaswap-train`: makes the models that the filter runs.

mod caption;
mod eval;
mod export;
mod import;
#[path = "../alphaswap/interrupt.rs"]
mod interrupt;
#[path = "../alphaswap/log.rs"]
mod log;
mod prepare;
mod pseudo;
mod train;
mod train_clip;
mod train_pack;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes the models that alphaswap runs.
#[derive(Parser)]
#[command(name = "alphaswap-train", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more about what happens; twice for details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Caption(caption::Args),
    Eval(eval::Args),
    Export(export::Args),
    Import(import::Args),
    Pack(train_pack::PackArgs),
    Prepare(prepare::Args),
    Pseudo(pseudo::Args),
    Report(train::ReportArgs),
    Train(train::Args),
    TrainClip(train_clip::Args),
    Unpack(train_pack::UnpackArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.verbose);
    interrupt::exit_code(match cli.command {
        Command::Caption(args) => caption::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Pack(args) => train_pack::pack(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Pseudo(args) => pseudo::run(&args),
        Command::Report(args) => train::report(&args),
        Command::Train(args) => train::run(&args),
        Command::TrainClip(args) => train_clip::run(&args),
        Command::Unpack(args) => train_pack::unpack(&args),
    })
}
