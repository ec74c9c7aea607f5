//! Writing shards, each of them complete or not at all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};

use super::shards::{header, shard_path};
use super::{Header, SHARD, Sample, Shards};
use crate::error::{Error, Result};
use crate::files::replace;

/// Writes samples in order. What is there already is kept, so a run that was stopped goes on where its last complete
/// shard ends.
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    header: Header,
    /// Samples in complete shards.
    written: usize,
    pending: Vec<Sample>,
}

impl ShardWriter {
    /// Begins, or goes on, in `folder`.
    ///
    /// # Errors
    /// [`Error::Training`] when the folder holds samples that were made in another way, or a damaged shard;
    /// [`Error::Io`] when it cannot be written to.
    pub fn begin(folder: &Path, header: Header) -> Result<Self> {
        let shards = folder.join("shards");
        std::fs::create_dir_all(&shards).map_err(Error::io(&shards))?;
        let path = folder.join("pseudo.toml");
        let written = if path.exists() {
            same(folder, &header)?;
            Shards::open(folder)?.len()
        } else {
            let text = toml::to_string(&header).map_err(|e| Error::training(path.display(), e.to_string()))?;
            replace(&path, text.as_bytes())?;
            0
        };
        Ok(Self { folder: folder.into(), header, written, pending: Vec::new() })
    }

    /// Number of the next sample.
    pub fn position(&self) -> usize {
        self.written + self.pending.len()
    }

    /// Whether all samples are there.
    pub fn is_complete(&self) -> bool {
        self.position() == self.header.samples
    }

    /// Adds the next sample; the last one of a shard writes it.
    ///
    /// # Errors
    /// [`Error::Training`] for a sample that is too much, or whose pictures do not fit; [`Error::Io`] when the shard
    /// cannot be written, which leaves nothing of it.
    pub fn push(&mut self, sample: Sample) -> Result<()> {
        let refuse = |reason: &str| Err(Error::training(format!("sample {}", self.position()), reason));
        if self.is_complete() {
            return refuse("the header promises no more");
        }
        let area = self.header.side().pow(2);
        let picture =
            |plane: &Option<Vec<u8>>, wanted: bool| plane.as_ref().map(Vec::len) == wanted.then_some(3 * area);
        let kind = sample.record.kind;
        let fits = picture(&sample.input, kind.has_input()) && picture(&sample.guide, kind.has_guide());
        if !fits || sample.mask.len() != area {
            return refuse("its pictures do not fit its kind or the header's crop");
        }
        self.pending.push(sample);
        if self.pending.len() == SHARD || self.is_complete() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let path = shard_path(&self.folder, self.written / SHARD);
        replace(&path, &self.serialized().map_err(|reason| Error::training(path.display(), reason))?)?;
        self.written += self.pending.len();
        self.pending.clear();
        Ok(())
    }

    /// The pending samples as a safetensors file.
    fn serialized(&self) -> Result<Vec<u8>, String> {
        let side = self.header.side();
        let mut views = Vec::new();
        for (i, sample) in self.pending.iter().enumerate() {
            let picture = |name: &str, plane| (format!("{i}.{name}"), vec![3, side, side], plane);
            let input = sample.input.as_ref().map(|p| picture("input", p));
            let guide = sample.guide.as_ref().map(|p| picture("guide", p));
            let mask = Some((format!("{i}.mask"), vec![side, side], &sample.mask));
            for (name, shape, bytes) in [input, guide, mask].into_iter().flatten() {
                views.push((name, TensorView::new(Dtype::U8, shape, bytes).map_err(|e| e.to_string())?));
            }
        }
        let records: Vec<_> = self.pending.iter().map(|s| &s.record).collect();
        let records = serde_json::to_string(&records).map_err(|e| e.to_string())?;
        let metadata = HashMap::from([("samples".to_string(), records)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
    }
}

/// Refuses to mix samples of two ways. A data set that moved is the same.
fn same(folder: &Path, header: &Header) -> Result<()> {
    let mut there = self::header(folder)?;
    there.data.folder.clone_from(&header.data.folder);
    if there == *header {
        return Ok(());
    }
    let text = |h: &Header| toml::to_string(h).unwrap_or_default();
    let (there, wanted) = (text(&there), text(header));
    let lines = |a: &str, b: &str| -> String {
        let own: Vec<_> = a.lines().filter(|l| !b.lines().any(|other| other == *l)).collect();
        own.join(", ")
    };
    let reason = format!(
        "holds samples that were made in another way ({} instead of {}); choose another folder, or delete this one",
        lines(&there, &wanted),
        lines(&wanted, &there)
    );
    Err(Error::training(folder.display(), reason))
}
