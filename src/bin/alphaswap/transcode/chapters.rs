//! Chapters, which few muxers keep: who loses them is told.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use gst::prelude::*;

use crate::container::Container;
use crate::filter::Progress;

/// Where MP4 and QuickTime keep chapters: a list of their own, or a text track that another track names.
const PLACES: [&[&[u8; 4]]; 2] = [&[b"moov", b"udta", b"chpl"], &[b"moov", b"trak", b"tref", b"chap"]];

/// Warns if the MP4 or QuickTime file `input` holds chapters, of which its demuxer says nothing.
pub fn warn_of_file(input: &Path, progress: &Progress) {
    let holds = |place: &&[&[u8; 4]]| {
        let mut file = File::open(input).ok()?;
        let end = file.metadata().ok()?.len();
        holds(&mut file, end, place)
    };
    if PLACES.iter().any(|place| holds(place).is_some()) {
        progress.warn("the input's chapters are left out: they cannot be read from MP4");
    }
}

/// Warns if chapters come by on `pad` that `container` does not keep.
pub fn warn_of_stream(pad: &gst::Pad, container: &'static Container, progress: Arc<Progress>) {
    if container.is_matroska() {
        return;
    }
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().is_none_or(|event| event.type_() != gst::EventType::Toc) {
            return gst::PadProbeReturn::Ok;
        }
        progress.warn(format!("the input's chapters are left out: {} is written without any", container.name));
        gst::PadProbeReturn::Remove
    });
}

/// Whether a box lies at `place`, inside the boxes between here and `end`.
fn holds(file: &mut File, end: u64, place: &[&[u8; 4]]) -> Option<()> {
    let Some((name, inner)) = place.split_first() else { return Some(()) };
    loop {
        let start = file.stream_position().ok()?;
        let mut head = [0; 16];
        file.read_exact(&mut head[..8]).ok()?;
        let size = u64::from(u32::from_be_bytes(head[..4].try_into().ok()?));
        let size = match size {
            0 => end.checked_sub(start)?,
            1 => {
                file.read_exact(&mut head[8..]).ok()?;
                u64::from_be_bytes(head[8..].try_into().ok()?)
            }
            size => size,
        };
        let next = start.checked_add(size).filter(|next| size >= 8 && *next <= end)?;
        if head[4..8] == **name && holds(file, next, inner).is_some() {
            return Some(());
        }
        file.seek(SeekFrom::Start(next)).ok()?;
        if next == end {
            return None;
        }
    }
}
