//! Operations without a matrix product.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::lower::{Lowering, Operand, Storage, Value, map_params, pixel_groups};
use crate::error::Result;
use crate::gpu::params::MapParams;
use crate::nets::{Activation, Caii, Node, Pooling, Shape};

impl Lowering<'_> {
    fn params_of(&self, node: &Node) -> MapParams {
        map_params(self.spec.shape(node.inputs[0]), self.spec.shape(node.output))
    }

    /// An operation that moves values of one input: `shaders` for f32 and f16 storage.
    pub fn gather(&mut self, node: &Node, shaders: [&'static Shader; 2], extra: usize) -> Result<()> {
        self.gather_with(node, shaders, extra, &[])
    }

    /// Maximum or mean over windows.
    pub fn pool(&mut self, node: &Node, kind: Pooling, kernel: usize, stride: usize) -> Result<()> {
        let kind = if kind == Pooling::Max { 0.0 } else { 1.0 };
        let constants = [("KERNEL", kernel as f64), ("STRIDE", stride as f64), ("KIND", kind)];
        self.gather_with(node, [&shaders::POOL, &shaders::POOL_F16], 0, &constants)
    }

    fn gather_with(
        &mut self,
        node: &Node,
        shaders: [&'static Shader; 2],
        extra: usize,
        constants: &[(&'static str, f64)],
    ) -> Result<()> {
        let params = MapParams { extra: extra as u32, ..self.params_of(node) };
        let input = self.read(node.inputs[0], self.maps);
        let output = self.write(node, self.maps);
        let shader = shaders[self.maps as usize];
        let groups = pixel_groups(shader, self.spec.shape(node.output));
        self.push(shader, constants, bytemuck::bytes_of(&params), vec![input, output], groups);
        Ok(())
    }

    /// Channels of input 0, then of input 1.
    pub fn concat(&mut self, node: &Node) -> Result<()> {
        let params = self.params_of(node);
        let (input, other) = (self.read(node.inputs[0], self.maps), self.read(node.inputs[1], self.maps));
        let output = self.write(node, self.maps);
        let shader = [&shaders::CONCAT, &shaders::CONCAT_F16][self.maps as usize];
        let groups = pixel_groups(shader, self.spec.shape(node.output));
        self.push(shader, &[], bytemuck::bytes_of(&params), vec![input, output, other], groups);
        Ok(())
    }

    /// Sum and activation.
    pub fn add(&mut self, node: &Node, act: &Activation) -> Result<()> {
        let (params, shape) = (self.params_of(node), self.spec.shape(node.output));
        let (input, other) = (self.read(node.inputs[0], self.maps), self.read(node.inputs[1], self.maps));
        let output = self.write(node, self.maps);
        let (channel, number) = self.epilogue(&node.name, shape.c, None, act)?;
        let shader = [&shaders::ADD, &shaders::ADD_F16][self.maps as usize];
        let operands = vec![input, output, other, channel];
        let groups = pixel_groups(shader, shape);
        self.push(shader, &[("ACTIVATION", number)], bytemuck::bytes_of(&params), operands, groups);
        Ok(())
    }

    /// Factor and term per channel.
    pub fn scale_shift(&mut self, node: &Node, scale: &str, shift: &str) -> Result<()> {
        let (params, shape) = (self.params_of(node), self.spec.shape(node.output));
        let (scale, shift) = (self.param(scale, &[shape.c])?, self.param(shift, &[shape.c])?);
        let table: Vec<f32> = scale.iter().zip(shift).flat_map(|(&a, &b)| [a, b]).collect();
        let channel = self.constant(&node.name, &table, Storage::F32);
        let operands = vec![self.read(node.inputs[0], self.maps), self.write(node, self.maps), channel];
        let shader = [&shaders::SCALE_SHIFT, &shaders::SCALE_SHIFT_F16][self.maps as usize];
        let groups = pixel_groups(shader, shape);
        self.push(shader, &[], bytemuck::bytes_of(&params), operands, groups);
        Ok(())
    }

    /// Mean over rows and columns, f32; nothing to do where the norm that makes the map tells it.
    pub fn mean(&mut self, node: &Node) -> Result<()> {
        if self.net.known_mean(node.inputs[0]).is_some_and(|known| known.mean == node.output) {
            return Ok(());
        }
        let params = self.params_of(node);
        let storage = self.values[node.inputs[0].0].storage;
        let operands = vec![Operand::Value(node.inputs[0].0), self.write(node, Storage::F32)];
        let shader = [&shaders::MEAN, &shaders::MEAN_F16][storage as usize];
        self.push(shader, &[], bytemuck::bytes_of(&params), operands, [params.in_c, 1, 1]);
        Ok(())
    }

    /// Instance norm with style, and the mean of the result where it is asked for.
    pub fn style_norm(&mut self, node: &Node, eps: f32, caii: Caii, residual: bool, act: &Activation) -> Result<()> {
        let params = MapParams { factor: eps, ..self.params_of(node) };
        let (channel, number) = self.epilogue(&node.name, params.in_c as usize, None, act)?;
        let input = self.read(node.inputs[0], self.maps);
        let style = self.read(node.inputs[1], Storage::F32);
        // A binding that the constants leave unread still needs a buffer.
        let mean = if caii == Caii::Off { style.clone() } else { self.read(node.inputs[2], Storage::F32) };
        let last = node.inputs[node.inputs.len() - 1];
        let added = if residual { self.read(last, self.maps) } else { input.clone() };
        let output = self.write(node, self.maps);
        let (tell, before, told) = self.told_mean(node, &style);
        let untold = if tell == 0.0 { self.bytes(&told) } else { 0 };
        let [of_style, of_mean] = caii.parts().map(f64::from);
        let constants = [
            ("ACTIVATION", number),
            ("STYLE_PART", of_style),
            ("MEAN_PART", of_mean),
            ("RESIDUAL", f64::from(residual)),
            ("TELL_MEAN", tell),
        ];
        let operands = vec![input, style, channel, output, mean, added, before, told];
        let shader = norm_shader(self.spec.shape(node.output), self.maps);
        let step = self.push(shader, &constants, bytemuck::bytes_of(&params), operands, [params.in_c, 1, 1]);
        step.untouched = untold;
        Ok(())
    }

    /// How a norm tells the mean of what it writes (0 not, 1 as a sum, 2 from the residual's mean), the residual's
    /// mean, and where the mean goes; `unread` and a value of its own stand in for what is not there.
    fn told_mean(&mut self, node: &Node, unread: &Operand) -> (f64, Operand, Operand) {
        let Some(known) = self.net.known_mean(node.output) else {
            let shape = Shape::vector(self.spec.shape(node.output).c);
            self.values.push(Value { shape, storage: Storage::F32, slow: false, pinned: false });
            return (0.0, unread.clone(), Operand::Value(self.values.len() - 1));
        };
        let told = Operand::Value(known.mean.0);
        match known.before {
            Some(before) => (2.0, self.read(before, Storage::F32), told),
            None => (1.0, unread.clone(), told),
        }
    }

    /// Unit length times `scale` after subtracting `mean`, f32.
    pub fn normalize(&mut self, node: &Node, mean: Option<&str>, scale: f32) -> Result<()> {
        let params = MapParams { factor: scale, ..self.params_of(node) };
        let c = params.in_c as usize;
        let mean = mean.map_or(Ok(vec![0.0; c]), |m| self.param(m, &[c]).map(<[f32]>::to_vec))?;
        let mean = self.constant(&node.name, &mean, Storage::F32);
        let operands = vec![self.read(node.inputs[0], Storage::F32), mean, self.write(node, Storage::F32)];
        self.push(&shaders::NORMALIZE, &[], bytemuck::bytes_of(&params), operands, [1, 1, 1]);
        Ok(())
    }

    /// Channel-last parts, one dispatch for each input, f32.
    pub fn rows(&mut self, node: &Node) -> Result<()> {
        let mut first = 0;
        for &input in &node.inputs {
            let shape = self.spec.shape(input);
            let params = MapParams { extra: first as u32, ..map_params(shape, self.spec.shape(node.output)) };
            let storage = self.values[input.0].storage;
            let shader = [&shaders::ROWS, &shaders::ROWS_F16][storage as usize];
            let output = self.write(node, Storage::F32);
            let others = self.bytes(&output) - (shape.len() * size_of::<f32>()) as u64;
            let operands = vec![Operand::Value(input.0), output];
            let step = self.push(shader, &[], bytemuck::bytes_of(&params), operands, pixel_groups(shader, shape));
            step.untouched = others;
            first += shape.len();
        }
        Ok(())
    }
}

/// The norm for maps of `shape`: four pixels at a time are read as one where channels are whole numbers of fours.
fn norm_shader(shape: Shape, storage: Storage) -> &'static Shader {
    match ((shape.h * shape.w).is_multiple_of(4), storage) {
        (true, Storage::F32) => &shaders::STYLE_NORM_QUADS,
        (true, Storage::F16) => &shaders::STYLE_NORM_QUADS_F16,
        (false, Storage::F32) => &shaders::STYLE_NORM,
        (false, Storage::F16) => &shaders::STYLE_NORM_F16,
    }
}
