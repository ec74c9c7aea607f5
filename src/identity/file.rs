//! The identity file `.alphaface`: safetensors with metadata.
//!
//! | tensor | type, shape | what |
//! |---|---|---|
//! | `embedding` | f32 `[n]` | raw embedding, averaged over the photos; n = 1024 for `faceres_224` |
//! | `textures.{i}.rgb` | u8 `[side, side, 3]` | aligned photo, i from 0 without gaps |
//! | `textures.{i}.points` | f32 `[468, 3]` | its mesh in canvas pixels |
//!
//! Metadata (all text): `format` = `alphaface`, `version` = `1`, `name`, `consent`, `date`, `encoder`, and
//! `textures.{i}.pose` = yaw, pitch, roll in degrees, separated by spaces.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use bytemuck::{cast_slice, pod_collect_to_vec};
use glam::Vec3;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Consent, Identity, Texture};
use crate::error::{Error, Result};
use crate::face::{Landmarks, POINTS, Pose};
use crate::files::write_atomically;

/// Value of the metadata key `format`.
pub const FORMAT: &str = "alphaface";
/// Version of the layout that is written; readers refuse any other.
pub const VERSION: &str = "1";
/// Textures in a file at most.
pub const MAX_TEXTURES: usize = 32;
/// Sides of a texture's canvas that are taken, in pixels. Enrolling makes 160 to 640.
pub const SIDES: std::ops::RangeInclusive<usize> = 32..=1280;
/// Values of an embedding at most.
pub const MAX_EMBEDDING: usize = 4096;

/// Bytes of a file at most: 32 textures of the largest side that enrolling makes, and some.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of the JSON header at most; ours has some 200 bytes a texture.
const MAX_HEADER: u64 = 1 << 20;
/// Characters of a text field at most.
const MAX_TEXT: usize = 4000;
/// What to do with a picture that was given instead of an identity.
const HOW_TO_ENROLL: &str = "make an identity of it first: alphaswap enroll PHOTO -o me.alphaface --name NAME --consent \"who agreed, to what, when\"";

/// What is wrong with a file; the path is added in one place.
type Check<T> = Result<T, String>;

/// See [`Identity::open`].
pub(super) fn open(path: &Path) -> Result<Identity> {
    let broken = |reason: String| Error::Identity { path: path.into(), reason };
    let bytes = read(path)?;
    sniff(&bytes).map_err(broken)?;
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

fn parse(bytes: &[u8]) -> Check<Identity> {
    let broken = |e| format!("it is broken or cut short ({e}); copy it again or enroll again");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let meta = header.metadata().clone().unwrap_or_default();
    if meta.get("format").map(String::as_str) != Some(FORMAT) {
        return Err("these are weights of a model, not an identity".into());
    }
    let version = meta.get("version").map_or("", String::as_str);
    if version != VERSION {
        return Err(format!("it has version `{version}`, this program reads version {VERSION}; enroll again"));
    }
    let text = |key: &str| meta.get(key).cloned().ok_or_else(|| format!("`{key}` is missing in its metadata"));
    let identity = Identity {
        name: text("name")?,
        consent: Consent { text: text("consent")?, date: text("date")? },
        encoder: text("encoder")?,
        embedding: floats(&tensors, "embedding")?.1,
        textures: textures(&tensors, &meta)?,
    };
    validate(&identity)?;
    Ok(identity)
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

/// What must hold for an identity, whether it was read or is about to be written.
fn validate(identity: &Identity) -> Check<()> {
    let Identity { name, consent, encoder, embedding, textures } = identity;
    for (key, text) in [("name", name), ("consent", &consent.text), ("date", &consent.date), ("encoder", encoder)] {
        let control = |c: char| c.is_control() && !(key == "consent" && matches!(c, '\n' | '\t'));
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT || text.chars().any(control) {
            return Err(format!("`{key}` is empty, too long or holds control characters"));
        }
    }
    let usable = embedding.iter().all(|v| v.is_finite()) && embedding.iter().any(|&v| v != 0.0);
    if !usable || embedding.len() > MAX_EMBEDDING {
        return Err(format!("the embedding is all zero, not finite, or has more than {MAX_EMBEDDING} values"));
    }
    if textures.is_empty() || textures.len() > MAX_TEXTURES {
        return Err(format!("it has {} textures, expected 1 to {MAX_TEXTURES}", textures.len()));
    }
    textures.iter().enumerate().try_for_each(|(i, t)| validate_texture(t).map_err(|e| format!("texture {i}: {e}")))
}

fn validate_texture(texture: &Texture) -> Check<()> {
    let Texture { side, rgb, points, pose } = texture;
    if !SIDES.contains(side) || rgb.len() != side * side * 3 {
        return Err(format!("side {side} is outside {SIDES:?}, or the pixels do not fill it"));
    }
    // Ears and chin may lie a little outside the canvas, a mesh far from it is broken.
    let limit = 4.0 * *side as f32;
    if points.0.len() != POINTS || !points.0.iter().all(|p| p.is_finite() && p.abs().max_element() <= limit) {
        return Err(format!("its mesh has not {POINTS} finite points near the canvas"));
    }
    let (lo, hi) = points.bounds();
    if (hi - lo).min_element() < 8.0 {
        return Err("its mesh is smaller than 8 pixels".into());
    }
    if ![pose.yaw, pose.pitch, pose.roll].iter().all(|a| a.abs() <= 180.0) {
        return Err("its pose is not within 180 degrees".into());
    }
    Ok(())
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
        text("date", &identity.consent.date),
        text("encoder", &identity.encoder),
    ]);
    let points: Vec<Vec<f32>> =
        identity.textures.iter().map(|t| t.points.0.iter().flat_map(|p| p.to_array()).collect()).collect();
    let floats = |shape: Vec<usize>, values| TensorView::new(Dtype::F32, shape, cast_slice::<f32, u8>(values));
    let mut tensors = vec![("embedding".to_string(), floats(vec![identity.embedding.len()], &identity.embedding)?)];
    for (i, (texture, points)) in identity.textures.iter().zip(&points).enumerate() {
        let Pose { yaw, pitch, roll } = texture.pose;
        meta.insert(format!("textures.{i}.pose"), format!("{yaw} {pitch} {roll}"));
        let rgb = TensorView::new(Dtype::U8, vec![texture.side, texture.side, 3], &texture.rgb)?;
        tensors.push((format!("textures.{i}.rgb"), rgb));
        tensors.push((format!("textures.{i}.points"), floats(vec![POINTS, 3], points)?));
    }
    safetensors::serialize(tensors, Some(meta))
}
