//! What an identity may hold, whether it was read or is about to be written.

use super::file::{Check, MAX_EMBEDDINGS, MAX_TEXTURES};
use super::{Embedding, Identity, Texture};
use crate::face::POINTS;
use crate::nets::arcface::MAX_EMBEDDING;

/// Characters of a text in an identity at most.
pub const MAX_TEXT: usize = 4000;
/// Records that a consent may have replaced at most.
const MAX_FORMER: usize = 1000;
/// Sides of a texture's canvas that are taken, in pixels. Enrolling makes 160 to 640.
const SIDES: std::ops::RangeInclusive<usize> = 32..=1280;

/// Refuses what no valid file holds.
pub fn validate(identity: &Identity) -> Check<()> {
    let Identity { name, consent, embeddings, textures } = identity;
    let encoders = embeddings.iter().map(|e| ("encoder", &e.encoder));
    let texts = [("name", name), ("consent", &consent.text)].into_iter();
    for (key, text) in texts.chain(consent.evidence.iter().map(|e| ("evidence", e))).chain(encoders) {
        let control = |c: char| c.is_control() && !(matches!(key, "consent" | "evidence") && matches!(c, '\n' | '\t'));
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT || text.chars().any(control) {
            return Err(format!("`{key}` is empty, too long or holds control characters"));
        }
    }
    if let Some(until) = consent.until.filter(|until| *until < consent.date) {
        return Err(format!("its consent ends on {until}, before it begins on {}", consent.date));
    }
    if consent.former.len() > MAX_FORMER {
        return Err(format!("its consent replaced more than {MAX_FORMER} records: enroll the person again"));
    }
    if !consent.former.is_empty() && consent.signature.is_none() {
        return Err("its consent replaced others, but is not signed".into());
    }
    if embeddings.is_empty() || embeddings.len() > MAX_EMBEDDINGS {
        return Err(format!("it has {} embeddings, expected 1 to {MAX_EMBEDDINGS}", embeddings.len()));
    }
    for (i, embedding) in embeddings.iter().enumerate() {
        let same = |e: &Embedding| e.encoder == embedding.encoder && e.crop == embedding.crop;
        if embeddings[..i].iter().any(same) {
            return Err(format!("it has two embeddings by {} on {}", embedding.encoder, embedding.crop.name()));
        }
        validate_embedding(embedding).map_err(|e| format!("embedding {i}: {e}"))?;
    }
    if textures.is_empty() || textures.len() > MAX_TEXTURES {
        return Err(format!("it has {} textures, expected 1 to {MAX_TEXTURES}", textures.len()));
    }
    textures.iter().enumerate().try_for_each(|(i, t)| validate_texture(t).map_err(|e| format!("texture {i}: {e}")))
}

fn validate_embedding(embedding: &Embedding) -> Check<()> {
    let values = &embedding.values;
    if values.is_empty() || values.len() > MAX_EMBEDDING {
        return Err(format!("it has {} values, expected 1 to {MAX_EMBEDDING}", values.len()));
    }
    if !values.iter().all(|v| v.is_finite()) || values.iter().all(|&v| v == 0.0) {
        return Err("it is all zero or not finite".into());
    }
    match &embedding.sha256 {
        Some(text) if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Err("its encoder's `sha256` is no SHA-256".into())
        }
        _ => Ok(()),
    }
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
