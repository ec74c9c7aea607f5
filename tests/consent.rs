//! Consent records: who may be put on today.

use std::fs;

use alphaswap::Error;
use alphaswap::align::EncoderCrop;
use alphaswap::digest::hex;
use alphaswap::identity::{Consent, Date, Identity, Key, Revocations};

use crate::support;

const NOON: &str = "2026-11-22T12:00:00Z";

/// The demo's Kai, from 2026-11-21 on, signed.
fn signed() -> Identity {
    let mut identity = support::identity();
    identity.consent.until = Some(Date::constant(2026, 11, 30));
    identity.consent.evidence = Some("a letter".into());
    identity.sign(&Key::from_secret(&[1; 32]));
    identity
}

/// The reason of a refusal at `time`.
fn refusal(identity: &Identity, time: &str) -> String {
    identity.permit(time.parse().unwrap(), &Revocations::default()).unwrap_err()
}

#[test]
fn a_record_holds_from_its_first_to_its_last_day_everywhere_on_earth() {
    let identity = signed();
    for time in [NOON, "2026-11-20T10:30:00Z", "2026-11-30T23:59:59Z", "2026-12-01T11:59:00Z"] {
        assert_eq!(identity.permit(time.parse().unwrap(), &Revocations::default()), Ok(()), "{time}");
    }
    assert!(refusal(&identity, "2026-12-01T12:01:00Z").contains("expired after 2026-11-30"));
    assert!(refusal(&identity, "2026-11-20T09:30:00Z").contains("set the clock"));
    assert!(refusal(&identity, "1970-01-01T00:00:00Z").contains("set the clock"), "a clock without a battery");
    let mut endless = signed();
    endless.consent.until = None;
    endless.sign(&Key::from_secret(&[1; 32]));
    assert_eq!(endless.permit("2999-01-01T00:00:00Z".parse().unwrap(), &Revocations::default()), Ok(()));
}

#[test]
fn whatever_is_altered_after_signing_is_refused() {
    let changes: [fn(&mut Identity); 14] = [
        |i| i.embeddings[0].crop = EncoderCrop::Arcface112,
        |i| i.embeddings[0].sha256 = Some("0a".repeat(32)),
        |i| i.name.push('!'),
        |i| i.consent.text.push('!'),
        |i| i.consent.date = Date::constant(2026, 11, 20),
        |i| i.consent.until = Some(Date::constant(2036, 11, 30)),
        |i| i.consent.until = None,
        |i| i.consent.evidence = None,
        |i| i.embeddings[0].values[0] += 1e-3,
        |i| i.embeddings[0].encoder.push('2'),
        |i| i.textures[0].rgb[100] ^= 1,
        |i| i.textures[0].points.0[7].x += 1e-3,
        |i| i.textures[0].pose.yaw += 1e-3,
        |i| i.textures.push(i.textures[0].clone()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut identity = signed();
        change(&mut identity);
        assert!(refusal(&identity, NOON).contains("altered"), "change {number}");
    }
}

#[test]
fn a_signature_by_another_or_by_none_is_refused() {
    let mut forged = signed();
    let other = Key::from_secret(&[2; 32]);
    forged.consent.signature.as_mut().unwrap().enroller = other.public();
    assert!(refusal(&forged, NOON).contains("altered"));
    forged.consent.signature.as_mut().unwrap().enroller = [0; 32];
    assert!(refusal(&forged, NOON).contains("altered"), "a weak key signs anything");
    let mut bare = signed();
    bare.consent.signature = None;
    assert!(refusal(&bare, NOON).contains("identity renew"));
}

#[test]
fn text_cannot_move_from_one_field_to_the_next() {
    let digest = |name: &str, text: &str, evidence: Option<&str>| {
        let mut identity = signed();
        (identity.name, identity.consent.text) = (name.into(), text.into());
        identity.consent.evidence = evidence.map(Into::into);
        identity.consent_digest()
    };
    assert_ne!(digest("ab", "c", None), digest("a", "bc", None));
    assert_ne!(digest("a", "b", Some("c")), digest("a", "bc", None));
}

#[test]
fn a_revoked_face_is_refused_under_any_record() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("new/folder/revoked.txt");
    Revocations::add(&list, &signed(), "Kai\ncalled").unwrap();
    let text = fs::read_to_string(&list).unwrap();
    assert_eq!(text.lines().count(), 4, "head, face, photo, embedding; a note stays in its line: {text}");
    fs::write(&list, text.trim_end()).unwrap();
    let mut other = signed();
    other.textures.truncate(1);
    other.textures[0].rgb[0] ^= 1;
    other.embeddings[0].values[0] += 1e-3;
    other.sign(&Key::from_secret(&[1; 32]));
    Revocations::add(&list, &other, "").unwrap();
    let revoked = Revocations::open(Some(&list)).unwrap();
    let mut renewed = signed();
    renewed.consent = Consent::new("a new consent", Date::constant(2026, 11, 22));
    renewed.sign(&Key::from_secret(&[3; 32]));
    for identity in [&signed(), &renewed, &other] {
        assert!(identity.permit(NOON.parse().unwrap(), &revoked).unwrap_err().contains("revoked"));
        assert_eq!(identity.permit(NOON.parse().unwrap(), &Revocations::default()), Ok(()));
    }
    assert!(revoked.contains_id(signed().consent_id()) && !revoked.contains_id(renewed.consent_id()));
}

#[test]
fn a_revoked_face_is_told_by_its_photo_and_by_its_embedding() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("revoked.txt");
    Revocations::add(&list, &signed(), "").unwrap();
    let revoked = Revocations::read(&list).unwrap();
    type Change = fn(&mut Identity);
    let photo: Change = |i| i.textures[0].rgb[100] ^= 1;
    let embedding: Change = |i| i.embeddings[0].values[0] += 1e-3;
    let others: Change = |i| i.textures.insert(0, i.textures[0].mirrored());
    let renamed: Change = |i| i.embeddings[0].encoder.push('2');
    let twice: Change = |i| i.textures.push(i.textures[0].clone());
    let mesh: Change = |i| i.textures[0].points.0[7].x += 1e-3;
    let cases: [(&str, &[Change], bool); 6] = [
        ("the photo twice", &[twice], true),
        ("the photo among others, the embedding their mean", &[others, embedding], true),
        ("the photo, its mesh moved", &[mesh, embedding], true),
        ("the embedding", &[photo], true),
        ("the embedding by an encoder of another name", &[photo, renamed], true),
        ("another photo", &[photo, embedding], false),
    ];
    for (what, changes, known) in cases {
        let mut identity = signed();
        changes.iter().for_each(|change| change(&mut identity));
        identity.sign(&Key::from_secret(&[2; 32]));
        let permit = identity.permit(NOON.parse().unwrap(), &revoked);
        assert_eq!(permit.is_err_and(|reason| reason.contains("revoked")), known, "{what}");
    }
}

#[test]
fn a_list_that_lacks_something_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("revoked.txt");
    let [record, face] = [signed().consent_digest(), signed().face_digest()].map(|digest| hex(&digest));
    let mut renewed = signed();
    renewed.consent = Consent::new("a new consent", Date::constant(2026, 11, 22));
    let mut among_others = renewed.clone();
    among_others.textures.push(among_others.textures[0].mirrored());
    let wrong = "0a".repeat(32);
    // As older versions wrote it; with a hand-edited record; with a hand-edited face.
    for (line, by_face, by_record) in
        [([&record, &face], true, true), ([&wrong, &face], true, false), ([&record, &wrong], false, true)]
    {
        fs::write(&list, format!("{} {} Kai\n", line[0], line[1])).unwrap();
        let revoked = Revocations::read(&list).unwrap();
        assert!(revoked.contains(&signed()), "{line:?}");
        assert_eq!((revoked.contains(&renewed), revoked.contains_record(&record)), (by_face, by_record), "{line:?}");
        assert!(!revoked.contains(&among_others), "{line:?}");
        assert_eq!(Revocations::add(&list, &signed(), "").unwrap(), 1, "{line:?}");
        let revoked = Revocations::read(&list).unwrap();
        assert!(revoked.contains_record(&record), "{line:?}");
        assert!([signed(), renewed.clone(), among_others.clone()].iter().all(|i| revoked.contains(i)), "{line:?}");
        assert_eq!(Revocations::add(&list, &signed(), "").unwrap(), 0, "{line:?}");
    }
}

#[test]
fn a_list_is_read_however_its_lines_end() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("revoked.txt");
    Revocations::add(&list, &signed(), "Kai").unwrap();
    let text = fs::read_to_string(&list).unwrap();
    for text in [text.replace('\n', "\r\n"), text.replace('\n', "\r"), format!("\u{feff}{text}")] {
        assert!(Revocations::parse(&text).unwrap().contains(&signed()), "{text:?}");
    }
    assert!(Revocations::parse("# a\r\n\r\nnonsense").unwrap_err().contains("line 3"));
}

#[test]
fn records_that_nobody_signed_for_are_not_believed() {
    let mut forged = signed();
    forged.consent.former = vec![[7; 32]];
    assert_eq!(forged.records(), [forged.consent_digest()]);
    forged.sign(&Key::from_secret(&[1; 32]));
    assert_eq!(forged.records(), [[7; 32], forged.consent_digest()]);
}

#[test]
fn whoever_takes_back_a_renewed_consent_takes_back_the_records_before() {
    let dir = tempfile::tempdir().unwrap();
    let (list, file) = (dir.path().join("revoked.txt"), dir.path().join("kai.alphaface"));
    let mut identity = signed();
    for year in [2027, 2028] {
        identity.renew(Consent::new("again", Date::constant(year, 1, 1)), &Key::from_secret(&[1; 32]));
    }
    identity.save(&file).unwrap();
    let identity = Identity::open(&file).unwrap();
    assert_eq!(identity.check_signature(), Ok(()));
    assert_eq!((identity.consent.former.len(), identity.consent.former[0]), (2, signed().consent_digest()));
    Revocations::add(&list, &identity, "").unwrap();
    let revoked = Revocations::read(&list).unwrap();
    for record in identity.consent.former.iter().chain([&identity.consent_digest()]) {
        assert!(revoked.contains_record(&hex(record)));
    }
    assert_eq!(Revocations::add(&list, &identity, "").unwrap(), 0, "all are listed");
    // An older copy was taken back before: the rest is added.
    let other = dir.path().join("other.txt");
    assert_eq!(Revocations::add(&other, &signed(), "").unwrap(), 1);
    assert_eq!(Revocations::add(&other, &identity, "").unwrap(), 2);
    // Without a signature there is nothing to believe.
    let mut unsigned = identity.clone();
    unsigned.consent.signature = None;
    assert!(unsigned.save(&file).unwrap_err().to_string().contains("not signed"));
    // They are signed, too: nobody takes back what another file says.
    let mut forgetful = identity.clone();
    forgetful.consent.former.remove(0);
    assert!(forgetful.check_signature().unwrap_err().contains("altered"));
    assert_eq!(Revocations::add(&dir.path().join("third.txt"), &forgetful, "").unwrap(), 1);
}

#[test]
fn a_list_that_cannot_be_understood_is_an_error() {
    assert_eq!(Revocations::parse("# nothing\n\n  \n"), Ok(Revocations::default()));
    let digest = "0A".repeat(32);
    assert!(Revocations::parse(&format!("{digest} {digest} upper case")).is_ok());
    for broken in ["kai", &digest, &format!("{digest} kai"), &format!("{} {digest}", &digest[1..])] {
        let text = format!("# list\n{broken}");
        assert!(Revocations::parse(&text).unwrap_err().contains("line 2"), "{broken}");
    }
    let error = Revocations::open(Some("/no/such/list".as_ref())).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/key.pem");
    let made = Key::open_or_make(&path).unwrap();
    assert_eq!(Key::open_or_make(&path).unwrap().public(), made.public());
    assert_ne!(Key::random().unwrap().public(), made.public());
    assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::write(&path, "no key").unwrap();
    let message = Key::open_or_make(&path).err().unwrap().to_string();
    assert!(message.contains("key.pem") && message.contains("PKCS #8"), "{message}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no key", "what is there is not replaced");
}

#[test]
fn the_record_comes_back_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kai.alphaface");
    let identity = signed();
    identity.save(&path).unwrap();
    let read = Identity::open(&path).unwrap();
    assert_eq!((read.consent.clone(), read.consent_digest()), (identity.consent.clone(), identity.consent_digest()));
    read.check_signature().unwrap();
    let revoked = Revocations::default();
    let mut bare = read;
    bare.consent.signature = None;
    bare.save(&path).unwrap();
    let error = Identity::open_permitted(&path, &revoked).unwrap_err();
    assert!(matches!(error, Error::Consent { .. }) && error.to_string().contains("kai.alphaface"), "{error}");
}
