//! The shader crate: what is generated agrees with the Rust side, and what is wrong is refused.

use std::collections::BTreeMap;

use alphaswap::gpu::params::LAYOUTS;
use alphaswap_shaders::{ALL, Kind};
use naga::valid::{Capabilities, ValidationFlags, Validator};

#[path = "../shaders/compose.rs"]
mod compose;

use compose::{Permutation, compose, parse_table};

#[test]
fn every_uniform_struct_is_the_same_in_rust_and_wgsl() {
    for shader in ALL {
        for binding in shader.bindings {
            let Kind::Uniform(wgsl) = &binding.kind else { continue };
            let rust = LAYOUTS.iter().find(|l| l.name == wgsl.name);
            let rust = rust.unwrap_or_else(|| panic!("{}: Rust has no `{}`", shader.name, wgsl.name));
            assert_eq!(rust.members, wgsl.members, "{}: {}", shader.name, wgsl.name);
            assert_eq!(rust.size, wgsl.size, "{}: {}", shader.name, wgsl.name);
        }
    }
}

#[test]
fn every_uniform_struct_of_rust_is_used() {
    for layout in LAYOUTS {
        let uses = |k: &Kind| matches!(k, Kind::Uniform(s) if s.name == layout.name);
        assert!(ALL.iter().any(|s| s.bindings.iter().any(|b| uses(&b.kind))), "no shader has `{}`", layout.name);
    }
}

#[test]
fn workgroups_fit_every_device() {
    for shader in ALL {
        // WebGPU's guaranteed limits: 256 invocations, 16 KiB of workgroup memory, 8 storage buffers. Adapters with
        // matrix units offer more, and the choice of kernels looks at it.
        let matrix = shader.name.starts_with("conv_matrix");
        assert!(matrix || shader.workgroup_size.iter().product::<u32>() <= 256, "{}", shader.name);
        assert!(matrix || shader.workgroup_bytes <= 16384, "{}: {} bytes", shader.name, shader.workgroup_bytes);
        let storage = shader.bindings.iter().filter(|b| !matches!(b.kind, Kind::Uniform(_))).count();
        assert!(storage <= 8, "{}", shader.name);
    }
}

/// What a Vulkan driver gets of the shaders that no adapter of a test machine may be able to run.
#[test]
fn matrix_kernels_become_spirv() {
    use naga::back::{PipelineConstants, pipeline_constants::process_overrides, spv};
    for shader in ALL.iter().filter(|s| s.name.starts_with("conv_matrix")) {
        let module = naga::front::wgsl::parse_str(shader.source).unwrap();
        let info = Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module).unwrap();
        let (module, info) = process_overrides(&module, &info, None, &PipelineConstants::default()).unwrap();
        let options = spv::Options { lang_version: (1, 6), ..Default::default() };
        let words = spv::write_vec(&module, &info, &options, None).unwrap();
        // OpCooperativeMatrixMulAddKHR is instruction 4459 (SPV_KHR_cooperative_matrix), six words long.
        let products = words.iter().filter(|&&word| word == 6 << 16 | 4459).count();
        assert_eq!(products > 0, !shader.name.ends_with("emulated"), "{}", shader.name);
    }
}

fn files(name: &str) -> Option<String> {
    let text = match name {
        "nn/top" => "//!import a\nenable f16;\nfn top() {}\n",
        "nn/twice" => "//!import a\n//!import b\n",
        "nn/lost" => "//!import nowhere\n",
        "nn/loop" => "//!import loop\n",
        "shared/a" => "//!import b\nconst A = 1;\n",
        "shared/a2" => "const A = 2;\n",
        "shared/b" => "const B = 1;\n",
        "shared/loop" => "//!import loop2\n",
        "shared/loop2" => "//!import loop\n",
        _ => return None,
    };
    Some(text.into())
}

fn permutation(file: &str, replace: &[(&str, &str)]) -> Permutation {
    let replace: BTreeMap<String, String> = replace.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    Permutation { name: "t".into(), file: file.into(), replace }
}

#[test]
fn imports_are_inserted_once_and_enables_come_first() {
    let source = |file, replace: &[_]| compose(&permutation(file, replace), &files).unwrap().source;
    assert_eq!(source("nn/top", &[]), "enable f16;\nconst B = 1;\nconst A = 1;\nfn top() {}\n");
    assert_eq!(source("nn/twice", &[]), "const B = 1;\nconst A = 1;\n");
    assert_eq!(source("nn/top", &[("a", "a2")]), "enable f16;\nconst A = 2;\nfn top() {}\n");
}

#[test]
fn what_cannot_be_composed_is_an_error() {
    let error = |file, replace: &[_]| compose(&permutation(file, replace), &files).unwrap_err();
    assert!(error("nn/lost", &[]).contains("shared/nowhere.wgsl"));
    assert!(error("nn/loop", &[]).contains("imports itself"));
    assert!(error("nn/top", &[("c", "a2")]).contains("never imports"));
    assert!(error("nn/missing", &[]).contains("nn/missing.wgsl"));
}

#[test]
fn the_table_is_read_or_refused() {
    let table = parse_table("# comment\n\nadd_f16 nn/add elem=elem_f16 # note\n").unwrap();
    let expected = [("elem".to_string(), "elem_f16".to_string())];
    assert_eq!((table[0].name.as_str(), table[0].file.as_str()), ("add_f16", "nn/add"));
    assert_eq!(table[0].replace, BTreeMap::from(expected));
    assert!(parse_table("add").is_err());
    assert!(parse_table("add nn/add elem").is_err());
}
