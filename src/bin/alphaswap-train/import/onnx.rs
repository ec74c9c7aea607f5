//! ONNX files of inswapper_128 and of ArcFace encoders.
//!
//! Names of initialisers change with the exporter's version (`onnx::Conv_833`), so weights are found by the nodes that
//! read them: both networks are chains, and the nodes stand in the order in which they are computed.

use std::collections::{BTreeMap, HashMap};

use alphaswap::nets::{GeneratorConfig, Op};
use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use prost::bytes::Bytes;

use super::content::{Content, Stored, Tensors};
use super::encoder::{EPS, LAYER, NORM};

mod proto;

use proto::{ModelProto, NodeProto};

/// Nodes in the order of the graph, and what they read.
struct Graph {
    nodes: Vec<NodeProto>,
    initialisers: HashMap<String, Stored>,
    /// The last initialiser: inswapper's emap, which no node reads.
    last: String,
}

/// The tensors of the networks that are known, under AlphaFace's names.
pub fn read(file: Bytes) -> Result<Content> {
    let graph = Graph::parse(file)?;
    let count = |op| graph.nodes(op).count();
    let [conv, gemm, prelu, norm] = ["Conv", "Gemm", "PRelu", "BatchNormalization"].map(count);
    match (conv, gemm, prelu, norm) {
        (20, 12, 0, 0) => graph.inswapper(),
        (_, 1, 2.., _) if norm == prelu + 1 => Ok(Content { tensors: graph.arcface()?, ..Content::default() }),
        _ => bail!(
            "an ONNX file of another network ({conv} Conv, {gemm} Gemm, {prelu} PRelu, {norm} BatchNormalization); \
             known are inswapper_128 (20, 12, 0, 0) and ArcFace encoders with the norms behind convolutions folded in, \
             as torch exports them (w600k_r50: 53, 1, 25, 26)"
        ),
    }
}

impl Graph {
    fn parse(file: Bytes) -> Result<Self> {
        let broken = "begins like an ONNX file, but is broken or truncated; fetch it again";
        let graph = ModelProto::decode(file).context(broken)?.graph.context(broken)?;
        let last = graph.initializer.last().map(|t| t.name.clone()).unwrap_or_default();
        let mut initialisers = HashMap::new();
        for tensor in graph.initializer {
            let name = tensor.name.clone();
            if let Some(stored) = tensor.stored().with_context(|| format!("initialiser {name}"))? {
                initialisers.insert(name, stored);
            }
        }
        // The exporter writes equal tensors once and gives them further names.
        for node in graph.node.iter().filter(|n| n.op_type == "Identity") {
            if let ([input], [output]) = (&node.input[..], &node.output[..])
                && let Some(tensor) = initialisers.get(input).cloned()
            {
                initialisers.insert(output.clone(), tensor);
            }
        }
        Ok(Self { nodes: graph.node, initialisers, last })
    }

    fn nodes(&self, op: &str) -> impl Iterator<Item = &NodeProto> {
        self.nodes.iter().filter(move |n| n.op_type == op)
    }

    /// Adds the initialisers that `node` reads after its first input, as `name.{parts}`.
    fn take(&self, node: &NodeProto, name: &str, parts: &[&str], tensors: &mut Tensors) -> Result<()> {
        for (i, part) in parts.iter().enumerate() {
            let input = node.input.get(1 + i).map_or("", String::as_str);
            let stored = self.initialisers.get(input).with_context(|| {
                format!("the {part} of a {} node ({name}) is no initialiser: {input:?}", node.op_type)
            })?;
            tensors.insert(format!("{name}.{part}"), stored.clone());
        }
        Ok(())
    }

    /// inswapper_128 under AlphaFace's keys.
    ///
    /// The epsilon of its instance norms is an initialiser too: 1e-8, which the description keeps. The fp16 form holds
    /// 1.19e-7 instead, because 1e-8 would be zero in f16.
    fn inswapper(&self) -> Result<Content> {
        let spec = GeneratorConfig::inswapper_128().spec()?;
        let names = |is: fn(&Op) -> bool| spec.nodes.iter().filter(move |n| is(&n.op)).map(|n| n.name.as_str());
        let mut tensors = Tensors::new();
        for (node, name) in self.nodes("Conv").zip(names(|op| matches!(op, Op::Conv(_)))) {
            self.take(node, name, LAYER, &mut tensors)?;
        }
        for (node, name) in self.styles()?.into_values().zip(names(|op| matches!(op, Op::Linear { bias: Some(_), .. })))
        {
            self.linear(node, name, &mut tensors)?;
        }
        let emap = self.initialisers.get("emap").or(self.initialisers.get(&self.last));
        match emap {
            Some(map) if matches!(map.shape[..], [rows, columns] if rows == columns) => {
                Ok(Content { tensors, emap: Some(map.clone()), ..Content::default() })
            }
            _ => bail!("not inswapper_128: its last initialiser ({}) is no square matrix, the emap", self.last),
        }
    }

    /// inswapper's style layers by block and unit. They depend on the identity only, so an optimiser may have moved
    /// them; the names of their weights tell them apart.
    fn styles(&self) -> Result<BTreeMap<(usize, usize), &NodeProto>> {
        let mut styles = BTreeMap::new();
        for node in self.nodes("Gemm") {
            let weight = node.input.get(1).map_or("", String::as_str);
            let place = style_place(weight).filter(|(block, unit)| (0..6).contains(block) && (1..=2).contains(unit));
            let place = place.with_context(|| {
                format!(
                    "the weight {weight:?} does not tell its place; expected is styles.B.styleU.linear.weight, \
                     B 0 to 5, U 1 or 2"
                )
            })?;
            ensure!(styles.insert(place, node).is_none(), "two style layers read the weight {weight:?}");
        }
        Ok(styles)
    }

    /// An ArcFace encoder under AlphaFace's keys.
    fn arcface(&self) -> Result<Tensors> {
        let (shortcuts, convs): (Vec<_>, Vec<_>) = self.nodes("Conv").partition(|node| self.kernel(node) == Some(1));
        let norms: Vec<_> = self.nodes("BatchNormalization").collect();
        let slopes: Vec<_> = self.nodes("PRelu").collect();
        let (blocks, other) = (slopes.len() - 1, "an ONNX file of another network than ArcFace's");
        ensure!(convs.len() == 1 + 2 * blocks, "{other}: {} convolutions for {blocks} blocks", convs.len());
        self.check_input(convs[0])?;
        let mut tensors = Tensors::new();
        self.take(convs[0], "conv1", LAYER, &mut tensors)?;
        self.slope(slopes[0], "prelu", &mut tensors)?;
        let (mut layer, mut index) = (0, 0);
        for block in 0..blocks {
            // The first block of a layer has a convolution of its raw input beside it.
            let shortcut = shortcuts.iter().find(|node| node.input.first() == norms[block].input.first());
            (layer, index) = if shortcut.is_some() { (layer + 1, 0) } else { (layer, index + 1) };
            let name = |part: &str| format!("layer{layer}.{index}.{part}");
            self.norm(norms[block], &name("bn1"), &mut tensors)?;
            self.take(convs[1 + 2 * block], &name("conv1"), LAYER, &mut tensors)?;
            self.slope(slopes[1 + block], &name("prelu"), &mut tensors)?;
            self.take(convs[2 + 2 * block], &name("conv2"), LAYER, &mut tensors)?;
            if let Some(shortcut) = shortcut {
                self.take(shortcut, &name("downsample"), LAYER, &mut tensors)?;
            }
        }
        ensure!(layer == shortcuts.len(), "{other}: {} shortcuts for {layer} layers", shortcuts.len());
        self.norm(norms[blocks], "bn2", &mut tensors)?;
        self.linear(self.nodes("Gemm").next().context(other)?, "fc", &mut tensors)?;
        self.norm(norms[blocks + 1], "features", &mut tensors)?;
        Ok(tensors)
    }

    /// Side of a convolution's kernel.
    fn kernel(&self, node: &NodeProto) -> Option<usize> {
        self.initialisers.get(node.input.get(1)?)?.shape.last().copied()
    }

    /// Refuses files that normalise their input themselves, as some of insightface's old ones do.
    fn check_input(&self, stem: &NodeProto) -> Result<()> {
        let maker = self.nodes.iter().find(|n| n.output.first() == stem.input.first());
        match maker.map(|n| n.op_type.as_str()) {
            None | Some("Cast") => Ok(()),
            Some(op) => bail!("its first convolution reads the result of {op}, expected the picture in [-1, 1]"),
        }
    }

    fn norm(&self, node: &NodeProto, name: &str, tensors: &mut Tensors) -> Result<()> {
        let epsilon = node.attribute.iter().find(|a| a.name == "epsilon").map_or(EPS, |a| a.f.into());
        ensure!((epsilon - EPS).abs() < 1e-9, "{name}: epsilon is {epsilon}, expected {}", EPS);
        self.take(node, name, NORM, tensors)
    }

    fn linear(&self, node: &NodeProto, name: &str, tensors: &mut Tensors) -> Result<()> {
        let transposed = node.attribute.iter().any(|a| a.name == "transB" && a.i == 1);
        ensure!(transposed, "{name}: its Gemm node has no transB, so its weight is not [out, in] as torch exports it");
        self.take(node, name, LAYER, tensors)
    }

    /// Slopes are stored as `[channels, 1, 1]`.
    fn slope(&self, node: &NodeProto, name: &str, tensors: &mut Tensors) -> Result<()> {
        self.take(node, name, &LAYER[..1], tensors)?;
        if let Some(slope) = tensors.get_mut(&format!("{name}.weight")) {
            slope.shape = vec![slope.shape.iter().product()];
        }
        Ok(())
    }
}

/// Block and unit in `styles.{block}.style{unit}.linear.weight`.
fn style_place(name: &str) -> Option<(usize, usize)> {
    let (block, rest) = name.strip_prefix("styles.")?.split_once(".style")?;
    Some((block.parse().ok()?, rest.strip_suffix(".linear.weight")?.parse().ok()?))
}
