//! What `gst-inspect-1.0` prints is the element's public interface: properties, defaults, mutability, caps, words.

use std::path::PathBuf;
use std::process::Command;

use crate::support::process::patient;

/// The plugin as a file; Cargo builds it beside the test binary.
fn plugin_file() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let name = format!("{}gstalphaswap{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    deps.join(name)
}

/// `gst-inspect-1.0 alphaswap` with no plugin in sight but ours; lines that change with each build are left out.
fn inspect() -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = plugin_file();
    std::os::unix::fs::symlink(&file, dir.path().join(file.file_name().unwrap())).unwrap();
    let out = patient(Command::new("gst-inspect-1.0"))
        .args(["--no-colors", "alphaswap"])
        .env("GST_PLUGIN_PATH", dir.path())
        .env("GST_PLUGIN_SYSTEM_PATH", "")
        .env("GST_REGISTRY", dir.path().join("registry.bin"))
        .env_remove("GST_PLUGIN_PATH_1_0")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let volatile = ["  Filename ", "  Version ", "  Source release date "];
    let text = String::from_utf8(out.stdout).unwrap();
    let lines = text.lines().filter(|line| !volatile.iter().any(|v| line.starts_with(v)));
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// To accept a change: `INSTA_UPDATE=always cargo test --test all inspect`, then look at the difference.
#[test]
fn reads_like_a_manual_page() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../element_golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("gst-inspect-1.0", inspect()));
}
