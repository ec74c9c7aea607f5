//! Matrix units: which cooperative matrices an adapter multiplies.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;
use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, Features};

/// Square fragments of 16-bit factors and 32-bit sums that the invocations of a subgroup multiply together
/// (VK_KHR_cooperative_matrix).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixUnits {
    /// Rows and columns of a fragment: 16 or 8.
    pub fragment: u32,
    /// Invocations of the widest subgroup.
    pub lanes: u32,
}

impl MatrixUnits {
    /// What a device must be opened with.
    pub(super) const FEATURES: Features =
        Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SHADER_F16).union(Features::SUBGROUP);

    /// The units of `adapter` with the largest fragments, if there is a kernel for them.
    pub(super) fn of(adapter: &wgpu::Adapter) -> Option<Self> {
        // Fragments are loaded from vectors, which naga cannot write for Metal.
        let vulkan = adapter.get_info().backend == wgpu::Backend::Vulkan;
        let able = vulkan && adapter.features().contains(Self::FEATURES);
        let fragment = able.then(|| fragment(&adapter.cooperative_matrix_properties())).flatten()?;
        Some(Self { fragment, lanes: adapter.get_info().subgroup_max_size }).filter(|units| units.product().is_some())
    }

    /// The matrix product for these units; none for a width of subgroups that no adapter is known to have.
    pub fn product(&self) -> Option<&'static Shader> {
        match (self.fragment, self.lanes) {
            (16, 32) => Some(&shaders::CONV_MATRIX),
            (16, 64) => Some(&shaders::CONV_MATRIX_WIDE),
            // Mesa's software adapter.
            (8, 8) => Some(&shaders::CONV_MATRIX_8),
            _ => None,
        }
    }
}

/// Side of the largest fragment among `offered` that the kernels can use.
fn fragment(offered: &[CooperativeMatrixProperties]) -> Option<u32> {
    let usable = |p: &&CooperativeMatrixProperties| {
        let square = [p.n_size, p.k_size] == [p.m_size; 2];
        square && (p.ab_type, p.cr_type) == (CooperativeScalarType::F16, CooperativeScalarType::F32)
    };
    offered.iter().filter(usable).map(|p| p.m_size).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_square_of_16_bit_factors_and_32_bit_sums_is_taken() {
        use CooperativeScalarType::{F16, F32};
        let offer = |[m_size, n_size, k_size]: [u32; 3], ab_type, cr_type| CooperativeMatrixProperties {
            m_size,
            n_size,
            k_size,
            ab_type,
            cr_type,
            saturating_accumulation: false,
        };
        let small = offer([8; 3], F16, F32);
        let others = [offer([16; 3], F16, F16), offer([16, 16, 8], F16, F32), offer([16; 3], F32, F32)];
        assert_eq!(fragment(&others), None);
        assert_eq!(fragment(&[&others[..], &[small]].concat()), Some(8));
        assert_eq!(fragment(&[small, offer([16; 3], F16, F32)]), Some(16));
    }
}
