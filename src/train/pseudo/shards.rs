//! Reading shards, sample by sample.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata};

use super::{DataRef, Header, Record, SHARD, Sample, VERSION};
use crate::error::{Error, Result};
use crate::train::data::Dataset;

/// Samples on disk. Records are kept in memory, pictures are read when they are asked for.
#[derive(Clone, Debug)]
pub struct Shards {
    /// Their folder.
    pub folder: PathBuf,
    /// What holds for all of them.
    pub header: Header,
    shards: Vec<Shard>,
}

/// One file.
#[derive(Clone, Debug)]
struct Shard {
    path: PathBuf,
    records: Vec<Record>,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: u64,
}

impl Shards {
    /// Reads the header and the heads of all shards. While samples are still being made those that are there can be
    /// read, see [`Self::is_complete`].
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::Training`] for one that is damaged or of another version.
    pub fn open(folder: &Path) -> Result<Self> {
        let header = header(folder)?;
        let paths = (0..header.samples.div_ceil(SHARD)).map(|number| shard_path(folder, number));
        let shards = paths.take_while(|path| path.exists()).map(|path| Shard::open(path, header.side()));
        let shards = shards.collect::<Result<Vec<_>>>()?;
        for (number, shard) in shards.iter().enumerate() {
            let expected = SHARD.min(header.samples - number * SHARD);
            if shard.records.len() != expected {
                let reason = format!("holds {} samples instead of {expected}; {AGAIN}", shard.records.len());
                return Err(Error::training(shard.path.display(), reason));
            }
        }
        Ok(Self { folder: folder.into(), header, shards })
    }

    /// Number of samples that are there.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.records.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Whether all samples were made.
    pub fn is_complete(&self) -> bool {
        self.len() == self.header.samples
    }

    /// What the samples show, in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.shards.iter().flat_map(|s| &s.records)
    }

    /// Reads sample `i`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Training`] when there is no such sample.
    pub fn sample(&self, i: usize) -> Result<Sample> {
        let place = self.shards.get(i / SHARD).and_then(|s| Some((s, s.records.get(i % SHARD)?)));
        let Some((shard, record)) = place else {
            let reason = format!("there is no sample {i}, only {}", self.len());
            return Err(Error::training(self.folder.display(), reason));
        };
        let mut file = File::open(&shard.path).map_err(Error::io(&shard.path))?;
        let mut plane = |name| shard.read(&mut file, &format!("{}.{name}", i % SHARD)).map_err(Error::io(&shard.path));
        let input = record.kind.has_input().then(|| plane("input")).transpose()?;
        let guide = record.kind.has_guide().then(|| plane("guide")).transpose()?;
        Ok(Sample { record: record.clone(), input, guide, mask: plane("mask")? })
    }

    /// Checks that the samples were made of `data`.
    ///
    /// # Errors
    /// [`Error::Training`] when its index is another one, [`Error::Io`] when that cannot be read.
    pub fn check(&self, data: &Dataset) -> Result<()> {
        if DataRef::of(data)?.index_sha256 == self.header.data.index_sha256 {
            return Ok(());
        }
        let reason = format!("was made of another data set, or {} changed since; make it anew", data.folder.display());
        Err(Error::training(self.folder.display(), reason))
    }
}

/// What to do about a damaged shard.
const AGAIN: &str = "delete this shard and run the command that made it again";

impl Shard {
    fn open(path: PathBuf, side: usize) -> Result<Self> {
        let broken = |reason: &str| Error::training(path.display(), format!("{reason}; {AGAIN}"));
        let mut file = File::open(&path).map_err(Error::io(&path))?;
        let length = file.metadata().map_err(Error::io(&path))?.len();
        let mut size = [0; 8];
        file.read_exact(&mut size).map_err(|_| broken("is truncated"))?;
        let start = u64::from_le_bytes(size).checked_add(8).filter(|s| *s <= length);
        let start = start.ok_or_else(|| broken("is no safetensors file"))?;
        let mut head = vec![0; start as usize - 8];
        file.read_exact(&mut head).map_err(Error::io(&path))?;
        let metadata: Metadata = serde_json::from_slice(&head).map_err(|e| broken(&e.to_string()))?;
        if start + metadata.data_len() as u64 != length {
            return Err(broken("is truncated"));
        }
        let samples = metadata.metadata().as_ref().and_then(|m| m.get("samples"));
        let samples = samples.ok_or_else(|| broken("does not say what its samples are"))?;
        let records = serde_json::from_str(samples).map_err(|e| broken(&e.to_string()))?;
        let shard = Self { records, metadata, start, path: path.clone() };
        match shard.missing(side) {
            None => Ok(shard),
            Some(name) => Err(broken(&format!("has no u8 tensor {name} of side {side}"))),
        }
    }

    /// The first tensor that its records need and that is not there as it should.
    fn missing(&self, side: usize) -> Option<String> {
        let fits = |name: &str, shape: &[usize]| {
            self.metadata.info(name).is_some_and(|i| i.dtype == Dtype::U8 && i.shape == shape)
        };
        let (picture, plane) = ([3, side, side], [side, side]);
        let needed = self.records.iter().enumerate().flat_map(|(i, r)| {
            let input = r.kind.has_input().then(|| (format!("{i}.input"), &picture[..]));
            let guide = r.kind.has_guide().then(|| (format!("{i}.guide"), &picture[..]));
            [input, guide, Some((format!("{i}.mask"), &plane[..]))].into_iter().flatten()
        });
        needed.into_iter().find(|(name, shape)| !fits(name, shape)).map(|(name, _)| name)
    }

    /// The bytes of one tensor.
    fn read(&self, file: &mut File, name: &str) -> std::io::Result<Vec<u8>> {
        let info = self.metadata.info(name).ok_or(std::io::ErrorKind::NotFound)?;
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        file.seek(SeekFrom::Start(self.start + from as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The header of the samples in `folder`.
pub(super) fn header(folder: &Path) -> Result<Header> {
    let path = folder.join("pseudo.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let header: Header = toml::from_str(&text).map_err(|e| Error::training(path.display(), e.to_string()))?;
    if header.version != VERSION {
        let reason = format!("version {} of the layout, this program reads {VERSION}; make it anew", header.version);
        return Err(Error::training(path.display(), reason));
    }
    Ok(header)
}

/// Where a shard is kept.
pub(super) fn shard_path(folder: &Path, number: usize) -> PathBuf {
    folder.join("shards").join(format!("{number:05}.safetensors"))
}
