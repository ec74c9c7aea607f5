//! `alphaswap net`, `doctor`, `bench`, `live`.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::*;

/// Writes a tensors file.
fn write(path: &Path, tensors: &[(&str, Dtype, &[usize])]) {
    let bytes = |dtype: &Dtype, shape: &[usize]| vec![0u8; shape.iter().product::<usize>() * dtype.bitsize() / 8];
    let data: Vec<_> = tensors.iter().map(|(_, dtype, shape)| bytes(dtype, shape)).collect();
    let view = |((name, dtype, shape), data): (&(&str, Dtype, &[usize]), _)| {
        (name.to_string(), TensorView::new(*dtype, shape.to_vec(), data).unwrap())
    };
    let views: HashMap<_, _> = tensors.iter().zip(data.iter().map(Vec::as_slice)).map(view).collect();
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn net(dir: &TempDir, model: &str) -> Command {
    let mut command = alphaswap();
    command.current_dir(dir.path()).args(["net", model, "--input", "in.safetensors", "--output", "out.safetensors"]);
    command
}

#[test]
fn each_network_answers_with_its_shapes() {
    type Shapes<'a> = &'a [(&'a str, &'a [usize])];
    let networks: [(&str, Shapes<'_>, Shapes<'_>); 4] = [
        ("detector", &[("input", &[1, 3, 256, 256])], &[("boxes", &[1, 896, 16]), ("scores", &[1, 896, 1])]),
        ("landmarks", &[("input", &[1, 3, 192, 192])], &[("landmarks", &[1, 468, 3]), ("presence", &[1, 1])]),
        ("identity", &[("input", &[1, 3, 224, 224])], &[("embedding", &[1, 1024])]),
        (
            "generator",
            &[("crop", &[1, 3, 112, 104]), ("identity", &[1, 1024]), ("guide", &[1, 3, 112, 104])],
            &[("crop", &[1, 3, 112, 104])],
        ),
    ];
    for (model, inputs, outputs) in networks {
        let dir = tempfile::tempdir().unwrap();
        let inputs: Vec<_> = inputs.iter().map(|(name, shape)| (*name, Dtype::F32, *shape)).collect();
        write(&dir.path().join("in.safetensors"), &inputs);
        net(&dir, model).assert().success();
        let bytes = std::fs::read(dir.path().join("out.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.len(), outputs.len(), "{model}");
        for (name, shape) in outputs {
            assert_eq!(file.tensor(name).unwrap().shape(), *shape, "{model} {name}");
        }
    }
}

#[test]
fn net_refuses_what_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in.safetensors");
    fails(&mut net(&dir, "detector"), &["in.safetensors"]);
    std::fs::write(&input, "text").unwrap();
    fails(&mut net(&dir, "detector"), &["not a safetensors file"]);
    write(&input, &[("input", Dtype::I32, &[1, 3, 256, 256])]);
    fails(&mut net(&dir, "detector"), &["in.safetensors", "tensor input", "I32"]);
    write(&input, &[("input", Dtype::F32, &[1, 3, 128, 128])]);
    fails(&mut net(&dir, "detector"), &["input", "[1, 3, 256, 256]", "[1, 3, 128, 128]"]);
    write(&input, &[("picture", Dtype::F32, &[1, 3, 256, 256])]);
    fails(&mut net(&dir, "detector"), &["tensor input"]);
    fails(&mut net(&dir, "no-such-model"), &["no-such-model"]);
    assert_eq!(listing(dir.path()), ["in.safetensors"]);
}

#[test]
fn doctor_finds_this_machine_in_order() {
    let checked = predicate::str::contains("CPU engine: right").and(predicate::str::contains("sha256"));
    alphaswap().args(["doctor", "--device", "cpu"]).assert().success().stdout(checked);
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    let mut command = alphaswap();
    command.args(["doctor", "--device", "Voodoo 2"]).assert().code(1).stdout(predicate::str::contains("Voodoo 2"));
    fails(
        &mut command,
        &["not in order: GPU engine", "no adapter's name contains `Voodoo 2`", "`auto`, `cpu` or `gpu`"],
    );
}

#[cfg(feature = "train")]
#[test]
fn the_trainer_says_its_own_name() {
    use crate::support::process::TRAINER;
    let mut trainer = patient(program(TRAINER));
    trainer.arg("--version").assert().success().stdout(predicate::str::starts_with("alphaswap-train "));
}

#[test]
fn bench_measures_every_network_and_stage() {
    let mut command = alphaswap();
    command.args(["bench", "--json", "--device", "cpu", "--frames", "3", "--sizes", "320x240", "--source"]);
    let output = command.arg(identity()).assert().success().get_output().stdout.clone();
    let measured: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let names: Vec<_> = measured["networks"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["detector", "landmarks", "identity", "generator", "generator-256"]);
    let frames = &measured["frames"][0];
    assert_eq!((frames["frames"].as_u64(), frames["faces_swapped"].as_u64()), (Some(3), Some(3)));
    assert_eq!(frames["stages_ms"].as_array().unwrap().len(), 9);
}

#[test]
fn live_explains_how_to_make_a_virtual_camera() {
    let mut command = alphaswap();
    command.args(["live", "--test", "--to", "/dev/video-that-is-not-there", "--source"]).arg(identity());
    fails(&mut command, &["no such device", "modprobe v4l2loopback", "exclusive_caps=1"]);
}

#[test]
fn live_names_a_missing_camera() {
    let mut command = alphaswap();
    command.args(["live", "--camera", "/dev/video-that-is-not-there", "--source"]).arg(identity());
    fails(&mut command, &["no such camera"]);
}

#[test]
fn live_runs_on_a_test_picture() {
    let mut command = alphaswap();
    command.args([
        "live",
        "--test",
        "--no-window",
        "--frames",
        "5",
        "--size",
        "320x240",
        "--device",
        "cpu",
        "--source",
    ]);
    let told = predicate::str::is_match(r"\d+ frames in .* fps; \d+ dropped").unwrap();
    command.arg(identity()).assert().success().stderr(told);
}

#[cfg(target_os = "linux")]
#[test]
fn live_without_a_screen_is_told() {
    let mut command = alphaswap();
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").args(["live", "--test", "--source"]).arg(identity());
    fails(&mut command, &["no screen", "--to DEVICE"]);
}
