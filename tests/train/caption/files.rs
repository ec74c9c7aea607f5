//! Texts that exist.

use alphaswap::train::caption::Files;

use super::*;

fn texts(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn the_first_line_with_something_on_it_is_taken() {
    let (_dir, dataset) = data_set(&["img/1.png", "b.jpeg", "d/c.png"]);
    let folder = texts(&[
        ("1.txt", "\u{feff}\n  \r\n A  person\tsmiles. \r\nMore.".as_bytes()),
        ("b.txt", b"One line"),
        ("d/c.txt", b"In its folder.\n"),
        ("c.txt", b"Not this."),
    ]);
    let summary = run(&dataset, &Files::new(folder.path(), &dataset).unwrap());
    assert_eq!((summary.progress.captioned, summary.progress.failed), (3, 0));
    let captions = dataset.captions().unwrap();
    assert_eq!(
        [&captions[&id(0)], &captions[&id(1)], &captions[&id(2)]],
        ["A person smiles.", "One line", "In its folder."]
    );
}

#[test]
fn each_reason_is_counted() {
    let (_dir, dataset) = data_set(&["none.png", "p/same.png", "q/same.png", "blank.png", "latin.png", "also.png"]);
    let folder = texts(&[("same.txt", b"Whose?"), ("blank.txt", b" \n\n"), ("latin.txt", b"caf\xe9")]);
    let summary = run(&dataset, &Files::new(folder.path(), &dataset).unwrap());
    let counts: Vec<_> = summary.failed.iter().map(|(r, f)| (r.as_str(), f.photos, f.example.as_str())).collect();
    assert_eq!(
        counts,
        [
            ("its text file is blank", 1, "set/blank.png"),
            ("its text file is not UTF-8", 1, "set/latin.png"),
            ("no text file of its name", 2, "set/also.png"),
            ("several photos have its text's name; sort texts into folders too", 2, "set/p/same.png"),
        ]
    );
    assert_eq!((summary.progress.captioned, summary.progress.failed), (0, 6));
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let (dir, dataset) = data_set(&["a.png"]);
    let nowhere = Files::new(&dir.path().join("nowhere"), &dataset).unwrap_err().to_string();
    assert!(nowhere.contains("nowhere"), "{nowhere}");
    let file = Files::new(&dir.path().join("index.jsonl"), &dataset).unwrap_err().to_string();
    assert!(file.contains("is no folder; name the one"), "{file}");
}
