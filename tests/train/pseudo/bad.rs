//! What cannot be made, or must not be mixed, is refused with a reason.

use alphaswap::train::pseudo::{Header, Record, ShardWriter};

use super::*;
use crate::cli::{fails, listing};

#[test]
fn another_way_of_making_is_refused() {
    let (_photos, data) = drawn(3, 1, 64);
    let folder = tempfile::tempdir().unwrap();
    let run =
        |command: &mut Command| fails(command, &["another way", "seed = 1 instead of seed = 2", "another folder"]);
    pseudo(&data.folder, folder.path()).assert().success();
    let before = contents(folder.path());
    run(pseudo(&data.folder, folder.path()).args(["--seed", "2"]));
    assert!(contents(folder.path()) == before);
    // The same photos elsewhere are the same data set; other photos are not.
    let (_moved, same) = drawn(3, 1, 64);
    pseudo(&same.folder, folder.path()).assert().success();
    let (_other, other) = drawn(4, 1, 64);
    fails(&mut pseudo(&other.folder, folder.path()), &["another way", "index_sha256"]);
    let error = Shards::open(folder.path()).unwrap().check(&other).unwrap_err().to_string();
    assert!(error.contains("another data set"), "{error}");
}

#[test]
fn what_cannot_be_made_is_refused() {
    let (_one, one) = drawn(1, 3, 64);
    let (_two, two) = drawn(2, 1, 64);
    let out = tempfile::tempdir().unwrap();
    let run = |data: &Dataset, arguments: &[&str], words: &[&str]| {
        fails(pseudo(&data.folder, out.path()).args(arguments), words);
        assert_eq!(listing(out.path()), [""; 0]);
    };
    run(&one, &[], &["only drawn/A"]);
    run(&two, &["--without", "drawn/B"], &["only drawn/A"]);
    run(&two, &["--without", "drawn/A", "drawn/B"], &["only nobody"]);
    run(&two, &["--without", "drawn/Z*"], &["drawn/Z*", "names nobody", "drawn/"]);
    fails(&mut pseudo(out.path(), out.path()), &["dataset.toml"]);
    let larger = Maker::new(&two, 128, 1, options()).err().unwrap().to_string();
    assert!(larger.contains("crop 128") && larger.contains("divides 64"), "{larger}");
    let nothing = Options { labels: 0, swaps: 0, ..options() };
    assert!(Maker::new(&two, 64, 1, nothing).err().unwrap().to_string().contains("nothing to make"));
}

#[test]
fn a_missing_photo_is_named() {
    let (_photos, data) = drawn(3, 1, 64);
    let canvas = data.file(&data.items[1], "png");
    fs::remove_file(&canvas).unwrap();
    let out = tempfile::tempdir().unwrap();
    fails(&mut pseudo(&data.folder, out.path()), &[canvas.file_name().unwrap().to_str().unwrap()]);
    assert_eq!(listing(&out.path().join("shards")), [""; 0]);
    image::RgbImage::new(64, 64).save(&canvas).unwrap();
    fails(&mut pseudo(&data.folder, out.path()), &["64 x 64 pixels instead of 80"]);
}

#[test]
fn a_damaged_shard_is_named() {
    let (_photos, data) = drawn(3, 1, 64);
    let out = tempfile::tempdir().unwrap();
    pseudo(&data.folder, out.path()).assert().success();
    let shard = out.path().join("shards/00000.safetensors");
    let whole = fs::read(&shard).unwrap();
    for broken in [&whole[..4], &whole[..whole.len() - 1], &whole[8..], b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        fs::write(&shard, broken).unwrap();
        fails(&mut pseudo(&data.folder, out.path()), &["00000.safetensors", "delete this shard"]);
    }
    fs::remove_file(&shard).unwrap();
    pseudo(&data.folder, out.path()).assert().success();
    assert!(fs::read(&shard).unwrap() == whole);
}

/// A writer for any maker: it takes only what fits, and a shard that cannot be written leaves nothing.
#[test]
fn the_writer_takes_only_what_fits() {
    let (_photos, data) = drawn(2, 1, 64);
    let header = Maker::new(&data, CROP, 1, options()).unwrap().header().clone();
    let header = Header { samples: 1, maker: "teacher".into(), mesh: None, ..header };
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::begin(folder.path(), header).unwrap();
    let record = Record { kind: Kind::Label, photo: "a".into(), identity: "a".into(), from: vec![], mesh: None };
    let sample = Sample { record, input: Some(vec![1; 3 * 80 * 80]), guide: None, mask: vec![2; 80 * 80] };
    let wrong = [
        Sample { mask: vec![2; 80], ..sample.clone() },
        Sample { input: None, ..sample.clone() },
        Sample { guide: sample.input.clone(), ..sample.clone() },
    ];
    for wrong in wrong {
        assert!(writer.push(wrong).unwrap_err().to_string().contains("sample 0: its pictures do not fit"));
    }
    let shard = folder.path().join("shards/00000.safetensors");
    fs::create_dir(&shard).unwrap();
    let error = writer.push(sample.clone()).unwrap_err().to_string();
    assert!(error.contains("00000.safetensors"), "{error}");
    assert_eq!(listing(&folder.path().join("shards")), ["00000.safetensors"]);
    fs::remove_dir(&shard).unwrap();
    let header = Shards::open(folder.path()).unwrap().header;
    let mut writer = ShardWriter::begin(folder.path(), header).unwrap();
    writer.push(sample.clone()).unwrap();
    assert!(writer.push(sample.clone()).unwrap_err().to_string().contains("no more"));
    assert_eq!(Shards::open(folder.path()).unwrap().sample(0).unwrap(), sample);
}
