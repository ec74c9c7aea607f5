//! The house's rules that a compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Longest file and longest function, in lines.
const FILE_LINES: usize = 350;
const FUNCTION_LINES: usize = 60;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders that hold our code.
const ROOMS: [&str; 5] = ["src", "shaders", "plugins", "tests", "examples"];

/// Files below `dir` that end in `.ext`, build outputs left out.
fn files(dir: &Path, ext: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            if entry.file_name().unwrap() != "target" {
                found.extend(files(&entry, ext));
            }
        } else if entry.extension().is_some_and(|e| e == ext) {
            found.push(entry);
        }
    }
    found
}

/// Collects functions that are too long.
struct LongFunctions(Vec<String>);

impl LongFunctions {
    fn check(&mut self, name: &syn::Ident, block: &syn::Block) {
        let (start, end) = (block.span().start().line, block.span().end().line);
        if end - start > FUNCTION_LINES {
            self.0.push(format!("{name}: {} lines", end - start));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions {
    fn visit_item_fn(&mut self, f: &'ast syn::ItemFn) {
        self.check(&f.sig.ident, &f.block);
        visit::visit_item_fn(self, f);
    }

    fn visit_trait_item_fn(&mut self, f: &'ast syn::TraitItemFn) {
        f.default.iter().for_each(|block| self.check(&f.sig.ident, block));
        visit::visit_trait_item_fn(self, f);
    }

    fn visit_impl_item_fn(&mut self, f: &'ast syn::ImplItemFn) {
        self.check(&f.sig.ident, &f.block);
        visit::visit_impl_item_fn(self, f);
    }
}

#[test]
fn files_and_functions_fit_the_eye() {
    let mut complaints = Vec::new();
    let in_rooms = |ext: &str| ROOMS.iter().flat_map(|room| files(&root().join(room), ext)).collect::<Vec<_>>();
    for path in in_rooms("rs").into_iter().chain(in_rooms("wgsl")) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if text.lines().count() > FILE_LINES {
            complaints.push(format!("{name}: {} lines", text.lines().count()));
        }
        if name.ends_with(".rs") {
            let mut long = LongFunctions(Vec::new());
            long.visit_file(&syn::parse_file(&text).unwrap());
            complaints.extend(long.0.into_iter().map(|f| format!("{name}: {f}")));
        }
    }
    assert!(complaints.is_empty(), "too long to read:\n{}", complaints.join("\n"));
}

#[test]
fn only_the_named_rooms_know_gstreamer_and_wgpu() {
    let allowed = |name: &str, word: &str| match word {
        "wgpu::" => {
            name.starts_with("src/engine/gpu") || name.starts_with("src/gpu") || name.starts_with("src/path/gpu")
        }
        _ => name.starts_with("src/bin/alphaswap/"),
    };
    for path in files(&root().join("src"), "rs") {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for word in ["wgpu::", "gst::", "gst_video::", "gst_app::"] {
            assert!(!text.contains(word) || allowed(&name, word), "{name} uses {word}");
        }
    }
}

/// Names and versions of all packages that a build with these options of cargo links.
fn dependencies(options: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let tree = ["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none"];
    let out = Command::new(cargo).current_dir(root()).args(tree).args(options).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let names = String::from_utf8(out.stdout).unwrap();
    assert!(names.contains("alphaswap"));
    names
}

#[test]
fn no_trainer_in_the_plugin() {
    let names = dependencies(&["-p", "gst-plugin-alphaswap"]);
    assert!(!names.lines().any(|l| l.starts_with("burn")), "{names}");
}

#[test]
fn the_importer_needs_no_gstreamer() {
    let names = dependencies(&["-p", "alphaswap", "--no-default-features", "--features", "train"]);
    assert!(!names.lines().any(|l| l.starts_with("gstreamer")), "{names}");
}
