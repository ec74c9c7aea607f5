//! Identity files: what is written comes back, and everything else is refused with a reason.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use alphaswap::Error;
use alphaswap::align::EncoderCrop;
use alphaswap::face::{Landmarks, POINTS, Pose};
use alphaswap::identity::{Consent, Date, Embedding, Identity, Texture};
use alphaswap::nets::{GeneratorConfig, IdentityConfig};
use glam::Vec3;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A valid identity with `textures` textures of `side` pixels.
fn identity(textures: usize, side: usize) -> Identity {
    let point = |i: usize| Vec3::new((i % 22) as f32, (i / 22) as f32, i as f32 * 0.01) * side as f32 / 22.0;
    let texture = |t: usize| Texture {
        side,
        rgb: (0..side * side * 3).map(|i| (i * 7 + t) as u8).collect(),
        points: Landmarks((0..POINTS).map(point).collect()),
        pose: Pose { yaw: 12.5 * t as f32, pitch: -3.25, roll: 0.1 },
    };
    Identity {
        name: "Zoë".into(),
        consent: Consent {
            until: Some(Date::constant(2027, 1, 31)),
            evidence: Some("a letter".into()),
            ..Consent::new("Zoë, to everything,\nuntil revoked", Date::constant(2026, 1, 31))
        },
        embeddings: vec![
            embedding("faceres_224", EncoderCrop::MeshBox, 1024),
            embedding("arcface_w600k_r50", EncoderCrop::Arcface112, 512),
            Embedding { sha256: None, ..embedding("arcface_w600k_r50", EncoderCrop::Arcface128, 512) },
        ],
        textures: (0..textures).map(texture).collect(),
    }
}

fn embedding(encoder: &str, crop: EncoderCrop, width: usize) -> Embedding {
    let values = (0..width).map(|i| (i as f32).sin()).collect();
    Embedding { encoder: encoder.into(), crop, sha256: Some("0a".repeat(32)), values }
}

/// The bytes of a saved identity.
fn saved(identity: &Identity) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    identity.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// The message of the refusal of a file of these bytes.
fn refusal(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    fs::write(&path, bytes).unwrap();
    let message = Identity::open(&path).unwrap_err().to_string();
    assert!(message.contains("me.alphaface"), "{message} does not name the file");
    message
}

/// A saved identity whose tensors and metadata `change` has had its hands on.
fn tampered(change: impl FnOnce(&mut Tensors, &mut HashMap<String, String>)) -> Vec<u8> {
    let bytes = saved(&identity(1, 64));
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut meta = header.metadata().clone().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let own = |(name, view): (&str, TensorView<'_>)| {
        (name.to_string(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    let mut tensors: Tensors = file.iter().map(own).collect();
    change(&mut tensors, &mut meta);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views, Some(meta)).unwrap()
}

type Tensors = HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

#[test]
fn comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    let original = identity(3, 160);
    original.save(&path).unwrap();
    assert_eq!(Identity::open(&path).unwrap(), original);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["me.alphaface"], "a temporary file was left behind");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    identity(1, 64).save(&path).unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn replaces_an_older_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    fs::write(&path, "old").unwrap();
    identity(1, 64).save(&path).unwrap();
    assert_eq!(Identity::open(&path).unwrap().name, "Zoë");
}

#[test]
fn is_not_saved_where_it_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let message = identity(1, 64).save(dir.path()).unwrap_err().to_string();
    assert!(message.contains("folder"), "{message}");
    let message = identity(1, 64).save(dir.path().join("no/such/me.alphaface")).unwrap_err().to_string();
    assert!(message.contains("me.alphaface"), "{message}");
}

#[test]
fn the_fuzzers_start_from_valid_files_of_each_version() {
    for (version, signed) in [("2", false), ("3", true)] {
        let path = format!("{}/tests/fuzz/corpus/identity/version-{version}", env!("CARGO_MANIFEST_DIR"));
        let identity = Identity::open(path).unwrap();
        assert_eq!((identity.consent.until.is_some(), identity.consent.signature.is_some()), (signed, signed));
        assert!(identity.check_signature().is_err(), "nobody signed it");
    }
}

#[test]
fn a_value_that_would_be_refused_is_not_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("me.alphaface");
    type Spoil = fn(&mut Identity);
    let spoil: [(&str, Spoil); 11] = [
        ("consent", |i| i.consent.text = "  ".into()),
        ("name", |i| i.name = "a\u{1b}[31m".into()),
        ("embedding 1: it is all zero or not finite", |i| i.embeddings[1].values[3] = f32::NAN),
        ("embedding 0: it has 0 values", |i| i.embeddings[0].values.clear()),
        ("5000 values", |i| i.embeddings[0].values.resize(5000, 1.0)),
        ("SHA-256", |i| i.embeddings[0].sha256 = Some("abc".into())),
        ("two embeddings by arcface_w600k_r50 on arcface_112", |i| i.embeddings[2].crop = EncoderCrop::Arcface112),
        ("it has 0 embeddings", |i| i.embeddings.clear()),
        ("`encoder`", |i| i.embeddings[0].encoder = "\u{7}".into()),
        ("textures", |i| i.textures.clear()),
        ("texture 0", |i| i.textures[0].rgb.truncate(5)),
    ];
    for (word, spoil) in spoil {
        let mut identity = identity(1, 64);
        spoil(&mut identity);
        let message = identity.save(&path).unwrap_err().to_string();
        assert!(message.contains(word), "{message} does not name {word}");
        assert!(!path.exists());
    }
}

#[test]
fn other_files_are_told_from_identities() {
    let cases: [(&[u8], &str); 10] = [
        (b"\xff\xd8\xff\xe0 and so on", "JPEG photo"),
        (b"\x89PNG\r\n\x1a\n and so on", "PNG picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP picture"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", "HEIF photo"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "video"),
        (b"", "empty"),
        (b"just some words\n", "text file"),
        (b"\x01\x02\x03", "shorter than a header"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b", "no identity file"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{\"a\":1}", "header claims"),
    ];
    for (bytes, expected) in cases {
        let message = refusal(bytes);
        assert!(message.contains(expected), "{message} does not say {expected:?}");
    }
    assert!(refusal(cases[0].0).contains("alphaswap enroll"));
}

#[test]
fn folders_and_missing_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let message = Identity::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("folder"), "{message}");
    let message = Identity::open(Path::new("nowhere.alphaface")).unwrap_err().to_string();
    assert!(message.contains("no such file") && message.contains("alphaswap enroll"), "{message}");
}

#[test]
fn broken_contents_are_named() {
    type Change = fn(&mut Tensors, &mut HashMap<String, String>);
    let cases: [(&str, Change); 19] = [
        ("weights of a model", |_, m| drop(m.remove("format"))),
        ("version `7`", |_, m| drop(m.insert("version".into(), "7".into()))),
        ("`consent` is missing", |_, m| drop(m.remove("consent"))),
        ("no list of SHA-256", |_, m| drop(m.insert("former".into(), String::new()))),
        ("no list of SHA-256", |_, m| drop(m.insert("former".into(), format!("{} 0a", "0a".repeat(32))))),
        ("is not signed", |_, m| drop(m.insert("former".into(), "0a".repeat(32)))),
        ("`name` is empty", |_, m| drop(m.insert("name".into(), "a\nb".into()))),
        ("`embeddings.1.encoder` is missing", |_, m| drop(m.remove("embeddings.1.encoder"))),
        ("no encoder crop `oval`", |_, m| drop(m.insert("embeddings.1.crop".into(), "oval".into()))),
        ("textures.0.pose", |_, m| drop(m.insert("textures.0.pose".into(), "1 2 x".into()))),
        ("pose", |_, m| drop(m.insert("textures.0.pose".into(), "NaN 2 3".into()))),
        ("embeddings.0 is missing", |t, _| drop(t.remove("embeddings.0"))),
        ("NaN", |t, _| t.get_mut("embeddings.0").unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        ("embedding 0: it is all zero", |t, _| t.get_mut("embeddings.0").unwrap().2.fill(0)),
        ("it has 0 embeddings", |t, _| t.retain(|name, _| !name.starts_with("embeddings."))),
        ("it has 19 embeddings", |t, _| {
            let one = t["embeddings.0"].clone();
            t.extend((3..19).map(|i| (format!("embeddings.{i}"), one.clone())));
        }),
        // Another type of the same bytes has twice the elements.
        ("type F16", |t, _| {
            let embedding = t.get_mut("embeddings.0").unwrap();
            (embedding.0, embedding.1) = (Dtype::F16, vec![2048]);
        }),
        ("[468, 3]", |t, _| t.get_mut("textures.0.points").unwrap().1 = vec![3, 468]),
        ("[side, side, 3]", |t, _| t.get_mut("textures.0.rgb").unwrap().1 = vec![64 * 64 * 3]),
    ];
    for (expected, change) in cases {
        let message = refusal(&tampered(change));
        assert!(message.contains(expected), "{message} does not say {expected:?}");
    }
}

#[test]
fn hostile_offsets_are_refused() {
    let header = |offsets: &str| {
        let json = format!(
            "{{\"__metadata__\":{{\"format\":\"alphaface\",\"version\":\"1\"}},\
             \"embedding\":{{\"dtype\":\"F32\",\"shape\":[1024],\"data_offsets\":{offsets}}}}}"
        );
        [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 4096]].concat()
    };
    for offsets in ["[4096,0]", "[0,18446744073709551615]", "[64,4160]", "[0,8192]", "[0,4]"] {
        assert!(refusal(&header(offsets)).contains("broken"), "{offsets}");
    }
}

/// Version 1 has one embedding, of FaceRes's kind of crop.
#[test]
fn older_files_are_read() {
    let original = identity(1, 64);
    let bytes = tampered(|tensors, meta| {
        let one = tensors.remove("embeddings.0").unwrap();
        tensors.retain(|name, _| !name.starts_with("embeddings."));
        meta.retain(|key, _| !key.starts_with("embeddings."));
        tensors.insert("embedding".into(), one);
        meta.extend([("version", "1"), ("encoder", "faceres_224")].map(|(k, v)| (k.into(), v.into())));
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.alphaface");
    fs::write(&path, bytes).unwrap();
    let embeddings = vec![Embedding { sha256: None, ..original.embeddings[0].clone() }];
    assert_eq!(Identity::open(&path).unwrap(), Identity { embeddings, ..original });
}

#[test]
fn a_generator_finds_its_embedding() {
    let identity = identity(1, 64);
    let presets = [GeneratorConfig::guided_xs(), GeneratorConfig::inswapper_128(), GeneratorConfig::alphaface_256()];
    for (i, preset) in presets.iter().enumerate() {
        let found = identity.embedding(&preset.identity).unwrap();
        assert!(std::ptr::eq(found, identity.embeddings[i].values.as_slice()), "embedding {i}");
    }
}

#[test]
fn an_embedding_of_another_kind_is_refused() {
    type Change = fn(&mut IdentityConfig);
    let cases: [(&[&str], Change); 5] = [
        (&["by vit on arcface_112", "faceres_224 on mesh_box, arcface_w600k_r50"], |c| c.encoder = "vit".into()),
        (&["arcface_w600k_r50 on mesh_box", "enroll the person again"], |c| c.encoder_crop = EncoderCrop::MeshBox),
        (&["256 values", "has 512"], |c| c.width = 256),
        (&["sha256 ffff", "has one of 0a0a"], |c| c.encoder_sha256 = Some("f".repeat(64))),
        (&["sha256 ffff", "unknown weights"], |c| {
            (c.encoder_crop, c.encoder_sha256) = (EncoderCrop::Arcface128, Some("f".repeat(64)));
        }),
    ];
    let identity = identity(1, 64);
    for (words, change) in cases {
        let mut config = GeneratorConfig::inswapper_128().identity;
        config.encoder_sha256 = Some("0a".repeat(32));
        assert!(identity.embedding(&config).is_ok());
        change(&mut config);
        let error = identity.embedding(&config).unwrap_err();
        let Error::Model { reason, .. } = &error else { panic!("{error}") };
        let how = config.encoder_crop != EncoderCrop::MeshBox;
        assert_eq!(reason.contains("with --encoder FILE"), how, "{reason}");
        assert!(words.iter().all(|word| reason.contains(word)), "{reason:?} does not say {words:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A file cut anywhere is refused and never panics.
    #[test]
    fn cut_files_are_refused(part in 0.0..1.0f64) {
        let bytes = saved(&identity(1, 64));
        let cut = (bytes.len() as f64 * part) as usize;
        refusal(&bytes[..cut]);
    }

    /// Flipped header bytes lead to a refusal or to another valid identity, never to a panic.
    #[test]
    fn flipped_bytes_never_panic(at in 0..700usize, value in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("me.alphaface");
        let mut bytes = saved(&identity(1, 64));
        bytes[at] = value;
        fs::write(&path, bytes).unwrap();
        let _ = Identity::open(&path);
    }
}
