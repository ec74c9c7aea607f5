//! The one place where the library's errors become GStreamer's.

use alphaswap::Error;
use gst::glib;

/// Domain and code of a GStreamer error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    Core(gst::CoreError),
    Library(gst::LibraryError),
    Resource(gst::ResourceError),
    Stream(gst::StreamError),
}

impl Code {
    /// An error message of this domain and code.
    pub(crate) fn message(self, text: &str) -> gst::ErrorMessage {
        match self {
            Self::Core(code) => gst::error_msg!(code, ("{text}")),
            Self::Library(code) => gst::error_msg!(code, ("{text}")),
            Self::Resource(code) => gst::error_msg!(code, ("{text}")),
            Self::Stream(code) => gst::error_msg!(code, ("{text}")),
        }
    }

    /// The same as a `GError`, for warnings.
    pub(crate) fn warning(self, text: &str) -> glib::Error {
        match self {
            Self::Core(code) => glib::Error::new(code, text),
            Self::Library(code) => glib::Error::new(code, text),
            Self::Resource(code) => glib::Error::new(code, text),
            Self::Stream(code) => glib::Error::new(code, text),
        }
    }
}

/// Domain and code that fit `error`.
pub(crate) fn code(error: &Error) -> Code {
    use gst::{CoreError, LibraryError, ResourceError, StreamError};
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Code::Resource(ResourceError::NotFound)
        }
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Code::Resource(ResourceError::NotAuthorized)
        }
        Error::Io { .. } => Code::Resource(ResourceError::OpenRead),
        Error::Identity { .. } | Error::Model { .. } | Error::Enroll { .. } => Code::Resource(ResourceError::Read),
        Error::Consent { .. } => Code::Resource(ResourceError::NotAuthorized),
        Error::Device(_) => Code::Library(LibraryError::Init),
        Error::DeviceLost(_) => Code::Resource(ResourceError::Failed),
        Error::Frame(_) => Code::Stream(StreamError::Format),
        _ => Code::Core(CoreError::Failed),
    }
}

/// `error` as an error message for the bus.
pub(crate) fn message(error: &Error) -> gst::ErrorMessage {
    code(error).message(&error.to_string())
}

/// What to say when `source` was not set.
pub(crate) fn no_source() -> gst::ErrorMessage {
    Code::Resource(gst::ResourceError::Settings).message(
        "no identity: set the property `source` to a file made by `alphaswap enroll PHOTO -o me.alphaface --name NAME \
         --consent \"who agreed, to what\"`",
    )
}
