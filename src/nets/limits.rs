//! Bounds for configs that come from files: nothing real comes near them, and products of sizes that keep them are far
//! from overflow.

use super::spec::Shape;

/// Longest side of a map.
pub const MAX_SIDE: usize = 4096;
/// Most channels of a map.
pub const MAX_CHANNELS: usize = 1 << 14;
/// Most layers or blocks of one kind.
pub const MAX_LAYERS: usize = 64;
/// Values of a map: half a gibibyte in f32.
const MAX_VALUES: usize = 1 << 27;
/// Pixels of a map: what 65535 workgroups (the least that every GPU takes) of the smallest tile reach.
const MAX_PIXELS: usize = 65535 * 32;

/// What is wrong with a config; the model is named in one place.
pub type Check<T = ()> = Result<T, String>;

/// Refuses a field `what` outside `range`.
pub fn within(what: &str, value: usize, range: std::ops::RangeInclusive<usize>) -> Check {
    let (low, high) = (range.start(), range.end());
    range.contains(&value).then_some(()).ok_or_else(|| format!("{what} is {value}, must be {low} to {high}"))
}

/// Refuses a map that is too large to be held or computed.
pub fn affordable(what: &str, shape: Shape) -> Check {
    let small = shape.len() <= MAX_VALUES && shape.h * shape.w <= MAX_PIXELS;
    small.then_some(()).ok_or_else(|| format!("{what} is {shape}, that is too large"))
}
