//! How much the watermark bears, what it costs, and how rarely it is seen where there is none: the tables of the README.
//!
//! `cargo run --release --example watermark [-- CLIP...]` marks the luma of made-up clips (and of yours), lets FFmpeg do to
//! them what platforms do, and reads the mark of every second. `-- --false-positives 100000` reads that many pictures
//! without a mark. Needs the program `ffmpeg` with libx264 and libx265.

mod chance;
mod clips;
mod similarity;

use std::time::{Duration, Instant};

use alphaswap::frame::{ColorSpace, FrameInfo, FrameViewMut, PixelFormat};
use alphaswap::marks::watermark::{Embedder, Payload, Picture, Reader, Reading, Window, locate};
use anyhow::{Context, Result};

use crate::clips::{Clip, FPS};

const PAYLOAD: Payload = Payload { consent: 0x12_3456, session: 0xab_cdef };

/// What is done to a clip: a name, FFmpeg's arguments (or `jpeg` and a quality), and whether the picture is cut out of a larger one.
const ATTACKS: [(&str, &str, bool); 21] = [
    ("none", "-c:v ffv1", false),
    ("H.264, CRF 23", "-c:v libx264 -crf 23", false),
    ("H.264, CRF 30", "-c:v libx264 -crf 30", false),
    ("H.264, CRF 35", "-c:v libx264 -crf 35", false),
    ("H.264, CRF 40", "-c:v libx264 -crf 40", false),
    ("H.265, CRF 30", "-c:v libx265 -crf 30 -x265-params log-level=none", false),
    ("H.265, CRF 40", "-c:v libx265 -crf 40 -x265-params log-level=none", false),
    ("resized to .71, CRF 30", "-vf scale=trunc(iw*.355)*2:trunc(ih*.355)*2 -c:v libx264 -crf 30", false),
    ("resized to .55, CRF 30", "-vf scale=trunc(iw*.275)*2:trunc(ih*.275)*2 -c:v libx264 -crf 30", false),
    ("cut to .71, CRF 30", "-vf crop=trunc(iw*.355)*2:trunc(ih*.355)*2:iw*.16:ih*.12 -c:v libx264 -crf 30", true),
    ("cut to a square, CRF 30", "-vf crop=trunc(ih/2)*2:ih -c:v libx264 -crf 30", true),
    ("cut to .75 of the height, CRF 30", "-vf crop=iw:trunc(ih*.375)*2:0:ih*.1 -c:v libx264 -crf 30", true),
    ("brightness .5", "-vf lutyuv=y=val*.5 -c:v libx264 -crf 23", false),
    ("brightness 1.5", "-vf lutyuv=y=val*1.5 -c:v libx264 -crf 23", false),
    ("contrast .5", "-vf lutyuv=y=(val-128)*.5+128 -c:v libx264 -crf 23", false),
    ("contrast 1.5", "-vf lutyuv=y=(val-128)*1.5+128 -c:v libx264 -crf 23", false),
    ("mirrored, CRF 30", "-vf hflip -c:v libx264 -crf 30", false),
    ("black bars, CRF 30", "-vf pad=iw:ih+160:0:80 -c:v libx264 -crf 30", false),
    ("15 frames a second, CRF 30", "-vf fps=15 -c:v libx264 -crf 30", false),
    ("one JPEG frame, quality 80", "jpeg 80", false),
    ("one JPEG frame, quality 50", "jpeg 50", false),
];

/// Sums over seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    seconds: usize,
    found: usize,
    coded: f64,
    payload: f64,
    /// What all seconds say together.
    together: &'static str,
}

impl Tally {
    fn add(&mut self, reading: &Reading) {
        self.seconds += 1;
        self.found += usize::from(reading.evidence.found());
        self.coded += reading.evidence.agreement(PAYLOAD);
        let bits = PAYLOAD.bits().into_iter().zip(reading.evidence.likeliest.bits());
        self.payload += bits.filter(|(a, b)| a == b).count() as f64 / PAYLOAD.bits().len() as f64;
    }

    fn show(&self) -> String {
        let percent = |sum: f64| 100.0 * sum / self.seconds as f64;
        let (payload, coded, found) = (percent(self.payload), percent(self.coded), percent(self.found as f64));
        format!("{payload:.1} | {coded:.1} | {found:.0} | {}", self.together)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, count] = arguments.as_slice()
        && flag == "--false-positives"
    {
        return chance::run(count.parse().context("--false-positives wants a number")?);
    }
    let mut clips = clips::made_up()?;
    clips.extend(arguments.iter().map(|path| Clip::read(path, &["-i", path])).collect::<Result<Vec<_>>>()?);
    let mut tallies = vec![vec![Tally::default(); clips.len()]; ATTACKS.len()];
    println!(
        "| clip | size | PSNR, dB | SSIM | change from frame to frame, codes RMS: picture | mark | ms a frame, one thread |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (c, clip) in clips.iter().enumerate() {
        let marked = marked(clip)?;
        for (a, (name, arguments, cut)) in ATTACKS.iter().enumerate() {
            let attacked = marked.attacked(arguments).with_context(|| format!("{} under {name}", clip.name))?;
            read(&attacked, *cut, &mut tallies[a][c]);
        }
    }
    println!(
        "\npayload bits right, % | coded bits right, % | seconds in which the mark was found, % | of the whole clip the \
         payload was read, the mark found, or neither (-)\n"
    );
    let names: Vec<&str> = clips.iter().map(|c| c.name.as_str()).collect();
    println!("| attack | {} |\n|---|{}", names.join(" | "), "---|".repeat(clips.len()));
    for ((name, ..), tallies) in ATTACKS.iter().zip(&tallies) {
        let cells: Vec<String> = tallies.iter().map(|t| t.show().replace('|', "·")).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// The clip with the mark in every frame; says what that cost.
fn marked(clip: &Clip) -> Result<Clip> {
    let mut marked = clip.clone();
    let info =
        FrameInfo { format: PixelFormat::Nv12, width: clip.width, height: clip.height, color: ColorSpace::default() };
    let stride = clip.width.next_multiple_of(2);
    let mut chroma = vec![128; stride * clip.height.div_ceil(2)];
    let mut embedder = Embedder::new(PAYLOAD);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let start = Instant::now();
    pool.install(|| {
        for luma in marked.luma.chunks_exact_mut(clip.width * clip.height) {
            let planes = [luma, &mut chroma, &mut []];
            embedder.embed(&mut FrameViewMut::new(info, planes, [clip.width, stride, 0])?);
        }
        Ok::<_, alphaswap::Error>(())
    })?;
    let ms = start.elapsed().as_secs_f64() * 1e3 / clip.frames() as f64;
    let (psnr, ssim, [picture, mark]) = (clip.psnr(&marked), clip.ssim(&marked), clip.flicker(&marked));
    let (name, width, height) = (&clip.name, clip.width, clip.height);
    println!("| {name} | {width}x{height} | {psnr:.1} | {ssim:.4} | {picture:.2} | {mark:.2} | {ms:.1} |");
    Ok(marked)
}

/// Reads every second, and all of them together.
fn read(clip: &Clip, cut: bool, tally: &mut Tally) {
    let picture = |luma: &[u8]| Picture::new(luma, clip.width, clip.height, clip.width);
    let pictures: Vec<Picture> = clip.luma.chunks_exact(clip.width * clip.height).filter_map(picture).collect();
    // A cut picture is found by pictures of the whole clip, as `alphaswap verify` does.
    let spread: Vec<Picture> = pictures.iter().step_by(pictures.len().div_ceil(12).max(1)).cloned().collect();
    let places = if cut { locate(&spread) } else { Vec::new() };
    let second = (pictures.len() as f64 / clip.seconds()).round().max(1.0) as usize;
    for second in pictures.chunks(second.min(FPS)) {
        let mut window = Window::default();
        second.iter().for_each(|p| window.push(p.clone()));
        let reading = if cut { window.read_at(&places).or_else(|| window.read()) } else { window.read() };
        reading.iter().for_each(|r| tally.add(r));
    }
    let mut reader = Reader::new(places);
    for (i, picture) in pictures.into_iter().enumerate() {
        reader.push(picture, Duration::from_secs_f64(i as f64 / second as f64));
    }
    let (verdict, _) = reader.finish();
    tally.together = match verdict.payloads.as_slice() {
        [] if verdict.found() => "found",
        [] => "-",
        all if all.iter().all(|(payload, _)| *payload == PAYLOAD) => "read",
        _ => "WRONG",
    };
}
