//! Curves as SVG that can be read on light and on dark ground.

use plotters::prelude::*;

/// Size in pixels.
const SIZE: (u32, u32) = (460, 240);
/// Points of a line; more steps than these are averaged.
const POINTS: usize = 300;
/// Readable on white and on black.
const INK: RGBColor = RGBColor(128, 128, 128);
const COLORS: [RGBColor; 3] = [RGBColor(38, 132, 255), RGBColor(230, 110, 40), RGBColor(60, 170, 90)];

/// A curve over the steps.
#[derive(Clone, Debug)]
pub struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// The finite ones of (step, value), thinned out; `name` goes into the legend unless it is empty.
    pub fn new(name: &str, mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(_, value)| value.is_finite());
        let bin = points.len().div_ceil(POINTS).max(1);
        let mean = |bin: &[(f64, f64)]| {
            let n = bin.len() as f64;
            (bin.iter().map(|p| p.0).sum::<f64>() / n, bin.iter().map(|p| p.1).sum::<f64>() / n)
        };
        Self { name: name.into(), points: points.chunks(bin).map(mean).collect() }
    }
}

/// The lines in one picture.
pub fn chart(lines: &[Line]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&SVGBackend::with_string(&mut svg, SIZE).into_drawing_area(), lines).map_err(|e| e.to_string())?;
    Ok(svg)
}

fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (steps, values) = (range(points().map(|p| p.0)), range(points().map(|p| p.1)));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(26)
        .y_label_area_size(58)
        .build_cartesian_2d(steps, values)?;
    let font = ("sans-serif", 12).into_font().color(&INK);
    chart
        .configure_mesh()
        .label_style(font.clone())
        .axis_style(INK)
        .bold_line_style(INK.mix(0.25))
        .light_line_style(TRANSPARENT)
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for (line, color) in lines.iter().zip(COLORS) {
        let drawn = chart.draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))?;
        drawn.label(&line.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    if lines.iter().any(|line| !line.name.is_empty()) {
        chart.configure_series_labels().label_font(font).border_style(TRANSPARENT).draw()?;
    }
    area.present()
}

/// From the least to the largest, a little more where that is one value.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    match high > low {
        true => low..high,
        false if low.is_finite() => low - 0.5 * low.abs().max(1e-6)..low + 0.5 * low.abs().max(1e-6),
        false => 0.0..1.0,
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if (1e-2..1e4).contains(&v) => format!("{value:.*}", (2 - v.log10().floor() as i32).max(0) as usize),
        _ => format!("{value:.1e}"),
    }
}
