//! The report: one HTML file with everything inside, made again from the run's files at any time.

mod chart;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::folder::{DataNote, RunFolder};
use super::metrics::{self, Row};
use crate::error::{Error, Result};
use crate::files::replace;
use chart::{Line, chart};

/// Grids that are shown: the newest ones, beside the first.
const GRIDS: usize = 3;
/// Quality of the pictures in the report; the grids' own files lose nothing.
const QUALITY: u8 = 90;
/// Steps whose time is averaged.
const RECENT: usize = 100;
const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; }
svg, img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem .2rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; font-size: 13px; }";

/// Writes `report.html` from what the run's folder holds.
///
/// # Errors
/// [`Error::Io`] or [`Error::Training`] for a file of the run that is missing or damaged.
pub fn write(run: &RunFolder) -> Result<()> {
    replace(&run.report(), page(run)?.into_string().as_bytes())
}

fn page(run: &RunFolder) -> Result<Markup> {
    let rows = metrics::read(run)?;
    let (path, note) = (run.config(), run.note()?);
    let config = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let name = run.0.file_name().unwrap_or_default().to_string_lossy();
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (name) " · training" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (name) }
                (summary(&rows, &note))
                h2 { "Held-out people" }
                (held_out(&rows)?)
                h2 { "Terms" }
                p { "Before their weights; each point is the mean of the steps around it." }
                div.charts { @for (name, points) in series(&rows) { (figure(&name, &[Line::new("", points)])?) } }
                h2 { "Samples" }
                p { "A row: input, guide where there is one, output, then the real photo or the identity." }
                (grids(run)?)
                h2 { "Time" }
                (time(&rows))
                h2 { "Config" }
                pre { (config) }
            }
        }
    })
}

fn summary(rows: &[Row], note: &DataNote) -> Markup {
    let last = rows.last().cloned().unwrap_or_default();
    html! {
        p {
            (last.step) " steps, " (last.samples) " samples, last loss " (format!("{:.4}", last.loss)) ". Trained on "
            (note.photos) " photos of " (note.people) " people:"
        }
        ul { @for set in &note.sets { li { b { (set.name) } ": " (set.licence) } } }
    }
}

/// The check's curve and its newest numbers.
fn held_out(rows: &[Row]) -> Result<Markup> {
    let checks: Vec<_> = rows.iter().filter_map(|row| Some((row.step, row.held_out?))).collect();
    let Some((step, last)) = checks.last() else {
        return Ok(html! { p { "No check was made: output.validate_every is 0, or the first one is still to come." } });
    };
    let line = |name: &str, of: fn(&metrics::Check) -> f32| {
        Line::new(name, checks.iter().map(|(step, check)| (*step as f64, f64::from(of(check)))).collect())
    };
    let lines =
        [line("right identity", |c| c.right), line("stranger", |c| c.stranger), line("untouched", |c| c.untouched)];
    let numbers = format!(
        "Step {step}, {} triplets: mean difference to the real photo on the face {:.4} with the right identity, {:.4} with a \
         stranger's, {:.4} untouched.",
        last.samples, last.right, last.stranger, last.untouched
    );
    Ok(html! { p { (numbers) } (figure("face L1", &lines)?) })
}

fn figure(name: &str, lines: &[Line]) -> Result<Markup> {
    let svg = chart(lines).map_err(|reason| Error::training("report", reason))?;
    Ok(html! { figure { figcaption { (name) } (PreEscaped(svg)) } })
}

/// Curves by name: the loss, every term, and how the optimisation goes.
fn series(rows: &[Row]) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        let own = [
            ("loss (weighted sum)", f64::from(row.loss)),
            ("gradient norm", f64::from(row.grad_norm)),
            ("learning rate", row.lr),
            ("samples a second", row.samples_per_second),
        ];
        let terms = row.terms.iter().map(|(name, value)| (name.as_str(), f64::from(*value)));
        for (name, value) in own.into_iter().chain(terms) {
            series.entry(name.into()).or_default().push((row.step as f64, value));
        }
    }
    series
}

/// The first grid and the newest ones.
fn grids(run: &RunFolder) -> Result<Markup> {
    let all = run.grids()?;
    let newest = all.len().saturating_sub(GRIDS);
    let shown = all.iter().enumerate().filter(|(i, _)| *i == 0 || *i >= newest).map(|(_, grid)| grid);
    let pictures = shown.rev().map(|(step, path)| Ok((*step, jpeg(path)?))).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        @if pictures.is_empty() { p { "There is none yet." } }
        @for (step, url) in pictures { figure { figcaption { "Step " (step) } img src=(url) alt=(format!("step {step}")); } }
    })
}

/// A picture as a data URL.
fn jpeg(path: &Path) -> Result<String> {
    let error = |e: image::ImageError| Error::training(path.display(), e.to_string());
    let picture = image::open(path).map_err(error)?.into_rgb8();
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture).map_err(error)?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes.get_ref())))
}

/// Mean seconds of each part of the newest steps.
fn time(rows: &[Row]) -> Markup {
    let recent = &rows[rows.len().saturating_sub(RECENT)..];
    let mut parts: BTreeMap<&str, f64> = BTreeMap::new();
    for (part, seconds) in recent.iter().flat_map(|row| &row.seconds) {
        *parts.entry(part).or_default() += seconds / recent.len() as f64;
    }
    let total: f64 = parts.values().sum();
    html! {
        p { "Mean seconds of a step, over the last " (recent.len()) "." }
        table {
            @for (part, seconds) in &parts {
                tr {
                    th { (part) }
                    td.n { (format!("{seconds:.3}")) }
                    td.n { (format!("{:.0} %", 100.0 * seconds / total.max(1e-9))) }
                }
            }
        }
    }
}
