//! Checkpoints: exact resuming, crashes, damage, other architectures, pieces.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use alphaswap::Error;
use alphaswap::models::Weights;
use alphaswap::nets::{Activation, Builder, ConvArgs, Edge, NetSpec, Padding, Shape};
use alphaswap::train::checkpoint::{self, Checkpoint, State, pack, read_weights, unpack, write_tensors};
use alphaswap::train::losses::pixel;
use alphaswap::train::optim::{AdamwConfig, Ema, Optimizer, Schedule};
use alphaswap::train::spec_module::SpecModule;
use burn::tensor::Device;

use super::losses::Fixture;

/// A network of two convolutions with `width` channels between them.
fn spec(width: usize) -> NetSpec {
    let mut b = Builder::new("toy");
    let x = b.input("input", Shape::new(3, 16, 12));
    let conv = |out| ConvArgs::new(out, 3).pad(Padding::all(Edge::Reflect, 1));
    let x = b.conv("one", x, conv(width).act(Activation::LeakyRelu(0.2)));
    let x = b.conv("two", x, conv(3).act(Activation::TanhUnit));
    b.output("output", x, &[1, 3, 16, 12]);
    b.finish()
}

/// A small run: everything that has to be exact after a break.
struct Run {
    net: SpecModule,
    ema: Ema<SpecModule>,
    optimizer: Optimizer<SpecModule>,
    step: u64,
}

impl Run {
    fn new() -> Self {
        let net = SpecModule::random(spec(4), 1, &Device::flex().autodiff()).unwrap();
        Self { ema: Ema::new(0.9, &net), optimizer: Optimizer::new(&AdamwConfig::default()), net, step: 0 }
    }

    fn steps(mut self, count: u64) -> Self {
        let (f, device) = (Fixture::new(), Device::flex().autodiff());
        let schedule = Schedule::Cosine { steps: 6, to: 0.0, warmup: 2 };
        for _ in 0..count {
            let made = self.net.forward(&[("input", f.tensor("pixel.x", &device))]);
            let loss = pixel::l1(made, f.tensor("pixel.y", &device));
            (self.net, _) = self.optimizer.step(schedule.lr(1e-2, self.step), self.net, loss.backward());
            self.ema.update(&self.net);
            self.step += 1;
        }
        self
    }

    fn state(&self) -> State {
        State { step: self.step, samples: 2 * self.step, seed: 7, config_sha256: "ab".into() }
    }

    fn save(&self, run: &Path) -> Checkpoint {
        checkpoint::save(run, &self.state(), 2, |folder| {
            write_tensors(&folder.join("generator.safetensors"), &self.net.weights())?;
            write_tensors(&folder.join("ema.safetensors"), &self.ema.module().weights())?;
            self.optimizer.save(&folder.join("optimizer-g.bin"))
        })
        .unwrap()
    }

    fn load(checkpoint: &Checkpoint) -> Self {
        let device = Device::flex();
        let net = |name: &str, device: &Device| {
            let weights = read_weights(&checkpoint.file(name), spec(4).params()).unwrap();
            SpecModule::new(spec(4), &weights, device).unwrap()
        };
        let (generator, ema) =
            (net("generator.safetensors", &device.clone().autodiff()), net("ema.safetensors", &device));
        let optimizer = Optimizer::new(&AdamwConfig::default());
        let optimizer = optimizer.load(&checkpoint.file("optimizer-g.bin"), &generator).unwrap();
        Self { net: generator, ema: Ema::new(0.9, &ema), optimizer, step: checkpoint.state.step }
    }
}

/// Flips a byte in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn three_steps_and_three_more_are_six() {
    let run = tempfile::tempdir().unwrap();
    let whole = Run::new().steps(6);
    Run::new().steps(3).save(run.path());
    let found = checkpoint::load(run.path()).unwrap().unwrap();
    assert_eq!(found.state, State { step: 3, samples: 6, seed: 7, config_sha256: "ab".into() });
    let resumed = Run::load(&found).steps(3);
    assert_eq!(resumed.net.weights().0, whole.net.weights().0);
    assert_eq!(resumed.ema.module().weights().0, whole.ema.module().weights().0);
    assert_ne!(whole.net.weights().0, whole.ema.module().weights().0);
    assert_ne!(whole.net.weights().0, Run::new().net.weights().0);
}

#[test]
fn the_newest_ones_are_kept() {
    let run = tempfile::tempdir().unwrap();
    assert!(checkpoint::load(run.path()).unwrap().is_none());
    let mut state = Run::new();
    for _ in 0..3 {
        state = state.steps(1);
        state.save(run.path());
    }
    let all = run.path().join("checkpoints");
    assert_eq!(names(&all), ["latest", "step-00000002", "step-00000003"]);
    assert_eq!(fs::read_to_string(all.join("latest")).unwrap(), "step-00000003");
    let files = ["ema.safetensors", "generator.safetensors", "optimizer-g.bin", "state.toml"];
    assert_eq!(names(&all.join("step-00000003")), files);
    // Saving a step again replaces it.
    state.save(run.path());
    assert_eq!(names(&all), ["latest", "step-00000002", "step-00000003"]);
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before() {
    let run = tempfile::tempdir().unwrap();
    let one = Run::new().steps(1);
    let first = one.save(run.path());
    let second = one.steps(1).save(run.path());
    let newest = || checkpoint::load(run.path()).unwrap().unwrap().state.step;
    assert_eq!(newest(), 2);

    let generator = second.file("generator.safetensors");
    let whole = fs::read(&generator).unwrap();
    damage(&generator);
    assert_eq!(newest(), 1);
    fs::write(&generator, &whole[..whole.len() - 8]).unwrap();
    assert_eq!(newest(), 1);
    fs::write(&generator, &whole).unwrap();
    assert_eq!(newest(), 2);
    fs::remove_file(second.file("optimizer-g.bin")).unwrap();
    assert_eq!(newest(), 1);

    // A run that goes on from the first leaves the damaged one behind.
    Run::load(&first).save(run.path());
    assert_eq!(newest(), 1);
    fs::write(first.file("state.toml"), "step = ").unwrap();
    let error = checkpoint::load(run.path()).unwrap_err().to_string();
    assert!(error.contains("every checkpoint is damaged") && error.contains("state.toml"), "{error}");
}

#[test]
fn another_architecture_is_refused_by_name() {
    let run = tempfile::tempdir().unwrap();
    let found = Run::new().save(run.path());
    let error = read_weights(&found.file("generator.safetensors"), spec(5).params()).unwrap_err().to_string();
    assert!(error.contains("another architecture"), "{error}");
    assert!(error.contains("one.bias (expected [5], got [4])"), "{error}");
}

#[test]
fn a_full_disk_keeps_the_old_checkpoint() {
    let run = tempfile::tempdir().unwrap();
    let old = Run::new().steps(1);
    old.save(run.path());
    let state = State { step: 2, ..old.state() };
    let error = checkpoint::save(run.path(), &state, 1, |folder| {
        write_tensors(&folder.join("generator.safetensors"), &old.net.weights())?;
        let path = folder.join("ema.safetensors");
        symlink("/dev/full", &path).unwrap();
        fs::write(&path, [0; 100]).map_err(Error::io(&path))
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(names(&run.path().join("checkpoints")), ["latest", "step-00000001"]);
    assert_eq!(checkpoint::load(run.path()).unwrap().unwrap().state, old.state());
}

#[test]
fn a_crash_while_saving_is_cleaned_up() {
    let run = tempfile::tempdir().unwrap();
    let one = Run::new().steps(1);
    let all = run.path().join("checkpoints");
    // The process died in the middle of writing, and before `latest` was written.
    fs::create_dir_all(all.join(".step-00000001.part")).unwrap();
    fs::write(all.join(".step-00000001.part/generator.safetensors"), "half").unwrap();
    assert!(checkpoint::load(run.path()).unwrap().is_none());
    one.save(run.path());
    fs::remove_file(all.join("latest")).unwrap();
    assert_eq!(checkpoint::load(run.path()).unwrap().unwrap().state.step, 1);
    assert_eq!(names(&all), ["step-00000001"]);
}

#[test]
fn pieces_are_put_together_again() {
    let folder = tempfile::tempdir().unwrap();
    let [packed, out] = ["packed", "out"].map(|name| folder.path().join(name));
    let found = Run::new().steps(1).save(folder.path());
    fs::write(found.file("empty"), "").unwrap();
    fs::write(found.file("even"), [1; 800]).unwrap();
    let files: Vec<_> = names(&found.folder).iter().map(|name| found.file(name)).collect();
    pack(&files, &packed, 400).unwrap();
    let length = |path: &Path| fs::metadata(path).unwrap().len() as usize;
    let bytes: usize = files.iter().map(|path| length(path)).sum();
    assert_eq!(names(&packed).len(), bytes.div_ceil(400) + 1);
    assert!((0..bytes / 400).all(|i| length(&packed.join(format!("piece.{i:03}"))) == 400));
    unpack(&packed, &out).unwrap();
    assert_eq!(names(&out), names(&found.folder));
    assert!(names(&out).iter().all(|n| fs::read(out.join(n)).unwrap() == fs::read(found.file(n)).unwrap()));
    assert_eq!(checkpoint::open(&out).unwrap().state, found.state);

    // A packing that fails leaves the old pieces, and nothing beside them.
    let (before, beside) = (names(&packed), names(folder.path()));
    assert!(pack(&[files[0].clone(), folder.path().join("absent")], &packed, 400).is_err());
    assert_eq!((names(&packed), names(folder.path())), (before, beside));
    // One that is done replaces all of them.
    pack(&files, &packed, bytes).unwrap();
    assert_eq!(names(&packed), ["piece.000", "pieces.toml"]);
    unpack(&packed, &out).unwrap();
    assert_eq!(checkpoint::open(&out).unwrap().state, found.state);
}

#[test]
fn pieces_that_are_missing_or_damaged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let [packed, out] = ["packed", "out"].map(|name| folder.path().join(name));
    let file = [folder.path().join("file")];
    fs::write(&file[0], (0..1000).map(|i| i as u8).collect::<Vec<_>>()).unwrap();
    let refused = || unpack(&packed, &out).unwrap_err().to_string();
    pack(&file, &packed, 400).unwrap();
    damage(&packed.join("piece.001"));
    assert!(refused().contains("piece.001: damaged"), "{}", refused());
    fs::remove_file(packed.join("piece.001")).unwrap();
    assert!(refused().contains("piece.001") && refused().contains("fetch it again"), "{}", refused());

    let list = |file: &str| fs::write(packed.join("pieces.toml"), format!("[[file]]\n{file}sha256 = \"\"\n")).unwrap();
    list("name = \"../evil\"\nlength = 0\n");
    assert!(refused().contains("no plain file name"), "{}", refused());
    list("name = \"file\"\nlength = 9\n");
    assert!(refused().contains("longer than its pieces"), "{}", refused());
    list("name = \"file\"\nlength = 0\n");
    assert!(refused().contains("another file"), "{}", refused());
    assert!(pack(&file, &packed, 0).unwrap_err().to_string().contains("0 bytes"));
}

#[test]
fn weights_that_are_no_numbers_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut weights = Weights::random(&spec(4), 1);
    weights.0.get_mut("one.bias").unwrap().data[2] = f32::NAN;
    write_tensors(&path, &weights).unwrap();
    let error = read_weights(&path, spec(4).params()).unwrap_err().to_string();
    assert!(error.contains("one.bias") && error.contains("NaN"), "{error}");
}
