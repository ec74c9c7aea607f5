//! The command line tool `alphaswap`: one file per subcommand, and what several of them share.

mod bench;
mod consent;
mod contact_sheet;
mod container;
mod decode;
mod doctor;
mod enroll;
mod filter;
mod identity;
mod interrupt;
mod live;
mod log;
#[cfg_attr(not(feature = "c2pa"), path = "no_manifest.rs")]
mod manifest;
mod media;
mod net;
mod options;
mod output;
mod picture;
mod say;
mod swap;
mod transcode;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts the face of a person who agreed to it onto the faces of a video, live or recorded.
///
/// Make an identity file once from photos of that person (`alphaswap enroll`), then use it on recorded files
/// (`alphaswap swap`), on a camera (`alphaswap live`) or in any GStreamer pipeline (element `alphaswap`).
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more about what happens; twice for details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Enroll(enroll::Args),
    Swap(swap::Args),
    Live(live::Args),
    Verify(verify::Args),
    Identity(identity::Args),
    Doctor(doctor::Args),
    Bench(bench::Args),
    Net(net::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.verbose);
    let result = match cli.command {
        Command::Enroll(args) => enroll::run(&args),
        Command::Swap(args) => swap::run(&args),
        Command::Live(args) => live::run(&args),
        Command::Verify(args) => return verify::run(&args),
        Command::Identity(args) => identity::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Net(args) => net::run(&args),
    };
    interrupt::exit_code(result)
}
