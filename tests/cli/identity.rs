//! `alphaswap identity`, and who refuses what it says.

use image::imageops;

use super::*;

/// A copy of Kai's identity file in a folder of its own.
fn kai() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kai.alphaface");
    std::fs::copy(identity(), &path).unwrap();
    (dir, path)
}

fn run(arguments: &[&str], file: &Path) -> Command {
    let mut command = alphaswap();
    command.arg("identity").arg(arguments[0]).arg(file).args(&arguments[1..]);
    command
}

fn shown(file: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = run(&["show", "--json"], file).args(arguments).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `swap` with `file` on a picture.
fn swap(file: &Path, arguments: &[&str]) -> Command {
    let mut command = alphaswap();
    let out = file.with_file_name("out.png");
    command.arg("swap").arg(media("ada.jpg")).arg(out).arg("--overwrite").arg("--source").arg(file).args(arguments);
    command
}

#[test]
fn a_fresh_identity_is_signed_and_may_be_used() {
    let (_dir, file) = kai();
    let said = shown(&file, &[]);
    assert_eq!((&said["permitted"], &said["until"]), (&true.into(), &serde_json::Value::Null), "{said}");
    assert_eq!(said["enroller"].as_str().unwrap().len(), 64);
    let words = predicate::str::contains("no consent needed").and(predicate::str::contains("may be used"));
    run(&["show"], &file).assert().success().stdout(words);
}

#[test]
fn a_consent_is_renewed_with_evidence_and_an_end() {
    let (dir, file) = kai();
    let letter = dir.path().join("letter.txt");
    std::fs::write(&letter, "I agree.").unwrap();
    let before = shown(&file, &[]);
    run(&["renew", "--consent", "again", "--until", "2999-12-31", "--evidence-file"], &file)
        .arg(&letter)
        .assert()
        .success();
    let after = shown(&file, &[]);
    assert_eq!((&after["until"], &after["consent"]), (&"2999-12-31".into(), &"again".into()));
    assert!(after["evidence"].as_str().unwrap().starts_with("sha256:") && after["permitted"] == true, "{after}");
    assert_eq!((&before["face"], &before["enroller"]), (&after["face"], &after["enroller"]));
    assert_ne!(before["record"], after["record"]);
    fails(&mut run(&["renew", "--consent", "x", "--until", "2020-01-01"], &file), &["--until 2020-01-01", "passed"]);
    run(&["renew", "--consent", "x", "--until", "soon"], &file).assert().code(2);
    // As long as a text may be.
    run(&["renew", "--consent", &"x".repeat(4000)], &file).assert().success();
}

#[test]
fn a_renewed_consent_knows_what_was_made_under_the_one_before() {
    let (dir, file) = kai();
    swap(&file, &["--no-manifest"]).assert().success();
    let mut verify = alphaswap();
    verify.arg("verify").arg(dir.path().join("out.png")).arg("--source").arg(&file);
    verify.assert().success().stdout(predicate::str::is_match("record is [0-9a-f]{6}: the same").unwrap());
    run(&["renew", "--consent", "again"], &file).assert().success();
    verify.assert().success().stdout(predicate::str::contains(": an earlier one"));
}

#[test]
fn a_revoked_face_is_refused_by_those_who_read_the_list() {
    let (dir, file) = kai();
    let list = dir.path().join("revoked.txt");
    let with_list = ["--revocation-list", list.to_str().unwrap()];
    run(&["revoke", "--note", "Kai called"], &file).args(with_list).assert().success();
    run(&["revoke"], &file).args(with_list).assert().success().stderr(predicate::str::contains("already"));
    assert!(std::fs::read_to_string(&list).unwrap().contains("Kai called"));
    fails(&mut swap(&file, &with_list), &["kai.alphaface", "revoked"]);
    assert!(!dir.path().join("out.png").exists());
    let said = shown(&file, &with_list);
    assert!(said["permitted"] == false && said["reason"].as_str().unwrap().contains("revoked"), "{said}");
    fails(run(&["renew", "--consent", "x"], &file).args(with_list), &["taken back"]);
    // Whoever has not got the list does not know.
    swap(&file, &["--no-manifest"]).assert().success();
    alphaswap()
        .arg("verify")
        .arg(dir.path().join("out.png"))
        .args(with_list)
        .assert()
        .success()
        .stdout(predicate::str::contains("TAKEN BACK"));
    std::fs::write(&list, "nonsense").unwrap();
    fails(&mut swap(&file, &with_list), &["revoked.txt", "line 1"]);
}

/// Neither the record's words nor a name may look like what the tool says itself.
#[test]
fn text_in_a_file_cannot_speak_for_the_tool() {
    let (_dir, file) = kai();
    let mut forged = alphaswap::identity::Identity::open(&file).unwrap();
    forged.consent.text = "I agree\n  enroller   1111\n  today      may be used".into();
    forged.name = "Kai\u{202e}".into();
    forged.save(&file).unwrap();
    let output = run(&["show"], &file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with("enroller")).count(), 1, "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    assert!(text.lines().last().unwrap().contains("refused"), "{text}");
}

#[test]
fn a_face_that_was_taken_back_is_not_enrolled_from_the_same_photos() {
    let (dir, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let photo = image::open(media("kai.jpg")).unwrap().into_rgb8();
    let (width, height) = photo.dimensions();
    // The same pixels without loss, and two photos that are others.
    photo.save(dir.path().join("same.png")).unwrap();
    photo.save(dir.path().join("same.webp")).unwrap();
    imageops::flip_horizontal(&photo).save(dir.path().join("mirrored.png")).unwrap();
    let smaller = imageops::resize(&photo, width * 7 / 8, height * 7 / 8, imageops::FilterType::Triangle);
    smaller.save(dir.path().join("smaller.png")).unwrap();
    std::fs::copy(media("kai.jpg"), dir.path().join("kai.jpg")).unwrap();
    let enroll = |photos: &[&str], name: &str| {
        let mut command = alphaswap();
        command.env("XDG_CONFIG_HOME", config.path()).current_dir(dir.path());
        command.arg("enroll").args(photos).args(["-o", name]).args(CONSENT);
        command
    };
    enroll(&["smaller.png", "kai.jpg"], "before.alphaface").assert().success();
    enroll(&["kai.jpg", "mirrored.png"], "one.alphaface").assert().success();
    run(&["revoke"], &dir.path().join("one.alphaface")).env("XDG_CONFIG_HOME", config.path()).assert().success();
    let again: [&[&str]; 6] = [
        &["kai.jpg"],
        &["kai.jpg", "kai.jpg"],
        &["same.png"],
        &["same.webp"],
        &["mirrored.png"],
        &["smaller.png", "kai.jpg", "mirrored.png"],
    ];
    for photos in again {
        fails(&mut enroll(photos, "two.alphaface"), &["taken back", "other photos"]);
        assert!(!dir.path().join("two.alphaface").exists(), "{photos:?}");
    }
    let mut show = run(&["show"], &dir.path().join("before.alphaface"));
    show.env("XDG_CONFIG_HOME", config.path()).assert().success().stdout(predicate::str::contains("was revoked"));
    // What the list does not know again, and says so.
    enroll(&["smaller.png"], "two.alphaface").assert().success();
}

#[test]
fn a_shared_list_is_heeded_when_enrolling() {
    let (dir, file) = kai();
    let list = dir.path().join("revoked.txt");
    run(&["revoke", "--revocation-list"], &file).arg(&list).assert().success();
    let enroll = || {
        let mut command = alphaswap();
        command.arg("enroll").arg(media("kai.jpg")).arg("-o").arg(dir.path().join("new.alphaface")).args(CONSENT);
        command
    };
    fails(enroll().arg("--revocation-list").arg(&list), &["taken back", "other photos"]);
    fails(enroll().arg("--revocation-list").arg(dir.path().join("no.txt")), &["no.txt"]);
    assert!(!dir.path().join("new.alphaface").exists());
    enroll().assert().success();
}

#[test]
fn records_before_are_told_of_only_while_the_signature_holds() {
    let (_dir, file) = kai();
    run(&["renew", "--consent", "again"], &file).assert().success();
    let before = predicate::str::contains("renewed    1 time(s); taking it back takes back the records before");
    run(&["show"], &file).assert().success().stdout(before);
    let mut identity = alphaswap::identity::Identity::open(&file).unwrap();
    identity.consent.text = "to everything".into();
    identity.save(&file).unwrap();
    let words = predicate::str::contains("does not hold").and(predicate::str::contains("takes back").not());
    run(&["show"], &file).assert().success().stdout(words);
}

#[test]
fn an_altered_record_is_neither_used_nor_renewed() {
    let (_dir, file) = kai();
    let mut identity = alphaswap::identity::Identity::open(&file).unwrap();
    identity.consent.text = "to everything".into();
    identity.save(&file).unwrap();
    fails(&mut swap(&file, &[]), &["kai.alphaface", "altered"]);
    fails(&mut run(&["renew", "--consent", "x"], &file), &["cannot be renewed", "altered"]);
    run(&["show"], &file).assert().success().stdout(predicate::str::contains("refused: its consent record"));
    let list = file.with_file_name("revoked.txt");
    let with_list = ["--revocation-list", list.to_str().unwrap()];
    fails(run(&["revoke"], &file).args(with_list), &["only this copy", "altered"]);
    assert!(list.exists());
    // What older versions made was never signed.
    identity.consent.signature = None;
    identity.save(&file).unwrap();
    fails(&mut swap(&file, &[]), &["not signed", "identity renew"]);
    run(&["renew", "--consent", "still fine"], &file).assert().success();
    swap(&file, &["--no-manifest"]).assert().success();
}
