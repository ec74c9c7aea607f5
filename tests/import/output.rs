//! Where the model goes, and that nothing else remains.

use std::fs;

use super::*;
use crate::cli::{fails, listing};
use crate::support::process::{Started, TRAINER, trainer};

#[test]
fn existing_files_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let encoder = fixture("w600k_r50.onnx");
    for name in ["m.toml", "m.safetensors"] {
        let path = dir.path().join(name);
        fs::write(&path, "mine").unwrap();
        fails(&mut import(&dir, &encoder), &[name, "exists already", "--overwrite"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
    // What fails replaces nothing.
    fails(import(&dir, &fixture("other.onnx")).arg("--overwrite"), &["another network"]);
    assert_eq!(fs::read_to_string(dir.path().join("m.safetensors")).unwrap(), "mine");
    import(&dir, &encoder).arg("--overwrite").assert().success();
    assert_eq!(listing(dir.path()), ["m.safetensors", "m.toml"]);
    Model::open(&dir.path().join("m.safetensors")).unwrap();
    fs::remove_file(dir.path().join("m.toml")).unwrap();
    fs::create_dir(dir.path().join("m.toml")).unwrap();
    fails(import(&dir, &encoder).arg("--overwrite"), &["m.toml", "is a folder"]);
}

#[test]
fn a_model_file_has_its_place_and_ending() {
    let to = |output: &str, words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = trainer();
        command.current_dir(dir.path()).arg("import").arg(fixture("w600k_r50.onnx"));
        fails(command.args(["--licence", "none", "-o", output]), words);
        assert_eq!(listing(dir.path()), [""; 0]);
    };
    to("m.toml", &["ends in .safetensors"]);
    to("absent/m.safetensors", &["cannot write absent/m.safetensors"]);
}

/// An encoder whose last layer has 32 MB, so that writing it takes a while.
#[cfg(unix)]
fn large_encoder(file: &Path) {
    const EMBEDDING: usize = 4096;
    let mut tensors = tensors("arcface.safetensors");
    // Side 224, which four layers bring down to 14; 10 channels.
    tensors.insert("fc5.weight".into(), Tensor::zeros([EMBEDDING, 10 * 14 * 14]));
    let vectors = ["fc5.bias", "bn3.weight", "bn3.bias", "bn3.running_mean", "bn3.running_var"];
    for (name, value) in vectors.into_iter().zip([0.0, 1.0, 0.0, 0.0, 1.0]) {
        tensors.insert(name.into(), Tensor::new([EMBEDDING], vec![value; EMBEDDING]).unwrap());
    }
    fs::write(file, serialized(&tensors, None)).unwrap();
}

/// Interrupted as soon as a file is there: either nothing remains, or both were complete.
#[cfg(unix)]
#[test]
fn an_interrupted_import_leaves_nothing_behind() {
    let (source, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = source.path().join("large.safetensors");
    large_encoder(&file);
    let mut command = std::process::Command::new(TRAINER);
    command.current_dir(dir.path()).arg("import").arg(file).args(["--licence", "none", "-o", "m.safetensors"]);
    let mut import = Started::new(&mut command);
    while listing(dir.path()).is_empty() && !import.is_over() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    import.interrupt();
    match import.ended().status.code() {
        Some(130) => assert_eq!(listing(dir.path()), [""; 0]),
        Some(0) => assert_eq!(listing(dir.path()), ["m.safetensors", "m.toml"]),
        other => panic!("ended with {other:?}"),
    }
}
