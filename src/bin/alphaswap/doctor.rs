//! stub
use anyhow::Result;
/// Stub.
#[derive(clap::Args)]
pub struct Args {}
/// Stub.
pub fn run(_: &Args) -> Result<()> {
    todo!()
}
