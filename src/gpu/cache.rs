//! Compiled kernels, kept on disk from one start to the next where the driver hands them out (Vulkan).
//!
//! One file for each driver version, in the folder `alphaswap` of the user's cache folder: the SHA-256 of the driver's
//! bytes, then these. Drivers trust what they gave out, so a damaged file is not given to them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::files::write_atomically;

/// Bytes of the digest in front.
const DIGEST: usize = 32;
/// A larger file is not read; all kernels together take about a megabyte.
const LARGEST: u64 = 256 << 20;

/// The driver's cache and its file.
#[derive(Debug)]
pub(crate) struct Cache {
    driver: wgpu::PipelineCache,
    file: PathBuf,
    /// Whether kernels of an earlier start were found.
    pub warm: bool,
    /// Digest of what the file holds.
    stored: Mutex<Option<[u8; DIGEST]>>,
}

impl Cache {
    /// The cache of the device that was opened on the adapter `info`; none where the driver has none, or the user no
    /// cache folder.
    pub fn open(device: &wgpu::Device, info: &wgpu::AdapterInfo) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let file = file_of(info)?;
        let data = read(&file);
        let descriptor =
            wgpu::PipelineCacheDescriptor { label: Some("alphaswap"), data: data.as_deref(), fallback: true };
        // SAFETY: the digest shows that the bytes are what `get_data` returned, unless somebody forged the user's own
        // file. wgpu and the driver check that they are of this driver and device, else begin with an empty cache.
        let driver = unsafe { device.create_pipeline_cache(&descriptor) };
        tracing::debug!(file = %file.display(), bytes = data.as_ref().map(Vec::len), "pipeline cache");
        let (warm, stored) = (data.is_some(), Mutex::new(data.map(|d| Sha256::digest(d).into())));
        Some(Self { driver, file, warm, stored })
    }

    /// What pipelines are made with.
    pub const fn driver(&self) -> &wgpu::PipelineCache {
        &self.driver
    }

    /// Writes what was compiled since, if anything. A failure costs the next start some time and nothing else.
    pub fn store(&self) {
        let Some(data) = self.driver.get_data() else { return };
        let digest: [u8; DIGEST] = Sha256::digest(&data).into();
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.replace(digest) == Some(digest) {
            return;
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| write_atomically(&self.file, &[digest.as_slice(), &data].concat()));
        if let Err(error) = written {
            tracing::debug!("the pipeline cache {} cannot be written: {error}", self.file.display());
        }
    }
}

/// The file for a driver version. The driver checks its own version too; a name for each lets two drivers take turns.
fn file_of(info: &wgpu::AdapterInfo) -> Option<PathBuf> {
    let key = wgpu::util::pipeline_cache_key(info)?;
    let folder = etcetera::choose_base_strategy().ok()?.cache_dir().join("alphaswap");
    let driver = Sha256::digest(format!("{} {} {}", info.name, info.driver, info.driver_info));
    let driver = hex(&driver[..4]);
    Some(folder.join(format!("{key}_{driver}")))
}

/// The driver's bytes, if the file is there and whole.
fn read(file: &Path) -> Option<Vec<u8>> {
    let metadata = std::fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    let bytes = std::fs::read(file).ok()?;
    let (digest, data) = bytes.split_at_checked(DIGEST)?;
    (Sha256::digest(data).as_slice() == digest).then(|| data.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_not_given_to_the_driver() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cache");
        assert_eq!(read(&file), None);
        let data = b"compiled".to_vec();
        let whole = [Sha256::digest(&data).as_slice(), &data].concat();
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(read(&file), Some(data));
        for broken in [&whole[..whole.len() - 1], &whole[1..], &whole[..DIGEST - 1], b""] {
            std::fs::write(&file, broken).unwrap();
            assert_eq!(read(&file), None);
        }
        assert_eq!(read(folder.path()), None);
    }

    #[test]
    fn another_driver_has_another_file() {
        let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::DiscreteGpu, wgpu::Backend::Vulkan);
        let first = file_of(&info).unwrap();
        info.driver_info = "2".into();
        assert_ne!(first, file_of(&info).unwrap());
        info.backend = wgpu::Backend::Metal;
        assert_eq!(file_of(&info), None);
    }
}
