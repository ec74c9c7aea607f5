//! The watermark: 64 bits in the luma of every frame in which a face was swapped, not seen and hard to remove by accident.
//!
//! The frame, whatever its size, is a canvas of [`COLUMNS`] x [`ROWS`] cells, and once more of four times as many:
//! resizing does not move it. Each cell belongs to one of [`GROUPS`] groups and has a sign ([`key`]). Of the groups,
//! [`DATA`] carry a bit of the coded [`Payload`], [`PILOTS`] a bit that is known. What is read of a group is the sum
//! over its cells of sign times *contrast*: how much brighter the cell is than its neighbours, measured in what is
//! usual around it ([`contrast`]).
//!
//! Embedding is informed (Miller, Doerr and Cox, "Applying informed coding and embedding", 2004): a picture without a
//! mark has sums of its own, so [`embed`] measures them and adds to each group just what it lacks, as far as the budget
//! [`PSNR`] goes; textured cells take more of it, dark ones less. The mark does not move while the picture stands
//! still, so nothing flickers, and an encoder that copies a still background copies its mark. A GPU does the same in
//! the frame's one submission ([`path::gpu::mark`](crate::path::gpu::mark)).
//!
//! Reading ([`read`]) averages the cells of many frames, weighs frames by how well they show the known bits, finds
//! cropped and mirrored pictures by them ([`search`]), decodes the others ([`decode`]), and says how improbable such
//! sums are in a picture that has no mark ([`evidence`]); [`Reader`] goes through a video second by second, and then
//! asks all of it together. What strong compression leaves is mostly in the frames that are coded by themselves: those
//! in between carry the mark along with what moves. The key is public: anyone can read the mark, and a determined
//! person can remove it.

mod contrast;
mod decode;
mod embed;
mod evidence;
mod key;
mod luma;
mod payload;
mod picture;
mod read;
mod search;
mod taps;
pub(crate) mod twin;
mod verdict;

pub use self::embed::{Embedder, PSNR};
pub use self::evidence::{Evidence, SURE};
pub use self::key::{COLUMNS, DATA, GROUPS, PILOTS, ROWS};
pub use self::payload::{Payload, VERSION};
pub use self::picture::Picture;
pub use self::read::{Reading, Window};
pub use self::search::{Geometry, locate};
pub use self::verdict::{Reader, Verdict};
