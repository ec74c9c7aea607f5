//! The face mesh: canonical geometry, topology, pose.

/// For each mesh point the one on the other side of the face.
pub fn mirror() -> &'static [u16] {
    todo!()
}
