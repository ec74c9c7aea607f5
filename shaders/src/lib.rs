//! The WGSL kernels of `alphaswap`: composed, validated and reflected at build time from the folders beside this
//! crate's `permutations.txt`. Nothing here depends on a graphics library.

#![warn(missing_docs)]

/// A validated compute shader with one entry point, `main`.
#[derive(Debug)]
pub struct Shader {
    /// Name of the permutation.
    pub name: &'static str,
    /// WGSL, imports resolved.
    pub source: &'static str,
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Names of the pipeline-overridable constants.
    pub overrides: &'static [&'static str],
    /// Names and values of the unsigned constants.
    pub constants: &'static [(&'static str, u32)],
    /// Bindings of group 0; the index of each is its place in this list.
    pub bindings: &'static [Binding],
}

impl Shader {
    /// The value of the constant `name`; 0 when there is none.
    pub fn constant(&self, name: &str) -> u32 {
        self.constants.iter().find(|(n, _)| *n == name).map_or(0, |&(_, value)| value)
    }
}

/// One buffer that a shader sees.
#[derive(Debug)]
pub struct Binding {
    /// `@binding`.
    pub index: u32,
    /// Name of the variable.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// How a buffer is bound.
#[derive(Debug)]
pub enum Kind {
    /// `var<uniform>` of this type.
    Uniform(Struct),
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// Memory layout of a WGSL struct.
#[derive(Debug)]
pub struct Struct {
    /// Its name.
    pub name: &'static str,
    /// Bytes, padding included.
    pub size: u32,
    /// Members in order.
    pub members: &'static [Member],
}

/// One member of a [`Struct`].
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Bytes from the struct's start.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));
