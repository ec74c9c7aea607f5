//! An evaluation as tables: a row for each metric, a column for each model.

use alphaswap::train::eval::{Group, METRICS, Report, Summary, TURNED};
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, Table, TableStyle};

/// The tables for a terminal.
pub fn of(report: &Report) -> String {
    tables(report, UTF8_HORIZONTAL_ONLY)
}

/// The tables as Markdown.
pub fn markdown(report: &Report) -> String {
    tables(report, ASCII_MARKDOWN)
}

fn tables(report: &Report, style: TableStyle) -> String {
    let straight = format!("targets turned by less than {TURNED} degrees");
    let turned = format!("targets turned by {TURNED} degrees or more");
    type Part = fn(&Summary) -> &Group;
    let groups: [(&str, Part); 3] = [("all", |s| &s.all), (&straight, |s| &s.straight), (&turned, |s| &s.turned)];
    let mut text = format!(
        "{} sources, {} targets, compared at {} px; mean ± standard deviation (median)\n",
        report.sources, report.targets, report.size
    );
    for (title, group) in groups {
        let some = report.models.iter().any(|m| group(&m.summary).pairs > 0);
        if some {
            text += &format!("\n{title}\n\n{}\n", table(report, style, group, title == "all"));
        }
    }
    text
}

fn table(report: &Report, style: TableStyle, group: fn(&Summary) -> &Group, whole: bool) -> Table {
    let summaries = || report.models.iter().map(|m| &m.summary);
    let mut table = Table::new();
    table.load_style(style);
    let row = |label: &str, cell: &dyn Fn(&Summary) -> String| -> Vec<String> {
        std::iter::once(label.to_string()).chain(summaries().map(cell)).collect()
    };
    table.set_header(row("", &|s| s.model.clone()));
    table.add_row(row("pairs", &|s| group(s).pairs.to_string()));
    if whole {
        table.add_row(row("(measured, without a face)", &|s| format!("({}, {})", s.measured, s.lost)));
    }
    for metric in METRICS {
        table.add_row(row(metric.label, &|s| match group(s).metrics.get(metric.key) {
            Some(v) => {
                let n = metric.decimals;
                format!("{:.n$} ± {:.n$} ({:.n$})", v.mean, v.deviation, v.median)
            }
            None => "-".into(),
        }));
    }
    if whole {
        let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.2}"));
        table.add_row(row("Fréchet distance to the targets", &|s| number(s.frechet_targets)));
        table.add_row(row("Fréchet distance to all photos", &|s| number(s.frechet_photos)));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
