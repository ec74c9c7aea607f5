//! The identity file `.alphaface`: safetensors with metadata.
//!
//! | tensor | type, shape | what |
//! |---|---|---|
//! | `embeddings.{i}` | f32 `[n]` | raw embedding, averaged over the photos, i from 0 without gaps |
//! | `textures.{i}.rgb` | u8 `[side, side, 3]` | aligned photo, i from 0 without gaps |
//! | `textures.{i}.points` | f32 `[468, 3]` | its mesh in canvas pixels |
//!
//! Metadata (all text): `format` = `alphaface`, `version` = `3`, `name`; the [`Consent`] record: `consent` (its text),
//! `date` (`YYYY-MM-DD`), if it has them `until`, `evidence` and `former` (SHA-256 of the records that it replaced,
//! separated by spaces), if it is signed `enroller` and `signature` (in hexadecimal digits); for each embedding
//! `embeddings.{i}.encoder` (its name), `embeddings.{i}.crop` (an [`EncoderCrop`]) and, where it is known,
//! `embeddings.{i}.sha256` (of the encoder's weights file); for each texture `textures.{i}.pose` = yaw, pitch, roll in
//! degrees, separated by spaces.
//!
//! An embedding is stored as the encoder gave it. The matrix that AlphaFace and inswapper map it by (emap) belongs to
//! the generator's model file, so that one identity fits every generator of its encoders, whatever their emap.
//!
//! Older versions are still read. Version 2 has records without end, evidence and signature. Version 1 also has one
//! embedding: the tensor `embedding`, by the `encoder` of the metadata, on [`EncoderCrop::MeshBox`].

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use bytemuck::{cast_slice, pod_collect_to_vec};
use data_encoding::HEXLOWER;
use glam::Vec3;
use jiff::civil::Date;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::consent::Signature;
use super::validate::validate;
use super::{Consent, Embedding, Identity, Texture};
use crate::align::EncoderCrop;
use crate::digest::hex;
use crate::error::{Error, Result};
use crate::face::{Landmarks, POINTS, Pose};
use crate::files::write_atomically;

/// Value of the metadata key `format`.
pub const FORMAT: &str = "alphaface";
/// Version of the layout that is written.
pub const VERSION: &str = "3";
/// The older versions that are read, too.
const VERSION_1: &str = "1";
const VERSION_2: &str = "2";
/// Embeddings in a file at most.
pub const MAX_EMBEDDINGS: usize = 16;
/// Textures in a file at most.
pub const MAX_TEXTURES: usize = 32;

/// Bytes of a file at most: 32 textures of the largest side that enrolling makes, and some.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of the JSON header at most; ours has some 200 bytes a texture.
const MAX_HEADER: u64 = 1 << 20;
/// What to do with a picture that was given instead of an identity.
const HOW_TO_ENROLL: &str = "make an identity of it first: alphaswap enroll PHOTO -o me.alphaface --name NAME --consent \"who agreed, to what, when\"";

/// What is wrong with a file; the path is added in one place.
pub(super) type Check<T> = Result<T, String>;

/// See [`Identity::open`].
pub(super) fn open(path: &Path) -> Result<Identity> {
    let broken = |reason: String| Error::Identity { path: path.into(), reason };
    let bytes = read(path)?;
    parse(&bytes).map_err(broken)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let broken = |reason: &str| Error::Identity { path: path.into(), reason: reason.into() };
    let meta = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(broken(&format!("there is no such file; {HOW_TO_ENROLL}")));
        }
        other => other.map_err(Error::io(path))?,
    };
    if meta.is_dir() {
        return Err(broken("this is a folder; name the .alphaface file in it"));
    }
    if !meta.is_file() {
        return Err(broken("this is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(Error::io(path))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    Ok(bytes)
}

/// Recognises what people give by mistake, by its first bytes, and checks the header's length.
fn sniff(bytes: &[u8]) -> Check<()> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    let photo = [
        ("JPEG photo", at(0, b"\xff\xd8\xff")),
        ("PNG picture", at(0, b"\x89PNG")),
        ("WebP picture", at(0, b"RIFF") && at(8, b"WEBP")),
        ("GIF picture", at(0, b"GIF8")),
        ("HEIF photo", at(4, b"ftyphei") || at(4, b"ftypmif") || at(4, b"ftypavif")),
        ("video", at(4, b"ftyp") || at(0, b"\x1a\x45\xdf\xa3") || (at(0, b"RIFF") && at(8, b"AVI "))),
    ];
    if let Some((what, _)) = photo.iter().find(|(_, is)| *is) {
        return Err(format!("this is a {what}, not an identity; {HOW_TO_ENROLL}"));
    }
    if bytes.is_empty() {
        return Err(format!("this file is empty; {HOW_TO_ENROLL}"));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("this is no identity file: larger than {} MiB", MAX_BYTES >> 20));
    }
    let head = &bytes[..bytes.len().min(512)];
    // A character that the end of the head cuts in two is no sign against text.
    let is_utf8 = std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true);
    let is_text = is_utf8 && !head.iter().any(|b| b.is_ascii_control() && !b.is_ascii_whitespace());
    if is_text {
        return Err(format!("this is a text file, not an identity; {HOW_TO_ENROLL}"));
    }
    let Some(length) = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) else {
        return Err("this is no identity file: shorter than a header".into());
    };
    if !at(8, b"{") {
        return Err(format!("this is no identity file; {HOW_TO_ENROLL}"));
    }
    if length > MAX_HEADER {
        return Err(format!("its header claims {length} bytes, more than {MAX_HEADER}: broken or not an identity"));
    }
    if length > bytes.len() as u64 - 8 {
        return Err("it is cut short inside its header; copy it again or enroll again".into());
    }
    Ok(())
}

/// See [`Identity::parse`].
pub(super) fn parse(bytes: &[u8]) -> Check<Identity> {
    sniff(bytes)?;
    let broken = |e| format!("it is broken or cut short ({e}); copy it again or enroll again");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let meta = header.metadata().clone().unwrap_or_default();
    if meta.get("format").map(String::as_str) != Some(FORMAT) {
        return Err("these are weights of a model, not an identity".into());
    }
    let version = meta.get("version").map_or("", String::as_str);
    let embeddings = match version {
        VERSION_1 => vec![Embedding {
            encoder: text(&meta, "encoder")?,
            crop: EncoderCrop::MeshBox,
            sha256: None,
            values: floats(&tensors, "embedding")?.1,
        }],
        VERSION_2 | VERSION => embeddings(&tensors, &meta)?,
        _ => {
            let reads = format!("this program reads versions {VERSION_1} to {VERSION}");
            return Err(format!("it has version `{version}`, {reads}; enroll again"));
        }
    };
    let identity = Identity {
        name: text(&meta, "name")?,
        consent: consent(&meta)?,
        embeddings,
        textures: textures(&tensors, &meta)?,
    };
    validate(&identity)?;
    Ok(identity)
}

fn text(meta: &HashMap<String, String>, key: &str) -> Check<String> {
    meta.get(key).cloned().ok_or_else(|| format!("`{key}` is missing in its metadata"))
}

fn consent(meta: &HashMap<String, String>) -> Check<Consent> {
    let day = |key: &str, text: &String| {
        text.parse::<Date>().map_err(|_| format!("`{key}` in its metadata is no date like 2026-11-30"))
    };
    let signature = match (meta.get("enroller"), meta.get("signature")) {
        (None, None) => None,
        (enroller, signature) => {
            let bytes = |text: Option<&String>| HEXLOWER.decode(text?.as_bytes()).ok();
            let enroller = bytes(enroller).and_then(|b| b.try_into().ok());
            let signature = bytes(signature).and_then(|b| b.try_into().ok());
            let broken = "`enroller` or `signature` in its metadata is missing or broken";
            Some(enroller.zip(signature).map(|(enroller, bytes)| Signature { enroller, bytes }).ok_or(broken)?)
        }
    };
    Ok(Consent {
        text: text(meta, "consent")?,
        date: day("date", &text(meta, "date")?)?,
        until: meta.get("until").map(|text| day("until", text)).transpose()?,
        evidence: meta.get("evidence").cloned(),
        former: meta.get("former").map_or(Ok(Vec::new()), |text| former(text))?,
        signature,
    })
}

fn former(text: &str) -> Check<Vec<[u8; 32]>> {
    let digests = text.split(' ').map(|word| HEXLOWER.decode(word.as_bytes()).ok()?.try_into().ok());
    digests.collect::<Option<_>>().ok_or_else(|| "`former` in its metadata is no list of SHA-256".into())
}

fn embeddings(tensors: &SafeTensors<'_>, meta: &HashMap<String, String>) -> Check<Vec<Embedding>> {
    let count = tensors.names().iter().filter(|n| n.starts_with("embeddings.")).count();
    if count > MAX_EMBEDDINGS {
        return Err(format!("it has {count} embeddings, at most {MAX_EMBEDDINGS} are taken"));
    }
    let embedding = |i: usize| {
        let name = format!("embeddings.{i}");
        Ok(Embedding {
            encoder: text(meta, &format!("{name}.encoder"))?,
            crop: text(meta, &format!("{name}.crop"))?.try_into()?,
            sha256: meta.get(&format!("{name}.sha256")).cloned(),
            values: floats(tensors, &name)?.1,
        })
    };
    (0..count).map(embedding).collect()
}

fn textures(tensors: &SafeTensors<'_>, meta: &HashMap<String, String>) -> Check<Vec<Texture>> {
    let count = tensors.names().iter().filter(|n| n.starts_with("textures.") && n.ends_with(".rgb")).count();
    if count > MAX_TEXTURES {
        return Err(format!("it has {count} textures, at most {MAX_TEXTURES} are taken"));
    }
    (0..count).map(|i| texture(tensors, meta, i)).collect()
}

fn texture(tensors: &SafeTensors<'_>, meta: &HashMap<String, String>, i: usize) -> Check<Texture> {
    let name = format!("textures.{i}.rgb");
    let rgb = tensor(tensors, &name, Dtype::U8)?;
    let &[side, width, 3] = rgb.shape() else {
        return Err(format!("tensor {name} has shape {:?}, expected [side, side, 3]", rgb.shape()));
    };
    if side != width {
        return Err(format!("tensor {name} is {width}x{side}, expected a square"));
    }
    let name = format!("textures.{i}.points");
    let (shape, points) = floats(tensors, &name)?;
    if shape != [POINTS, 3] {
        return Err(format!("tensor {name} has shape {shape:?}, expected [{POINTS}, 3]"));
    }
    let points = Landmarks(points.chunks_exact(3).map(Vec3::from_slice).collect());
    let key = format!("textures.{i}.pose");
    let numbers = meta.get(&key).map(|t| t.split(' ').map(str::parse::<f32>).collect::<Result<Vec<_>, _>>());
    let Some(Ok(pose)) = numbers else {
        return Err(format!("`{key}` is missing in its metadata or holds no numbers"));
    };
    let &[yaw, pitch, roll] = &pose[..] else {
        return Err(format!("`{key}` in its metadata holds {} numbers, expected 3", pose.len()));
    };
    Ok(Texture { side, rgb: rgb.data().to_vec(), points, pose: Pose { yaw, pitch, roll } })
}

fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype) -> Check<TensorView<'a>> {
    let view = tensors.tensor(name).map_err(|_| format!("tensor {name} is missing"))?;
    if view.dtype() != dtype {
        return Err(format!("tensor {name} has type {:?}, expected {dtype:?}", view.dtype()));
    }
    Ok(view)
}

/// Shape and values of an f32 tensor, all finite.
fn floats(tensors: &SafeTensors<'_>, name: &str) -> Check<(Vec<usize>, Vec<f32>)> {
    let view = tensor(tensors, name, Dtype::F32)?;
    let values: Vec<f32> = pod_collect_to_vec(view.data());
    if values.iter().any(|v| !v.is_finite()) {
        return Err(format!("tensor {name} holds NaN or infinity"));
    }
    Ok((view.shape().to_vec(), values))
}

/// See [`Identity::save`].
pub(super) fn save(identity: &Identity, path: &Path) -> Result<()> {
    let broken = |reason: String| Error::Identity { path: path.into(), reason };
    validate(identity).map_err(broken)?;
    let bytes = serialize(identity).map_err(|e| broken(e.to_string()))?;
    write_atomically(path, &bytes).map_err(Error::io(path))
}

fn serialize(identity: &Identity) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let text = |key: &str, value: &str| (key.to_string(), value.to_string());
    let mut meta = HashMap::from([
        text("format", FORMAT),
        text("version", VERSION),
        text("name", &identity.name),
        text("consent", &identity.consent.text),
        text("date", &identity.consent.date.to_string()),
    ]);
    meta.extend(identity.consent.until.map(|day| text("until", &day.to_string())));
    meta.extend(identity.consent.evidence.as_ref().map(|evidence| text("evidence", evidence)));
    let former: Vec<String> = identity.consent.former.iter().map(|digest| hex(digest)).collect();
    meta.extend((!former.is_empty()).then(|| text("former", &former.join(" "))));
    if let Some(Signature { enroller, bytes }) = &identity.consent.signature {
        meta.extend([text("enroller", &hex(enroller)), text("signature", &hex(bytes))]);
    }
    let points: Vec<Vec<f32>> =
        identity.textures.iter().map(|t| t.points.0.iter().flat_map(|p| p.to_array()).collect()).collect();
    let floats = |shape: Vec<usize>, values| TensorView::new(Dtype::F32, shape, cast_slice::<f32, u8>(values));
    let mut tensors = Vec::new();
    for (i, Embedding { encoder, crop, sha256, values }) in identity.embeddings.iter().enumerate() {
        let name = format!("embeddings.{i}");
        meta.insert(format!("{name}.encoder"), encoder.clone());
        meta.insert(format!("{name}.crop"), crop.name().into());
        meta.extend(sha256.iter().map(|sha256| (format!("{name}.sha256"), sha256.clone())));
        tensors.push((name, floats(vec![values.len()], values)?));
    }
    for (i, (texture, points)) in identity.textures.iter().zip(&points).enumerate() {
        let Pose { yaw, pitch, roll } = texture.pose;
        meta.insert(format!("textures.{i}.pose"), format!("{yaw} {pitch} {roll}"));
        let rgb = TensorView::new(Dtype::U8, vec![texture.side, texture.side, 3], &texture.rgb)?;
        tensors.push((format!("textures.{i}.rgb"), rgb));
        tensors.push((format!("textures.{i}.points"), floats(vec![POINTS, 3], points)?));
    }
    safetensors::serialize(tensors, Some(meta))
}
