//! Puts a WGSL file together with what it imports. Used by the build script, and by the tests.
//!
//! A line `//!import NAME` stands for `shared/NAME.wgsl`, or for another file when the permutation says so. Every
//! file is inserted once, at its first import. `enable` directives move to the top, where WGSL wants them.

use std::collections::{BTreeMap, BTreeSet};

/// One line of the permutation table: `NAME FILE [IMPORT=SHARED_FILE]...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permutation {
    /// Name of the generated constant, lower case.
    pub name: String,
    /// File below the shader folder, without `.wgsl`.
    pub file: String,
    /// Imports that are replaced: `elem=elem_f16`.
    pub replace: BTreeMap<String, String>,
}

/// Reads the table; `#` starts a comment.
pub fn parse_table(text: &str) -> Result<Vec<Permutation>, String> {
    let lines = text.lines().map(|l| l.split('#').next().unwrap_or_default().trim()).filter(|l| !l.is_empty());
    lines.map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<Permutation, String> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(name), Some(file)) = (words.next(), words.next()) else {
        return Err(format!("permutation `{line}`: expected NAME FILE [IMPORT=SHARED_FILE]..."));
    };
    let pair = |word: String| match word.split_once('=') {
        Some((from, to)) => Ok((from.to_owned(), to.to_owned())),
        None => Err(format!("permutation `{line}`: `{word}` is not IMPORT=SHARED_FILE")),
    };
    Ok(Permutation { name, file, replace: words.map(pair).collect::<Result<_, _>>()? })
}

/// A finished source and the files it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// WGSL.
    pub source: String,
    /// Every file that was read, without `.wgsl`.
    pub files: BTreeSet<String>,
}

/// Composes one permutation; `read` gives the text of a file named without `.wgsl`, none when there is none.
pub fn compose(permutation: &Permutation, read: &dyn Fn(&str) -> Option<String>) -> Result<Composed, String> {
    let mut state = State { permutation, read, files: BTreeSet::new(), used: BTreeSet::new(), stack: Vec::new() };
    let mut body = String::new();
    state.insert(&permutation.file, &mut body)?;
    if let Some(unused) = permutation.replace.keys().find(|k| !state.used.contains(*k)) {
        return Err(format!("{}: replaces `{unused}`, which {} never imports", permutation.name, permutation.file));
    }
    let is_enable = |line: &&str| line.trim_start().starts_with("enable ");
    let enables: BTreeSet<&str> = body.lines().filter(is_enable).map(str::trim).collect();
    let rest = body.lines().filter(|l| !is_enable(l));
    let source = enables.iter().copied().chain(rest).collect::<Vec<_>>().join("\n") + "\n";
    Ok(Composed { source, files: state.files })
}

struct State<'a> {
    permutation: &'a Permutation,
    read: &'a dyn Fn(&str) -> Option<String>,
    files: BTreeSet<String>,
    used: BTreeSet<String>,
    stack: Vec<String>,
}

impl State<'_> {
    fn insert(&mut self, file: &str, out: &mut String) -> Result<(), String> {
        if self.stack.iter().any(|f| f == file) {
            return Err(format!("{}: {file} imports itself", self.permutation.name));
        }
        if !self.files.insert(file.to_owned()) {
            return Ok(());
        }
        let from = self.stack.last().map(String::as_str).unwrap_or("permutations.txt");
        let text = (self.read)(file)
            .ok_or_else(|| format!("{}: {from} asks for {file}.wgsl, which does not exist", self.permutation.name))?;
        self.stack.push(file.to_owned());
        for line in text.lines() {
            match line.trim().strip_prefix("//!import ") {
                Some(name) => self.import(name.trim(), out)?,
                None => *out += &format!("{line}\n"),
            }
        }
        self.stack.pop();
        Ok(())
    }

    fn import(&mut self, name: &str, out: &mut String) -> Result<(), String> {
        self.used.insert(name.to_owned());
        let target = self.permutation.replace.get(name).map_or(name, String::as_str);
        self.insert(&format!("shared/{target}"), out)
    }
}
