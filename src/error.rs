//! The library's one error type. Each message says what is wrong and what to do.

use std::path::PathBuf;

/// What can go wrong in the library. A frame without a face is not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A model file is broken, or does not fit its network.
    #[error("model {model}: {reason}")]
    Model {
        /// Name or path of the model.
        model: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An identity file is broken or cannot be used here.
    #[error("identity {path}: {reason}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A face may not be put on, or a list of revoked consents cannot be understood.
    #[error("{path}: {reason}")]
    Consent {
        /// The identity file or the list.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A file cannot be signed, or its manifest cannot be read.
    #[error("manifest of {path}: {reason}")]
    Manifest {
        /// The file, or the certificate.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A photo cannot be enrolled.
    #[error("photo {photo}: {reason}")]
    Enroll {
        /// The photo.
        photo: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Data, configuration or a checkpoint that training cannot use.
    #[error("{what}: {reason}")]
    Training {
        /// The file or setting.
        what: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A picture buffer does not fit its description.
    #[error("frame: {0}")]
    Frame(String),
    /// A tensor does not fit the port that it is given to.
    #[error("tensor {name}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// Name of the port.
        name: String,
        /// Shape the network declares.
        expected: Vec<usize>,
        /// Shape that came.
        got: Vec<usize>,
    },
    /// No adapter fits `device`.
    #[error("device: {0}")]
    Device(String),
    /// The GPU was lost while working; the caller may build the engine anew or go on on the CPU.
    #[error("the GPU was lost: {0}")]
    DeviceLost(String),
}

impl Error {
    /// An [`Error::Io`] for `path`, for use in `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::Model`].
    pub fn model(model: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Model { model: model.into(), reason: reason.into() }
    }

    /// An [`Error::Training`]; `what` is a file or a setting.
    pub fn training(what: impl std::fmt::Display, reason: impl Into<String>) -> Self {
        Self::Training { what: what.to_string(), reason: reason.into() }
    }

    /// An [`Error::Manifest`] said of `path`; other errors as they are.
    pub fn of_manifest(self, path: &std::path::Path) -> Self {
        match self {
            Self::Manifest { reason, .. } => Self::Manifest { path: path.into(), reason },
            other => other,
        }
    }

    /// An [`Error::Model`] said of `model`; other errors as they are.
    pub fn of_model(self, model: &str) -> Self {
        match self {
            Self::Model { reason, .. } => Self::model(model, reason),
            other => other,
        }
    }
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
