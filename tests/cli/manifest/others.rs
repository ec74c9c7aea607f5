//! Manifests of files under other names, and in other tools' hands.

use std::fs::{self, File};
use std::io::Cursor;

use alphaswap::marks::manifest::{Credentials, Facts, Found, State, read, sign};
use alphaswap::marks::watermark::Payload;
use c2pa::{Builder, Context, SigningAlg, create_signer};
use serde_json::json;

use super::*;

const PAYLOAD: Payload = Payload { consent: 0xc0_ffee, session: 1 };

/// What a manifest says of a file whose consent record has this digest.
fn facts() -> Facts {
    Facts { record: record(), enroller: None, payload: PAYLOAD }
}

fn record() -> String {
    "c0".repeat(32)
}

/// The key and the certificate of this folder, made at first use.
fn credentials(folder: &Path) -> Credentials {
    let own = Credentials::Own { key: folder.join("key.pem"), certificate: folder.join("certificate.pem") };
    own.check().unwrap();
    own
}

/// A portrait at `path`, signed as if it were made of `source`.
fn signed(path: &Path, source: &Path) {
    fs::copy(media("ada.jpg"), path).unwrap();
    assert_eq!(sign(path, path, source, &facts(), &credentials(path.parent().unwrap())).unwrap(), None);
}

fn found(path: &Path) -> Found {
    read(path).unwrap().unwrap()
}

/// Changes the file and not the picture: what comes behind its end is not shown.
fn prolong(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes.push(0);
    fs::write(file, bytes).unwrap();
}

/// What a tool that knows manifests makes of the JPEG `source`, whose manifest it keeps; its first action is `action`.
fn edited(source: &Path, target: &Path, action: &str) {
    let folder = target.parent().unwrap();
    credentials(folder);
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
    let signer = create_signer::from_files(certificate, key, SigningAlg::Ed25519, None).unwrap();
    let settings = r#"{"verify": {"verify_after_sign": false}}"#;
    let actions = json!({"actions": [{"action": action, "parameters": {"ingredientIds": ["source"]}}]});
    let definition = json!({
        "claim_generator_info": [{"name": "an editor"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": actions}],
    });
    let context = Context::new().with_settings(settings).unwrap();
    let mut builder = Builder::from_context(context).with_definition(definition).unwrap();
    let about = json!({"title": "source", "relationship": "parentOf", "label": "source"}).to_string();
    builder.add_ingredient_from_stream(about, "image/jpeg", &mut File::open(source).unwrap()).unwrap();
    let mut made = Cursor::new(Vec::new());
    builder.sign(signer.as_ref(), "image/jpeg", &mut File::open(source).unwrap(), &mut made).unwrap();
    fs::write(target, made.into_inner()).unwrap();
}

/// Checks what the tool prints of `file`, and with which exit code.
fn prints(file: &Path, code: i32, words: &str) {
    let words = predicate::str::contains(words);
    alphaswap().args(["verify", "--quick"]).arg(file).assert().code(code).stdout(words);
}

#[test]
fn a_file_is_known_by_its_first_bytes_and_not_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["signed.jfif", "signed", "signed.mkv"] {
        let [file, next] = [name, "next.jpg"].map(|name| dir.path().join(name));
        signed(&file, &media("ada.jpg"));
        let said = found(&file);
        assert_eq!((said.state, said.sidecar, said.record), (State::Valid, false, Some(record())), "{name}");
        signed(&next, &file);
        assert_eq!(found(&next).before, 1, "{name}: the source's manifest is kept");
        prolong(&file);
        assert_eq!(found(&file).state, State::Tampered, "{name}");
        prints(&file, 0, "ALTERED");
    }
}

#[test]
fn a_manifest_that_another_tool_kept_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, third] = ["1.jpg", "2.jpg", "3.jpg"].map(|name| dir.path().join(name));
    signed(&first, &media("ada.jpg"));
    assert_eq!(found(&first).earlier, None);
    edited(&first, &second, "c2pa.opened");
    edited(&second, &third, "c2pa.opened");
    for (file, before) in [(&second, 1), (&third, 2)] {
        let said = found(file);
        assert_eq!((said.state, said.before), (State::Valid, before), "{said:?}");
        assert_eq!((said.generator.as_deref(), said.record), (Some("an editor"), Some(record())));
        assert_eq!(said.watermark, Some(PAYLOAD.to_string()));
        let earlier = said.earlier.unwrap();
        assert!(earlier.generator.unwrap().starts_with("alphaswap ") && earlier.signer.is_some());
    }
    let said = layers(&third)["manifest"].clone();
    assert_eq!((&said["found"], &said["record"]), (&true.into(), &record().into()), "{said}");
    assert!(said["earlier"]["generator"].as_str().unwrap().starts_with("alphaswap "), "{said}");
    prints(&third, 0, "in an earlier manifest, made with alphaswap ");
    // What was changed by a tool that knows no manifests in between is not believed, however far back.
    prolong(&first);
    edited(&first, &second, "c2pa.opened");
    edited(&second, &third, "c2pa.opened");
    for file in [&second, &third] {
        let said = found(file);
        assert_eq!((said.state, &said.record, &said.earlier), (State::Valid, &None, &None), "{said:?}");
    }
    assert!(!found(&second).source_problems.is_empty());
    prints(&second, 1, "not in order: assertion.dataHash.mismatch");
}

#[test]
fn a_malformed_manifest_is_not_called_altered() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("malformed.jpg");
    // The first action must be that something was opened or created.
    edited(&media("ada.jpg"), &file, "c2pa.edited");
    let said = found(&file);
    assert_eq!(said.state, State::Malformed, "{said:?}");
    assert!(said.problems.iter().any(|code| code == "assertion.action.malformed"), "{said:?}");
    assert_eq!(layers(&file)["manifest"]["state"], "malformed");
    prints(&file, 1, "MALFORMED");
    prolong(&file);
    assert_eq!(found(&file).state, State::Tampered);
}
