//! Whether a [`GeneratorConfig`] that came from a file describes a network at all.

use super::super::limits::{Check, MAX_CHANNELS, MAX_LAYERS, MAX_SIDE, affordable, within};
use super::super::spec::Shape;
use super::{GeneratorConfig, Layer, LayerEdge};

impl GeneratorConfig {
    /// Follows the shapes through the network, as the builder will.
    pub(super) fn check(&self) -> Check {
        let picture = self.check_sizes()?;
        let r = self.space_to_depth;
        let pictures = if self.guide { 2 } else { 1 };
        let body = if self.detail.is_empty() { picture } else { Shape::new(3, picture.h / 2, picture.w / 2) };
        let mut shape = Shape::new(3 * pictures * r * r, body.h / r, body.w / r);
        let mut maps = Vec::new();
        for layer in &self.encoder {
            shape = layer.check(shape, &[])?;
            maps.push((layer.name.as_str(), shape));
        }
        if shape.h.min(shape.w) < 2 {
            return Err("the encoder leaves less than 2x2 pixels, the blocks cannot mirror their edge".into());
        }
        let mut read = shape;
        for layer in &self.decoder {
            read = layer.input(shape, &maps)?;
            shape = layer.check(shape, &maps)?;
        }
        if shape != body {
            return Err(format!("the decoder ends in {shape}, not in {body}"));
        }
        self.check_detail(read, picture)
    }

    /// The layers at full size; `read` is what the decoder's last layer reads.
    fn check_detail(&self, read: Shape, picture: Shape) -> Check {
        if self.detail.is_empty() {
            return Ok(());
        }
        if !self.guide {
            return Err("detail is added to a residual: it needs a guide".into());
        }
        let half = Shape::new(24, picture.h / 2, picture.w / 2);
        if (read.h, read.w) != (half.h, half.w) {
            return Err(format!("detail: the decoder's last layer reads {read}, not maps of {}x{}", half.h, half.w));
        }
        let mut shape = Shape::new(half.c + read.c, half.h, half.w);
        for layer in &self.detail {
            shape = layer.check(shape, &[])?;
        }
        (shape == picture).then_some(()).ok_or_else(|| format!("detail ends in {shape}, not in {picture}"))
    }

    /// Everything but the layers; returns the picture's shape.
    fn check_sizes(&self) -> Check<Shape> {
        within("crop", self.crop, 8..=MAX_SIDE)?;
        let window = self.window();
        within("window.width", window.width, 8..=self.crop)?;
        within("window.height", window.height, 8..=self.crop)?;
        within("window.x", window.x, 0..=self.crop - window.width)?;
        within("window.y", window.y, 0..=self.crop - window.height)?;
        within("identity.width", self.identity.width, 1..=MAX_CHANNELS)?;
        within("identity.map", self.identity.map.unwrap_or(1), 1..=MAX_CHANNELS)?;
        within("blocks.count", self.blocks.count, 0..=MAX_LAYERS)?;
        within("number of encoder layers", self.encoder.len(), 1..=MAX_LAYERS)?;
        within("number of decoder layers", self.decoder.len(), 1..=MAX_LAYERS)?;
        within("number of detail layers", self.detail.len(), 0..=MAX_LAYERS)?;
        within("space_to_depth", self.space_to_depth, 1..=4)?;
        if self.identity.emap && self.identity.map.is_some() {
            return Err("identity.emap and identity.map exclude each other".into());
        }
        if !(self.identity.scale.is_finite() && self.identity.scale > 0.0) {
            return Err("identity.scale must be a positive number".into());
        }
        let (what, block) = match self.detail.is_empty() {
            true => ("space_to_depth does", self.space_to_depth),
            false => ("with detail, twice space_to_depth does", 2 * self.space_to_depth),
        };
        if [window.width, window.height].iter().any(|n| !n.is_multiple_of(block)) {
            return Err(format!("{what} not divide the window"));
        }
        Ok(Shape::new(3, window.height, window.width))
    }
}

impl Layer {
    /// What the layer's convolution reads, for an `input`; `maps` are the encoder's outputs by name.
    fn input(&self, mut input: Shape, maps: &[(&str, Shape)]) -> Check<Shape> {
        let field = |what: &str| format!("layer {}: {what}", self.name);
        within(&field("depth_to_space"), self.depth_to_space, 1..=4)?;
        let r = self.depth_to_space;
        if !input.c.is_multiple_of(r * r) {
            return Err(field(&format!("depth_to_space {r} does not divide {} channels", input.c)));
        }
        input = Shape::new(input.c / (r * r), input.h * r, input.w * r);
        if self.upsample {
            input = Shape::new(input.c, input.h * 2, input.w * 2);
        }
        if let Some(name) = &self.concat {
            let Some((_, map)) = maps.iter().find(|(known, _)| known == name) else {
                return Err(field(&format!("there is no encoder layer {name} to concatenate")));
            };
            if (map.h, map.w) != (input.h, input.w) {
                return Err(field(&format!("{name} is {map}, this layer's input {input}")));
            }
            input.c += map.c;
        }
        within(&field("input side"), input.h.max(input.w), 1..=MAX_SIDE)?;
        affordable(&field("input"), input)?;
        Ok(input)
    }

    /// The layer's output for an `input`; `maps` are the encoder's outputs by name.
    fn check(&self, input: Shape, maps: &[(&str, Shape)]) -> Check<Shape> {
        let field = |what: &str| format!("layer {}: {what}", self.name);
        within(&field("out"), self.out, 1..=MAX_CHANNELS)?;
        within(&field("stride"), self.stride, 1..=2)?;
        if ![1, 2, 3, 5, 7].contains(&self.kernel) {
            return Err(field(&format!("kernel is {}, must be 1, 2, 3, 5 or 7", self.kernel)));
        }
        let input = self.input(input, maps)?;
        let least = input.h.min(input.w);
        let mirror = if self.edge == LayerEdge::Reflect { least - 1 } else { self.kernel };
        within(&field("pad"), self.pad, 0..=mirror.min(self.kernel))?;
        within(&field("kernel (the padded input is smaller)"), self.kernel, 1..=least + 2 * self.pad)?;
        let side = |n: usize| (n + 2 * self.pad - self.kernel) / self.stride + 1;
        let output = Shape::new(self.out, side(input.h), side(input.w));
        affordable(&field("output"), output)?;
        Ok(output)
    }
}
