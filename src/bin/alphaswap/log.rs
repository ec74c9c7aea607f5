//! What the library says while it works.

/// The library's messages go to standard error; the variable `RUST_LOG` overrules `-v`.
pub fn start(verbose: u8) {
    let level = ["alphaswap=warn", "alphaswap=info", "alphaswap=debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
