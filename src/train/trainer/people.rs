//! People chosen by patterns of their keys.

use crate::error::{Error, Result};
use crate::train::data::Item;

/// Some of the people of a data set.
#[derive(Clone, Debug, Default)]
pub struct People(Vec<String>);

impl People {
    /// Those whose key fits one of `patterns`: `*` is any text, `?` one character, `[a-c]` one of a range.
    ///
    /// # Errors
    /// [`Error::Training`] naming a pattern that fits nobody among `items`.
    pub fn new(patterns: &[String], items: &[Item]) -> Result<Self> {
        let idle = patterns.iter().find(|pattern| !items.iter().any(|item| fits(pattern, &item.person)));
        match idle {
            None => Ok(Self(patterns.to_vec())),
            Some(pattern) => {
                let example = items.first().map_or("", |item| &item.person);
                let reason = format!("matches nobody in the data set; people are called like {example}");
                Err(Error::training(format!("the people {pattern:?}"), reason))
            }
        }
    }

    /// Whether the person is one of them.
    pub fn contain(&self, person: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, person))
    }
}

/// Whether all of `text` fits the pattern.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    let Some(first) = rest.next() else { return text.is_empty() };
    let after = rest.as_str();
    let mut chars = text.chars();
    match first {
        '*' => text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(after, &text[at..])),
        _ => {
            let Some(next) = chars.next() else { return false };
            match (first, after.split_once(']')) {
                ('?', _) => fits(after, chars.as_str()),
                ('[', Some((set, after))) => one_of(set, next) && fits(after, chars.as_str()),
                _ => first == next && fits(after, chars.as_str()),
            }
        }
    }
}

/// Whether `c` is in a set like `a-cx`.
fn one_of(set: &str, c: char) -> bool {
    let set: Vec<_> = set.chars().collect();
    let range = set.windows(3).any(|w| w[1] == '-' && (w[0]..=w[2]).contains(&c));
    range || set.contains(&c)
}
