//! Uniform structs shared with WGSL, with their layout for the test that compares both sides.

/// Declares a `#[repr(C)]` struct of 4-byte members and its `LAYOUT`.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name { $($(#[$about])* pub $field: $ty,)* }

        impl $name {
            /// The struct as Rust lays it out.
            pub const LAYOUT: alphaswap_shaders::Struct = alphaswap_shaders::Struct {
                name: stringify!($name),
                size: size_of::<Self>() as u32,
                members: &[$(alphaswap_shaders::Member {
                    name: stringify!($field),
                    offset: std::mem::offset_of!(Self, $field) as u32,
                    size: size_of::<$ty>() as u32,
                }),*],
            };
        }
    };
}
pub(crate) use params;

params! {
    /// Geometry of a convolution, in channels and pixels (shaders/shared/geometry.wgsl).
    ConvParams {
        /// Input channels.
        in_c: u32,
        /// Input rows.
        in_h: u32,
        /// Input columns.
        in_w: u32,
        /// Output channels.
        out_c: u32,
        /// Output rows.
        out_h: u32,
        /// Output columns.
        out_w: u32,
        /// Rows added above.
        pad_top: u32,
        /// Columns added to the left.
        pad_left: u32,
    }
}

params! {
    /// Geometry of a convolution and of the band of its output that a dispatch makes (shaders/shared/winograd.wgsl).
    WinogradParams {
        /// Input channels.
        in_c: u32,
        /// Input rows.
        in_h: u32,
        /// Input columns.
        in_w: u32,
        /// Output channels.
        out_c: u32,
        /// Output rows.
        out_h: u32,
        /// Output columns.
        out_w: u32,
        /// Rows added above.
        pad_top: u32,
        /// Columns added to the left.
        pad_left: u32,
        /// Input channels with their padding.
        fan: u32,
        /// Output channels with their padding.
        rows: u32,
        /// Tiles of 2 x 2 outputs of a band, with their padding.
        columns: u32,
        /// The band's first tile.
        first: u32,
    }
}

params! {
    /// Shapes of an operation's first input and output (shaders/shared/map.wgsl).
    MapParams {
        /// Input channels.
        in_c: u32,
        /// Input rows.
        in_h: u32,
        /// Input columns.
        in_w: u32,
        /// Output channels.
        out_c: u32,
        /// Output rows.
        out_h: u32,
        /// Output columns.
        out_w: u32,
        /// Block side, or first place in the output.
        extra: u32,
        /// Epsilon, or length of the result.
        factor: f32,
    }
}

/// Every uniform struct.
pub const LAYOUTS: &[&alphaswap_shaders::Struct] = &[
    &ConvParams::LAYOUT,
    &WinogradParams::LAYOUT,
    &MapParams::LAYOUT,
    &crate::path::gpu::planes::FrameParams::LAYOUT,
    &crate::path::gpu::mark::MarkParams::LAYOUT,
];
