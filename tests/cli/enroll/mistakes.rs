//! Arguments that cannot be what the user means: they are named before any photo is looked at.

use super::*;

/// The options that enrolling needs, with another value of one of them.
fn with(option: &str, value: &str) -> Vec<String> {
    let mut options: Vec<String> = CONSENT.map(String::from).to_vec();
    match options.iter().position(|o| o == option) {
        Some(i) => options[i + 1] = value.into(),
        None => options.extend([option, value].map(String::from)),
    }
    options
}

#[test]
fn an_output_without_a_place_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let cases: [(&[&str], &[&str]); 4] = [
        (&["folder"], &["folder: is a folder", "name a file in it"]),
        (&["folder", "--overwrite"], &["folder: is a folder", "name a file in it"]),
        (&["."], &["is a folder"]),
        (&["no/such/me.alphaface"], &["no/such/me.alphaface", "the folder no/such does not exist"]),
    ];
    for (output, words) in cases {
        let mut command = alphaswap();
        command.current_dir(dir.path()).arg("enroll").arg(media("kai.jpg")).args(CONSENT).arg("-o").args(output);
        fails(&mut command, words);
        command.assert().stderr(predicate::str::contains("from the front").not());
    }
    assert_eq!(listing(dir.path()), ["folder"]);
}

#[test]
fn values_that_cannot_be_taken_are_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(4001);
    let cases = [
        ("--until", "tomorrow", "YYYY-MM-DD"),
        ("--until", "31.12.2027", "YYYY-MM-DD"),
        ("--until", "2027-02-30", "YYYY-MM-DD"),
        ("--name", "", "is empty"),
        ("--name", "Kai\nAda", "a control character ('\\n')"),
        ("--name", long.as_str(), "4001 characters, at most 4000"),
        ("--consent", " ", "is empty"),
        ("--consent", "\u{1b}[31m", "a control character ('\\u{1b}')"),
        ("--evidence", "\t", "is empty"),
    ];
    for (option, value, word) in cases {
        let mut command = alphaswap();
        command.current_dir(dir.path()).arg("enroll").arg(media("kai.jpg")).args(["-o", "me.alphaface"]);
        let told = predicate::str::contains(option).and(predicate::str::contains(word));
        command.args(with(option, value)).assert().code(2).stderr(told);
    }
    assert!(listing(dir.path()).is_empty());
}

#[test]
fn files_that_are_no_key_and_no_list_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let photo = media("kai.jpg");
    std::fs::write(dir.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n").unwrap();
    let photo = photo.to_str().unwrap();
    let no_key = ["no Ed25519 key", "restore this one from a copy", "a new key is made", "stays valid"];
    let cases: [(&str, &str, &[&str]); 3] = [
        ("--key", photo, &no_key),
        ("--key", "key.pem", &no_key),
        ("--revocation-list", photo, &["kai.jpg", "is no list of consents", "`alphaswap identity revoke`"]),
    ];
    for (option, file, words) in cases {
        let mut command = alphaswap();
        command.current_dir(dir.path()).args(["enroll", photo, "-o", "me.alphaface"]).args(with(option, file));
        fails(&mut command, words);
    }
    let mut revoke = alphaswap();
    revoke.args(["identity", "revoke", "--revocation-list", photo]).arg(identity());
    fails(&mut revoke, &["kai.jpg", "is no list of consents"]);
    assert_eq!(listing(dir.path()), ["key.pem"]);
}
