//! Judging: the numbers of the reference evaluation on the same pictures, and whole runs of the command.

mod choice;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use alphaswap::models::Model;
use alphaswap::tensor::largest_difference;
use alphaswap::train::eval::photos;
use alphaswap::train::eval::{self, Options, Pair, Photo, Report, Swapped};
use alphaswap::train::people::matches;
use assert_cmd::Command;

use crate::networks::{assert_cut_points, fixture, run_model};
use crate::support::clip::media;
use crate::support::process::trainer;

/// Pictures and numbers of the reference evaluation (fixtures/eval/record.py).
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/eval").join(name)
}

fn photos(name: &str) -> Vec<Photo> {
    photos::find(&[folder(name)]).unwrap()
}

fn go_on(_: Swapped<'_>) -> std::ops::ControlFlow<()> {
    std::ops::ControlFlow::Continue(())
}

/// Half precision of the weights, 29 layers deep: a few thousandths of a map's deviation.
#[test]
fn the_judge_matches_the_original() {
    let fixture = fixture("judge");
    let mut input = fixture["input"].clone();
    let pixels = input.data.len() / 3;
    let mean = alphaswap::nets::dlib::MEAN_RGB;
    input.data.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - mean[i / pixels]) / alphaswap::nets::dlib::SCALE);
    let model = eval::dlib().unwrap();
    let (net, outputs) = run_model(&model, HashMap::from([("input".to_string(), input)]));
    assert_cut_points(|node| net.cut_point(node), &fixture, 1e-2);
    let off = largest_difference(&outputs["embedding"].data, &fixture["output.embedding"].data);
    // Two photos of one person are .3 to .6 apart.
    assert!(off <= 1e-3, "off by {off}");
}

/// What the reference calls a number, and how far that of a single pair may be off beyond five per cent: dlib's chip
/// follows whole pixels, and a point that lies between two may be rounded to either.
type Number = (&'static str, fn(&Pair) -> f32, f64);

const NUMBERS: [Number; 12] = [
    ("so_dlib128", |p| p.source_output[0], 0.01),
    ("st_dlib128", |p| p.source_target[0], 0.01),
    ("to_dlib128", |p| p.target_output[0], 0.01),
    ("so_faceres1024", |p| p.source_output[1], 0.005),
    ("st_faceres1024", |p| p.source_target[1], 0.005),
    ("to_faceres1024", |p| p.target_output[1], 0.005),
    ("l2_so", |p| p.distance, 0.0),
    ("yaw_t", |p| p.yaw, 0.0),
    ("pose", |p| p.pose, 0.0),
    ("ex", |p| p.expression, 0.0),
    ("nme", |p| p.landmarks, 0.0),
    ("bg_l1", |p| p.outside.unwrap(), 0.0),
];

#[test]
fn numbers_agree_with_the_reference_within_two_percent() {
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(folder("numbers.json")).unwrap()).unwrap();
    let (sources, targets) = (photos("sources"), photos("targets"));
    let report = eval::judge_outputs("mesh", &photos("outputs"), (&sources, &targets), go_on).unwrap();
    let [evaluation] = &report.models[..] else { panic!("one model") };
    assert_eq!((evaluation.pairs.len(), report.skipped.len()), (4, 0));
    let summary = &evaluation.summary;
    assert_eq!([summary.all.pairs, summary.straight.pairs, summary.turned.pairs], [4, 2, 2]);
    assert_eq!(summary.all.metrics["retrieval"].mean, 1.0);
    for (key, of, floor) in NUMBERS {
        let mut means = [0.0; 2];
        for pair in &evaluation.pairs {
            let want = told["pairs"][format!("{}_{}", pair.source, pair.target)][key].as_f64().unwrap();
            let got = f64::from(of(pair));
            means = [means[0] + got / 4.0, means[1] + want / 4.0];
            let names = (&pair.source, &pair.target);
            assert!((got - want).abs() <= 0.05 * want.abs() + floor, "{key} of {names:?}: {got}, expected {want}");
        }
        assert_close(key, means[0], means[1]);
    }
    assert_close("targets", summary.frechet_targets.unwrap(), told["frechet"]["targets"].as_f64().unwrap());
    assert_close("photos", summary.frechet_photos.unwrap(), told["frechet"]["photos"].as_f64().unwrap());
}

fn assert_close(key: &str, got: f64, want: f64) {
    assert!((got - want).abs() <= 0.02 * want.abs(), "{key}: {got}, expected {want}");
}

#[test]
fn patterns_stand_for_people() {
    assert!(matches("faker/*_00?", "faker/male_009"));
    assert!(matches("congress/[A-B]*", "congress/B000575"));
    assert!(matches("openpeople/P009", "openpeople/P009"));
    for (pattern, text) in
        [("faker/*_00?", "faker/male_019"), ("congress/[A-B]*", "congress/C1"), ("a", "ab"), ("", "a")]
    {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

/// The tool, told to evaluate.
fn tool(arguments: &[&str]) -> Command {
    let mut command = trainer();
    command.arg("eval").args(arguments);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Two people swap faces by two models, beside a picture without a face.
#[test]
fn models_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let [empty, out] = ["empty.png", "out"].map(|name| dir.path().join(name).display().to_string());
    image::RgbImage::from_pixel(64, 64, image::Rgb([90, 120, 150])).save(&empty).unwrap();
    let [kai, ada] = ["kai.jpg", "ada.jpg"].map(|name| media(name).display().to_string());
    let arguments = ["--model", "mesh", "guided", "--sources", &kai, &ada, "--targets", &ada, &kai, &empty, "-o", &out];
    let output = tool(&arguments).arg("--keep").assert().success().get_output().clone();
    assert!(String::from_utf8(output.stderr.clone()).unwrap().contains("left out empty: no face found"));
    for words in ["mesh", "guided", "likeness to the source: dlib cosine", "Fréchet distance"] {
        assert!(stdout(&output).contains(words), "{words}");
    }
    let out = PathBuf::from(out);
    let report: Report = serde_json::from_slice(&std::fs::read(out.join("eval.json")).unwrap()).unwrap();
    assert_eq!((report.sources, report.targets, report.skipped.len()), (2, 2, 1));
    for model in &report.models {
        // Nobody is put onto themselves.
        let pairs: Vec<_> = model.pairs.iter().map(|p| (p.source.as_str(), p.target.as_str())).collect();
        assert_eq!(pairs, [("kai", "ada"), ("ada", "kai")]);
        let means = model.summary.means();
        assert!(means["identity_dlib"] > means["before_dlib"] + 0.3, "{means:?}");
        assert!(means["pose"] < 6.0 && means["expression"] < 0.06, "{means:?}");
        assert!(means["outside"] < 0.5, "{means:?}");
    }
    let sheet = image::open(out.join("sheet.png")).unwrap().into_rgb8();
    assert_eq!(sheet.dimensions(), (4 * 164 + 4, 2 * 164 + 4));
    assert!(std::fs::read_to_string(out.join("eval.md")).unwrap().contains("| pose error, degrees"));

    // What was kept, measured by itself, is what was measured.
    let path = |name: &str| out.join(name).display().to_string();
    let [sources, targets, outputs, again] = ["sources", "targets", "mesh", "again"].map(path);
    tool(&["--outputs", &outputs, "--sources", &sources, "--targets", &targets, "-o", &again]).assert().success();
    let again: Report = serde_json::from_slice(&std::fs::read(out.join("again/eval.json")).unwrap()).unwrap();
    assert_eq!(again.models[0].summary, report.models[0].summary);
}

#[test]
fn what_cannot_be_judged_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let [empty, nothing, absent] = ["empty.png", "nothing", "absent"].map(path);
    image::RgbImage::from_pixel(64, 64, image::Rgb([90, 120, 150])).save(&empty).unwrap();
    std::fs::create_dir(&nothing).unwrap();
    let kai = media("kai.jpg").display().to_string();
    let fails = |arguments: &[&str], words: &[&str]| crate::cli::fails(&mut tool(arguments), words);
    fails(&["--sources", &absent, "--targets", &kai], &["absent", "No such file"]);
    fails(&["--sources", &nothing, "--targets", &kai], &["nothing", "no picture"]);
    fails(&["--sources", &kai, "--targets", &empty], &["no target is left", "empty", "no face found"]);
    fails(&["--sources", &empty, "--targets", &kai], &["no source is left", "no face found"]);
    fails(&["--sources", &kai, "--targets", &kai], &["the only source"]);
    fails(&["--sources", &kai, "--targets", &kai, "--model", "mush"], &["model mush", "mesh, guided, guided-256"]);
    fails(&["--outputs", &nothing, "--sources", &kai, "--targets", &kai], &["no picture"]);
    tool(&["--sources", &kai]).assert().code(2);
    tool(&["--data", &nothing]).assert().code(2);
}

/// The trainer's entry.
#[test]
fn a_generator_is_judged() {
    let photos = |name: &str| [Photo::new(&media(name))];
    let model = Model::builtin("generator").unwrap();
    let summary = eval::judge(&model, &photos("kai.jpg"), &photos("ada.jpg"), &Options::default()).unwrap();
    assert_eq!((summary.measured, summary.lost, summary.all.pairs), (1, 0, 1));
    assert!(summary.frechet_targets.is_none(), "one picture has no spread");
    let error = eval::judge(&eval::dlib().unwrap(), &photos("kai.jpg"), &photos("ada.jpg"), &Options::default());
    assert!(error.unwrap_err().to_string().contains("not a generator"));
}
