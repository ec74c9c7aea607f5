//! Structs that both sides know are laid out alike.

use alphaswap::path::gpu::face::{CandidateHead, FaceHead, FaceInput};
use alphaswap_shaders::ALL;

/// Member names and offsets of the WGSL struct `name`, wherever a shader has it, and its size.
fn wgsl(name: &str) -> (Vec<(String, usize)>, usize) {
    for shader in ALL.iter().filter(|s| s.source.contains(&format!("struct {name} "))) {
        let module = naga::front::wgsl::parse_str(shader.source).unwrap();
        for (_, ty) in module.types.iter().filter(|(_, t)| t.name.as_deref() == Some(name)) {
            let naga::TypeInner::Struct { members, span } = &ty.inner else { continue };
            let member = |m: &naga::StructMember| (m.name.clone().unwrap(), m.offset as usize);
            return (members.iter().map(member).collect(), *span as usize);
        }
    }
    panic!("no shader has a struct {name}");
}

#[track_caller]
fn assert_begins_with(name: &str, rust: &[(&str, usize)]) {
    let (members, _) = wgsl(name);
    let rust: Vec<_> = rust.iter().map(|(name, offset)| (name.to_string(), *offset)).collect();
    assert_eq!(members[..rust.len()], rust, "{name}");
}

#[test]
fn structs_of_a_face_are_the_same_in_rust_and_wgsl() {
    assert_begins_with("FaceInput", FaceInput::OFFSETS);
    assert_begins_with("Face", FaceHead::OFFSETS);
    assert_begins_with("Candidate", CandidateHead::OFFSETS);
    assert_eq!(wgsl("Candidate").1, size_of::<CandidateHead>());
    let (face, _) = wgsl("Face");
    let offset = |name: &str| face.iter().find(|m| m.0 == name).unwrap().1;
    assert_eq!(offset("raw"), size_of::<FaceHead>());
    assert_eq!(offset("points"), FaceHead::READBACK);
}
