//! What stands in for `manifest` in builds without the feature `c2pa`: nothing is signed, and no manifest is read.

use std::path::Path;

use alphaswap::identity::Identity;
use alphaswap::marks::watermark::Payload;
use anyhow::Result;

use crate::verify::Layer;

/// No options.
#[derive(clap::Args)]
pub struct ManifestArgs {}

/// Nothing signs.
pub enum Signing {}

/// Never made.
pub enum Beside {}

/// None.
pub fn beside(_: &Path, _: &Path, _: bool, _: bool) -> Result<Option<Beside>> {
    Ok(None)
}

impl Beside {
    /// Never called.
    pub fn commit(self, _: Option<Vec<u8>>) -> Result<()> {
        match self {}
    }
}

impl ManifestArgs {
    /// None.
    pub fn signing(&self) -> Result<Option<Signing>> {
        Ok(None)
    }
}

impl Signing {
    /// Never called.
    pub fn sign(&self, _: [&Path; 3], _: &Identity, _: Payload) -> Result<Option<Vec<u8>>> {
        match *self {}
    }
}

/// What is said of every file.
pub const NONE: &str = "not looked for: this build has no feature c2pa";

/// None.
pub fn layer(_: &Path) -> Result<Option<Layer>> {
    Ok(None)
}
