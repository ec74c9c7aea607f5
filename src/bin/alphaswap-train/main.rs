//! `alphaswap-train`: makes the models that the filter runs.

fn main() {}
