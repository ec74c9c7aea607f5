//! Composes, validates and reflects every shader permutation, and writes them as Rust constants.

mod compose;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use compose::{Composed, Permutation};
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Everything that a shader may need of an adapter; which shaders need more than the first is the Rust side's business.
const CAPABILITIES: Capabilities =
    Capabilities::SHADER_FLOAT16.union(Capabilities::SUBGROUP).union(Capabilities::COOPERATIVE_MATRIX);

/// Where the shaders are.
const FOLDERS: [&str; 5] = ["face", "nn", "image", "marks", "shared"];

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    for path in ["compose.rs", "permutations.txt"].into_iter().chain(FOLDERS) {
        println!("cargo:rerun-if-changed={path}");
    }
    match generate(&root) {
        Ok(code) => {
            let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
            std::fs::write(out.join("shaders.rs"), code).expect("the output folder is writable");
        }
        Err(failures) => {
            for failure in &failures {
                eprintln!("{failure}\n");
            }
            eprintln!("{} shader failure(s)", failures.len());
            std::process::exit(1);
        }
    }
}

/// The generated Rust source, or every failure.
fn generate(root: &Path) -> Result<String, Vec<String>> {
    let table = std::fs::read_to_string(root.join("permutations.txt")).map_err(|e| vec![e.to_string()])?;
    let permutations = compose::parse_table(&table).map_err(|e| vec![e])?;
    let read = |file: &str| std::fs::read_to_string(root.join(file).with_extension("wgsl")).ok();
    let (mut code, mut failures, mut used, mut names) = (String::new(), Vec::new(), BTreeSet::new(), Vec::new());
    for permutation in &permutations {
        let built = compose::compose(permutation, &read).and_then(|composed| {
            used.extend(composed.files.iter().cloned());
            reflect(permutation, &composed)
        });
        match built {
            Ok(constant) => code += &constant,
            Err(failure) => failures.push(failure),
        }
        names.push(permutation.name.to_uppercase());
    }
    failures.extend(unused_files(root, &used));
    let _ = writeln!(code, "/// Every shader.\npub const ALL: &[&Shader] = &[&{}];", names.join(", &"));
    if failures.is_empty() { Ok(code) } else { Err(failures) }
}

fn unused_files(root: &Path, used: &BTreeSet<String>) -> Vec<String> {
    let names = |folder: &'static str| {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let wgsl = entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "wgsl"));
        wgsl.filter_map(move |p| Some(format!("{folder}/{}", p.file_stem()?.to_str()?)))
    };
    let all = FOLDERS.into_iter().flat_map(names);
    all.filter(|f| !used.contains(f)).map(|f| format!("{f}.wgsl: no permutation uses it")).collect()
}

/// Parses and validates `composed` and writes its constant.
fn reflect(permutation: &Permutation, composed: &Composed) -> Result<String, String> {
    let Permutation { name, file, .. } = permutation;
    let text = &composed.source;
    let module = naga::front::wgsl::parse_str(text).map_err(|e| format!("{name}: {}", e.emit_to_string(text)))?;
    Validator::new(ValidationFlags::all(), CAPABILITIES)
        .validate(&module)
        .map_err(|e| format!("{name}: {}", e.emit_to_string(text)))?;
    let [entry] = module.entry_points.as_slice() else {
        return Err(format!("{name}: expected one entry point, found {}", module.entry_points.len()));
    };
    let bindings = bindings(&module).map_err(|e| format!("{name}: {e}"))?;
    let constants = constants(&module);
    let bytes = workgroup_bytes(&module).map_err(|e| format!("{name}: {e}"))?;
    let overrides: Vec<&str> = module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
    let mut code = String::new();
    let upper = name.to_uppercase();
    let _ = writeln!(code, "/// `{file}.wgsl` as permutation `{name}`.\npub const {upper}: Shader = Shader {{");
    let _ = writeln!(code, "    name: {name:?},\n    source: r####\"{text}\"####,");
    let _ = writeln!(code, "    workgroup_size: {:?},\n    workgroup_bytes: {bytes},", entry.workgroup_size);
    let _ = writeln!(code, "    overrides: &{overrides:?},\n    constants: &{constants:?},");
    let _ = writeln!(code, "    bindings: &[\n{bindings}    ],\n}};");
    Ok(code)
}

/// Names and values of the unsigned constants.
fn constants(module: &naga::Module) -> Vec<(&str, u32)> {
    let value = |c: &naga::Constant| match module.global_expressions[c.init] {
        naga::Expression::Literal(naga::Literal::U32(value)) => Some(value),
        _ => None,
    };
    module.constants.iter().filter_map(|(_, c)| Some((c.name.as_deref()?, value(c)?))).collect()
}

/// Bytes of workgroup memory, each variable at a multiple of 16.
fn workgroup_bytes(module: &naga::Module) -> Result<u32, String> {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).map_err(|e| e.to_string())?;
    let variables = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
    Ok(variables.map(|(_, v)| layouter[v.ty].size.next_multiple_of(16)).sum())
}

/// The initialisers of the bindings of group 0, in binding order.
fn bindings(module: &naga::Module) -> Result<String, String> {
    let mut found = Vec::new();
    for (_, global) in module.global_variables.iter() {
        let Some(binding) = global.binding else { continue };
        let name = global.name.clone().unwrap_or_default();
        let kind = match global.space {
            naga::AddressSpace::Uniform => format!("Kind::Uniform({})", uniform(module, global.ty)?),
            naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                "Kind::ReadWrite".into()
            }
            naga::AddressSpace::Storage { .. } => "Kind::Read".into(),
            space => return Err(format!("`{name}` is in {space:?}; only buffers are bound here")),
        };
        if binding.group != 0 {
            return Err(format!("`{name}` is in group {}, expected 0", binding.group));
        }
        let index = binding.binding;
        found.push((index, format!("        Binding {{ index: {index}, name: {name:?}, kind: {kind} }},\n")));
    }
    found.sort();
    match found.iter().enumerate().find(|(i, (index, _))| *i as u32 != *index) {
        Some((i, _)) => Err(format!("binding {i} is missing")),
        None => Ok(found.into_iter().map(|(_, line)| line).collect()),
    }
}

/// The initialiser of a uniform's struct.
fn uniform(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Result<String, String> {
    let naga::Type { name, inner } = &module.types[ty];
    let naga::TypeInner::Struct { members, span } = inner else {
        return Err("a uniform must be a struct".into());
    };
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).map_err(|e| e.to_string())?;
    let member = |m: &naga::StructMember| {
        let size = layouter[m.ty].size;
        format!("Member {{ name: {:?}, offset: {}, size: {size} }}", m.name.as_deref().unwrap_or_default(), m.offset)
    };
    let members: Vec<String> = members.iter().map(member).collect();
    let name = name.as_deref().unwrap_or_default();
    Ok(format!("Struct {{ name: {name:?}, size: {span}, members: &[{}] }}", members.join(", ")))
}
