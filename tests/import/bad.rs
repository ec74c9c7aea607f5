//! What is no checkpoint, or no good one, is refused with a reason, and leaves nothing behind.

use std::fs;

use predicates::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::cli::{fails, listing, media};

/// Importing `file` fails, says all of `words`, and leaves nothing.
fn refused(file: &Path, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    fails(&mut import(&dir, file), words);
    assert_eq!(listing(dir.path()), [""; 0]);
}

/// The same of a file with these bytes.
fn refused_bytes(bytes: &[u8], words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, bytes).unwrap();
    refused(&file, words);
}

/// The same of a fixture whose tensors were changed.
fn refused_tensors(name: &str, change: impl FnOnce(&mut HashMap<String, Tensor>), words: &[&str]) {
    let mut tensors = tensors(name);
    if name != "arcface.safetensors" {
        tensors.insert("emap".into(), Tensor::zeros([5, 5]));
    }
    change(&mut tensors);
    refused_bytes(&serialized(&tensors, Some(HashMap::from([("emap".into(), "[out, in]".into())]))), words);
}

/// Each was made to create a file `executed` where it is unpickled.
#[test]
fn a_pickle_is_never_executed() {
    refused(&fixture("evil.pkl"), &["evil.pkl", "another kind"]);
    refused(&fixture("evil_swapper.pt"), &["evil_swapper.pt", "another kind"]);
    // Beside the weights the call is of no concern.
    let dir = tempfile::tempdir().unwrap();
    import_mapped(&dir, &fixture("evil.pt"), "emp.npy").assert().success();
    assert_eq!(listing(dir.path()), ["m.safetensors", "m.toml"]);
}

#[test]
fn files_that_are_no_checkpoint_are_refused() {
    refused_bytes(b"", &["empty"]);
    refused_bytes(b"weights", &["no checkpoint", "PyTorch", "ONNX", "safetensors"]);
    refused(&media("kai.jpg"), &["kai.jpg", "no checkpoint"]);
    refused(&fixture("emp.npy"), &["no checkpoint"]);
    refused(tempfile::tempdir().unwrap().path(), &["not a regular file"]);
    refused(Path::new("absent.pt"), &["absent.pt"]);
}

#[test]
fn absurd_sizes_are_refused() {
    let mut header = 10_000_000_000u64.to_le_bytes().to_vec();
    header.extend(br#"{"a":{"dtype":"F32"}}"#);
    refused_bytes(&header, &["absurd length"]);
    refused(&fixture("huge_view.pt"), &["more than 2147483648 bytes"]);
    // No disk has to hold the zeros.
    let dir = tempfile::tempdir().unwrap();
    for head in [b"\x02\0\0\0\0\0\0\0{".as_slice(), b"\x08\x07"] {
        let path = dir.path().join("huge");
        fs::write(&path, head).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len((2 << 30) + 1).unwrap();
        refused(&path, &["2147483649 bytes are too many"]);
    }
}

#[test]
fn truncated_files_are_refused() {
    let files = [
        ("alphaface_demo.pt", "cut short"),
        ("alphaface_legacy.pt", "cut short"),
        ("alphaface.safetensors", "truncated"),
        ("w600k_r50.onnx", "truncated"),
    ];
    for (name, word) in files {
        let bytes = fs::read(fixture(name)).unwrap();
        refused_bytes(&bytes[..bytes.len() / 2], &[word]);
    }
}

#[test]
fn an_onnx_file_of_another_network_is_told_apart() {
    refused(&fixture("other.onnx"), &["another network (1 Conv, 1 Gemm", "inswapper_128", "w600k_r50"]);
    refused(&fixture("arcface_io.safetensors"), &["another kind (2 tensors: embedding, input)"]);
}

/// The order of the graph says nothing of them.
#[test]
fn style_layers_whose_names_do_not_tell_their_place_are_refused() {
    let (name, file) = (b"styles.3.style2.linear.weight", fs::read(fixture("inswapper_128.onnx")).unwrap());
    let renamed = |to: &[u8; 29], words: &[&str]| {
        let places: Vec<_> = (0..file.len() - 29).filter(|&i| file[i..].starts_with(name)).collect();
        assert!(places.len() >= 2, "an initialiser and its reader");
        let mut file = file.clone();
        places.into_iter().for_each(|at| file[at..at + 29].copy_from_slice(to));
        refused_bytes(&file, words);
    };
    for to in [b"onnx::MatMul_1234567890123456", b"styles.6.style2.linear.weight", b"styles.3.style0.linear.weight"] {
        renamed(to, &[str::from_utf8(to).unwrap(), "does not tell its place"]);
    }
    renamed(b"styles.3.style1.linear.weight", &["two style layers", "styles.3.style1.linear.weight"]);
}

#[test]
fn maps_that_do_not_fit_are_refused() {
    let refuse = |emap: &Path, words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        fails(import(&dir, &fixture("alphaface.safetensors")).arg("--emap").arg(emap), words);
        assert_eq!(listing(dir.path()), [""; 0]);
    };
    refuse(&fixture("emp_vector.npy"), &["emp_vector.npy", "[5]", "512 x 512"]);
    refuse(&fixture("emp_object.npy"), &["Python objects", "float32"]);
    refuse(&fixture("emp_int.npy"), &["'<i4'", "float32"]);
    refuse(&fixture("alphaface_demo.pt"), &["not a NumPy .npy file"]);
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.npy");
    let bytes = fs::read(fixture("emp.npy")).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    refuse(&cut, &["cut.npy", "truncated"]);
    let mut infinite = bytes;
    let at = infinite.len() - 4;
    infinite[at..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    fs::write(&cut, &infinite).unwrap();
    refuse(&cut, &["value 24 is inf"]);
}

#[test]
fn a_map_is_asked_for_where_it_belongs() {
    refused(&fixture("alphaface_demo.pt"), &["--emap emp.npy", "AlphaFace's repository"]);
    let dir = tempfile::tempdir().unwrap();
    fails(&mut import_mapped(&dir, &fixture("inswapper_128.onnx"), "emp.npy"), &["its own emap"]);
    fails(&mut import_mapped(&dir, &fixture("w600k_r50.onnx"), "emp.npy"), &["an encoder has no emap"]);
    assert_eq!(listing(dir.path()), [""; 0]);
}

/// It may be `[in, out]` or `[out, in]`, unless the file says that we wrote it.
#[test]
fn a_foreign_tensor_emap_is_refused() {
    let mut tensors = tensors("alphaface.safetensors");
    tensors.insert("emap".into(), Tensor::zeros([5, 5]));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let says = |key: &str, value: &str| Some(HashMap::from([(key.to_string(), value.to_string())]));
    for metadata in [None, says("format", "pt"), says("emap", "[in, out]")] {
        fs::write(&file, serialized(&tensors, metadata)).unwrap();
        for mut command in [import(&dir, &file), import_mapped(&dir, &file, "emp.npy")] {
            fails(&mut command, &["its tensor emap", "cannot be told", "--emap"]);
        }
    }
    fs::write(&file, serialized(&tensors, says("emap", "[out, in]"))).unwrap();
    fails(&mut import_mapped(&dir, &file, "emp.npy"), &["its own emap; leave --emap out"]);
    assert_eq!(listing(dir.path()), ["file"]);
    import(&dir, &file).assert().success();
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let generator = |tensors: &mut HashMap<String, Tensor>| {
        tensors.remove("G.Conv2.bias");
        tensors.insert("G.Conv9.bias".into(), Tensor::zeros([3]));
        tensors.insert("E.Encoder.layer_1.0.weight".into(), Tensor::zeros([4, 2, 5, 5]));
        tensors.insert("emap".into(), Tensor::zeros([4, 4]));
    };
    let words = [
        "missing: G.Conv2.bias",
        "not known: G.Conv9.bias",
        "E.Encoder.layer_1.0.weight (expected [4, 2, 3, 3], got [4, 2, 5, 5])",
        "emap (expected [5, 5], got [4, 4])",
    ];
    refused_tensors("alphaface.safetensors", generator, &words);
    let names = |tensors: &mut HashMap<String, Tensor>| {
        tensors.remove("layer3.1.bn1.running_var");
        tensors.insert("layer1.0.se.weight".into(), Tensor::zeros([3]));
    };
    let words = ["missing: layer3.1.bn1.running_var", "not known: layer1.0.se.weight"];
    refused_tensors("arcface.safetensors", names, &words);
    for (name, shape, word) in [
        ("layer2.0.conv1.weight", vec![6, 4, 5, 5], "layer2.0.conv1.weight (expected [6, 4, 3, 3], got [6, 4, 5, 5])"),
        ("layer2.0.conv1.bias", vec![5], "layer2.0.conv1.bias has the shape [5], expected [6]"),
        ("fc5.weight", vec![12, 39], "fc5.weight has 39 columns"),
        ("fc5.weight", vec![12, 10, 2, 2], "fc5.weight has the shape [12, 10, 2, 2]"),
        ("conv1.weight", vec![], "conv1"),
    ] {
        let change = |tensors: &mut HashMap<_, _>| drop(tensors.insert(name.into(), Tensor::zeros(shape)));
        refused_tensors("arcface.safetensors", change, &[word]);
    }
}

/// Nobody wrote a card here that could be to blame.
#[test]
fn sizes_that_make_no_network_are_told_of_the_tensors() {
    for (name, layer, size) in [
        ("arcface.safetensors", "layer3.0.conv1", "widths[2]"),
        ("alphaface.safetensors", "G.Conv1", "layer G.Conv1: out is 0"),
        ("inswapper.safetensors", "E.Encoder.layer_1.0", "layer E.Encoder.layer_1.0: out is 0"),
    ] {
        let none = |tensors: &mut HashMap<String, Tensor>| {
            let inside = tensors[&format!("{layer}.weight")].shape[1];
            tensors.insert(format!("{layer}.weight"), Tensor::zeros([0, inside, 3, 3]));
            tensors.insert(format!("{layer}.bias"), Tensor::zeros([0]));
        };
        refused_tensors(name, none, &[&format!("the sizes of its tensors make no network: {size}")]);
    }
}

#[test]
fn numbers_that_are_none_are_named() {
    let nan = |tensors: &mut HashMap<String, Tensor>| tensors.get_mut("G.Conv1.bias").unwrap().data[2] = f32::NAN;
    refused_tensors("alphaface.safetensors", nan, &["G.Conv1.bias: value 2 is NaN"]);
    let negative = |t: &mut HashMap<String, Tensor>| t.get_mut("bn2.running_var").unwrap().data[0] = -1.0;
    refused_tensors("arcface.safetensors", negative, &["bn2.running_var", "-1", "never negative"]);
    let zeros = |t: &mut HashMap<String, Tensor>| {
        t.get_mut("bn2.running_var").unwrap().data[0] = 0.0;
        t.get_mut("bn2.weight").unwrap().data[0] = f32::MAX;
    };
    refused_tensors("arcface.safetensors", zeros, &["tensor fc.", "overflows"]);
    let huge = 1e300f64.to_le_bytes();
    let view = TensorView::new(Dtype::F64, vec![1], &huge).unwrap();
    let file = safetensors::serialize([("E.Encoder.layer_0.0.weight", view)], None).unwrap();
    refused_bytes(&file, &["E.Encoder.layer_0.0.weight: value 0 is inf"]);
}

#[test]
fn two_networks_in_a_file_are_a_question() {
    let twice = |tensors: &mut HashMap<String, Tensor>| {
        let copies: Vec<_> = tensors.iter().map(|(n, t)| (format!("ema.{n}"), t.clone())).collect();
        tensors.extend(copies);
    };
    refused_tensors("alphaface.safetensors", twice, &["several networks", "ema."]);
}

#[test]
fn the_licence_must_be_told() {
    let mut command = trainer();
    command.arg("import").arg(fixture("w600k_r50.onnx")).args(["-o", "m.safetensors"]);
    command.assert().code(2).stderr(predicate::str::contains("--licence"));
    command.args(["--licence", " "]).assert().code(2).stderr(predicate::str::contains("must not be blank"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens to a file, the answer is a model or an error, never a panic (exit code 101) or a half of a model.
    #[test]
    fn damaged_files_do_not_panic(
        name in prop::sample::select(vec![
            "alphaface_legacy.pt", "alphaface_demo.pt", "arcface.safetensors", "w600k_r50.onnx", "inswapper_128.onnx",
        ]),
        changes in prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..8),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (at, value) in changes {
            // Squared: more often near the beginning, where the structure is.
            let at = (bytes.len() as f64 * at * at) as usize;
            bytes[at] = value;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("damaged");
        fs::write(&file, bytes).unwrap();
        let mut command = if name.starts_with("alpha") { import_mapped(&dir, &file, "emp.npy") } else { import(&dir, &file) };
        let code = command.output().unwrap().status.code();
        prop_assert!(matches!(code, Some(0 | 1)), "{:?}", code);
        let expected: &[&str] = if code == Some(0) { &["damaged", "m.safetensors", "m.toml"] } else { &["damaged"] };
        prop_assert_eq!(listing(dir.path()), expected);
    }
}
