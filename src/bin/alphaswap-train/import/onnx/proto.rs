//! Messages of ONNX files, no more of them than is read here. Field numbers are those of onnx.proto.

use anyhow::{Context, Result, ensure};
use prost::Message;
use prost::bytes::Bytes;
use safetensors::tensor::Dtype;

use super::super::content::{Data, Stored};

/// The file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
}

/// Nodes in an order in which they can be computed, and constants.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
}

/// An operation.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// A setting of an operation.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Bits of half-precision values, one in each.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// 1: in a file of its own.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

impl TensorProto {
    /// The tensor, or nothing if its type is no float.
    pub fn stored(self) -> Result<Option<Stored>> {
        let dtype = match self.data_type {
            1 => Dtype::F32,
            10 => Dtype::F16,
            11 => Dtype::F64,
            16 => Dtype::BF16,
            _ => return Ok(None),
        };
        ensure!(self.data_location == 0, "its values are in another file; save the model as one file");
        let shape = self.dims.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>();
        let shape = shape.context("it has a negative size")?;
        let bytes = match dtype {
            _ if !self.raw_data.is_empty() => self.raw_data,
            Dtype::F32 => self.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::F64 => self.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            _ => self.int32_data.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
        };
        let expected = shape.iter().try_fold(dtype.bitsize() / 8, |product, &n| product.checked_mul(n));
        ensure!(expected == Some(bytes.len()), "its shape {shape:?} does not fit its {} bytes", bytes.len());
        Ok(Some(Stored { dtype, shape, data: Data::Memory(bytes) }))
    }
}
