//! What a caller may decide about a network's plan.

use super::ConvKernel;

/// How feature maps and the weights that meet them are stored. Sums, statistics, vectors and ports are f32 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats: half the memory traffic; needs [`Context::has_f16`](crate::gpu::Context::has_f16).
    F16Storage,
}

/// How a network is planned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How feature maps are stored.
    pub precision: Precision,
    /// Keeps every f32 value readable with [`Net::cut_point`](super::Net::cut_point): no buffer is shared.
    pub cut_points: bool,
    /// The kernel of every convolution that it can do, for debugging and tests; the rest gets plain kernels, since self-tests
    /// are not asked.
    pub force: Option<ConvKernel>,
}

impl Options {
    /// Maps stored as `precision`; the environment's `ALPHASWAP_KERNEL` may force a kernel by its name.
    pub fn new(precision: Precision) -> Self {
        let named = std::env::var("ALPHASWAP_KERNEL").ok().map(|name| name.parse());
        let force = named.and_then(|kernel| kernel.inspect_err(|e| tracing::warn!("ALPHASWAP_KERNEL: {e}")).ok());
        Self { precision, cut_points: false, force }
    }
}
