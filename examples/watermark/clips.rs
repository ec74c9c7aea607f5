//! Clips as luma codes, made and attacked by FFmpeg.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::similarity::ssim;

/// Frames a second of the clips.
pub const FPS: usize = 25;
/// Seconds that are taken of a clip.
const SECONDS: usize = 4;
const SCENES: &str = "examples/media/scenes.mp4";

/// A clip's luma.
#[derive(Clone, Debug)]
pub struct Clip {
    /// For the table.
    pub name: String,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Codes, frame after frame.
    pub luma: Vec<u8>,
}

/// What can be made of the demo's media.
pub fn made_up() -> Result<Vec<Clip>> {
    let noise = "noise=alls=4:allf=t";
    let call = "[0:v]fps=25[a];[1:v]scale=300:340[b];[2:v]scale=300:340[c];color=0x303030:s=1280x720:r=25[d];\
        [d][a]overlay=10:120[e];[e][b]overlay=660:10[f];[f][c]overlay=970+3*sin(t*4):370:shortest=1";
    let pan = format!("scale=1600:-1,crop=1280:720:100+2*n:300+n,{noise}");
    let still = format!("scale=1280:-1,crop=1280:720:0:200,{noise}");
    let portrait = |name: &str, path: &str, filter: &str| {
        Clip::read(name, &["-loop", "1", "-framerate", "25", "-i", path, "-vf", filter])
    };
    Ok(vec![
        Clip::read("demo clip", &["-ss", "1", "-i", SCENES])?,
        Clip::read("demo clip, enlarged", &["-ss", "1", "-i", SCENES, "-vf", "scale=1280:960:flags=bicubic"])?,
        portrait("still portrait", "examples/media/ada.jpg", &still)?,
        portrait("panned portrait", "examples/media/kai.jpg", &pan)?,
        Clip::read(
            "call",
            &[
                "-i",
                SCENES,
                "-loop",
                "1",
                "-i",
                "examples/media/ada.jpg",
                "-loop",
                "1",
                "-i",
                "examples/media/kai.jpg",
                "-filter_complex",
                call,
            ],
        )?,
    ])
}

impl Clip {
    /// What FFmpeg makes of `input`, without sound and colour.
    pub fn read(name: &str, input: &[&str]) -> Result<Self> {
        let mut command = ffmpeg();
        command.args(input).args(["-t", &SECONDS.to_string(), "-an", "-f", "yuv4mpegpipe", "-pix_fmt", "gray", "-"]);
        let output = command.stderr(Stdio::inherit()).output().context("the program ffmpeg cannot be started")?;
        ensure!(output.status.success(), "ffmpeg failed on {input:?}");
        Self::parse(name, &output.stdout)
    }

    fn parse(name: &str, y4m: &[u8]) -> Result<Self> {
        let mut lines = y4m.splitn(2, |b| *b == b'\n');
        let header = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let number = |key: char| header.split(' ').find_map(|w| w.strip_prefix(key)?.parse::<usize>().ok());
        let (Some(width), Some(height)) = (number('W'), number('H')) else { bail!("{name}: not a YUV4MPEG2 stream") };
        let (frame, head) = (width * height, b"FRAME\n".len());
        let frames = lines.next().unwrap_or_default().chunks_exact(head + frame);
        let luma: Vec<u8> = frames.flat_map(|f| &f[head..]).copied().collect();
        ensure!(!luma.is_empty(), "{name}: no frames");
        Ok(Self { name: name.into(), width, height, luma })
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.luma.len() / (self.width * self.height)
    }

    /// Length of what it was made of.
    pub fn seconds(&self) -> f64 {
        SECONDS as f64
    }

    /// Encodes with `arguments` and decodes again.
    pub fn attacked(&self, arguments: &str) -> Result<Self> {
        if let Some(quality) = arguments.strip_prefix("jpeg ") {
            return self.jpeg(quality.parse()?);
        }
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("attacked.mkv");
        let mut command = ffmpeg();
        let size = format!("{}x{}", self.width, self.height);
        command.args(["-f", "rawvideo", "-pix_fmt", "gray", "-s", &size, "-r", &FPS.to_string(), "-i", "-"]);
        let converted = match arguments.strip_prefix("-vf ") {
            Some(rest) => format!("-vf format=yuv420p,{rest}"),
            None => format!("-pix_fmt yuv420p {arguments}"),
        };
        command.args(converted.split(' ')).arg(&path).stdin(Stdio::piped());
        let mut child = command.spawn().context("the program ffmpeg cannot be started")?;
        child.stdin.take().context("no input")?.write_all(&self.luma)?;
        ensure!(child.wait()?.success(), "ffmpeg failed: {converted}");
        let path = path.to_str().context("a temporary folder with a strange name")?;
        Self::read(&self.name, &["-i", path])
    }

    /// One frame of each second, by way of JPEG.
    fn jpeg(&self, quality: u8) -> Result<Self> {
        let mut luma = Vec::new();
        for frame in self.luma.chunks_exact(self.width * self.height).step_by(FPS) {
            let mut file = Vec::new();
            let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
            encoder.encode(frame, self.width as u32, self.height as u32, image::ExtendedColorType::L8)?;
            luma.extend(image::load_from_memory(&file)?.into_luma8().into_raw());
        }
        Ok(Self { luma, ..self.clone() })
    }

    /// Peak signal-to-noise ratio of `other`, dB.
    pub fn psnr(&self, other: &Self) -> f64 {
        let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
        let error = self.luma.iter().zip(&other.luma).map(square).sum::<f64>() / self.luma.len() as f64;
        10.0 * (255.0 * 255.0 / error).log10()
    }

    /// By how much a pixel changes from frame to frame, root mean square in codes: the picture, and what `other` adds.
    pub fn flicker(&self, other: &Self) -> [f64; 2] {
        let size = self.width * self.height;
        let changes = (size..self.luma.len()).map(|i| {
            let [now, before] = [i, i - size].map(|i| [self.luma[i], other.luma[i]].map(f64::from));
            let picture = now[0] - before[0];
            [picture, now[1] - before[1] - picture].map(|v| v * v)
        });
        let sums = changes.fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
        sums.map(|sum| (sum / (self.luma.len() - size).max(1) as f64).sqrt())
    }

    /// Mean structural similarity over one frame of each second.
    pub fn ssim(&self, other: &Self) -> f64 {
        let size = self.width * self.height;
        let frames = self.luma.chunks_exact(size).zip(other.luma.chunks_exact(size)).step_by(FPS);
        let each: Vec<f64> = frames.map(|(a, b)| ssim(a, b, self.width)).collect();
        each.iter().sum::<f64>() / each.len() as f64
    }
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-nostdin"]);
    command
}
