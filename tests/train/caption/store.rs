//! What lies beside the index: resumed, mended, never mixed.

use super::*;

fn lines(dir: &TempDir) -> Vec<String> {
    let text = std::fs::read_to_string(dir.path().join("captions.jsonl")).unwrap();
    text.lines().map(String::from).collect()
}

fn echo(name: &'static str) -> Echo {
    Echo { name, ..Echo::default() }
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_ended() {
    let (dir, dataset) = data_set(&["a.png", "bad.png", "c.png", "d.png", "e.png"]);
    let first = echo("echo");
    let stop = || first.asked.load(Ordering::Relaxed) >= 3;
    let options = Options { jobs: 1, overwrite: false };
    let mut seen = Vec::new();
    let summary = caption::run(&dataset, &first, options, &mut |p| seen.push((p.captioned, p.failed)), &stop).unwrap();
    assert!(summary.interrupted && summary.fatal.is_none());
    assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 1)]);
    assert_eq!(lines(&dir).len(), 2);
    let second = echo("echo");
    let summary = run(&dataset, &second);
    // The one that failed and the two that were not reached.
    assert_eq!(second.asked.into_inner(), 3);
    assert_eq!((summary.progress.cached, summary.progress.captioned, summary.progress.failed), (2, 2, 1));
    assert!(!summary.interrupted);
    let expected: Vec<_> = [(0, "a"), (2, "c"), (3, "d"), (4, "e")]
        .map(|(i, name)| format!(r#"{{"id":"{}","text":"echo says {name}.png"}}"#, id(i)))
        .into();
    assert_eq!(lines(&dir), expected);
}

#[test]
fn many_threads_write_the_same_file() {
    let names: Vec<_> = (0..7).map(|i| format!("{i}.png")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let files = [1, 5].map(|jobs| {
        let (dir, dataset) = data_set(&names);
        let options = Options { jobs, overwrite: false };
        caption::run(&dataset, &echo("echo"), options, &mut |_| {}, &go).unwrap();
        lines(&dir)
    });
    assert_eq!(files[0].len(), 7);
    assert_eq!(files[0], files[1]);
}

#[test]
fn what_would_happen_to_every_photo_ends_the_run() {
    let (dir, dataset) = data_set(&["a.png", "fatal.png", "c.png"]);
    let summary = run(&dataset, &echo("echo"));
    assert_eq!(summary.fatal.as_deref(), Some("the end"));
    assert!(!summary.interrupted && summary.progress.captioned == 1);
    assert_eq!(lines(&dir).len(), 1);
}

#[test]
fn captions_of_two_origins_are_not_mixed() {
    let (dir, dataset) = data_set(&["a.png"]);
    run(&dataset, &echo("one"));
    let refused = try_run(&dataset, &echo("two"), false).unwrap_err().to_string();
    assert!(refused.contains("holds captions from `one`, not from `two`; --overwrite replaces them all"), "{refused}");
    assert_eq!(dataset.captions().unwrap()[&id(0)], "one says a.png");
    assert_eq!(std::fs::read_to_string(dir.path().join("captions.toml")).unwrap(), "captioner = \"one\"\n");
    try_run(&dataset, &echo("two"), true).unwrap();
    assert_eq!(dataset.captions().unwrap()[&id(0)], "two says a.png");
}

#[test]
fn captions_that_came_with_photos_stay_and_the_others_are_written() {
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    // As `prepare` leaves them.
    std::fs::write(dir.path().join("captions.jsonl"), format!("{{\"id\":\"{}\",\"text\":\"given\"}}\n", id(0)))
        .unwrap();
    let summary = run(&dataset, &echo("echo"));
    assert_eq!((summary.progress.cached, summary.progress.captioned), (1, 1));
    let captions = dataset.captions().unwrap();
    assert_eq!((captions[&id(0)].as_str(), captions[&id(1)].as_str()), ("given", "echo says b.png"));
}

#[test]
fn two_runs_do_not_write_at_once() {
    let (_dir, dataset) = data_set(&["a.png", "b.png"]);
    let mut second = None;
    let options = Options { jobs: 1, overwrite: false };
    let mut watch = |_: &caption::Progress| {
        second.get_or_insert_with(|| try_run(&dataset, &echo("echo"), true).unwrap_err().to_string());
    };
    caption::run(&dataset, &echo("echo"), options, &mut watch, &go).unwrap();
    assert!(second.unwrap().contains("another run prepares or captions this data set"));
    assert_eq!(dataset.captions().unwrap().len(), 2);
}

#[test]
fn a_line_that_a_crash_cut_off_is_written_anew() {
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    run(&dataset, &echo("echo"));
    let path = dir.path().join("captions.jsonl");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let summary = run(&dataset, &echo("echo"));
    assert_eq!((summary.progress.cached, summary.progress.captioned), (1, 1));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn a_damaged_line_is_named_and_nothing_lost() {
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    run(&dataset, &echo("echo"));
    let path = dir.path().join("captions.jsonl");
    let damaged = std::fs::read_to_string(&path).unwrap().replacen("\"text\"", "\"txet", 1);
    std::fs::write(&path, &damaged).unwrap();
    let error = try_run(&dataset, &echo("echo"), false).unwrap_err().to_string();
    assert!(error.contains("captions.jsonl:1") && error.contains("mend the line"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
}
