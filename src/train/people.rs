//! Who takes part: people chosen, or held out, by patterns on [`Item::person`].

use serde::{Deserialize, Serialize};

use super::data::Item;
use crate::error::{Error, Result};

/// A choice of people. A pattern is a shell's: `*` stands for anything (also `/`), `?` for one character, `[A-CX]` for
/// one of these, `[!A-C]` for any other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// Only people that one of these names; everybody when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// People that are held out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl People {
    /// Whether `person` takes part.
    pub fn takes(&self, person: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, person));
        (self.only.is_empty() || any(&self.only)) && !any(&self.without)
    }

    /// The items of those who take part.
    ///
    /// # Errors
    /// [`Error::Training`] for a pattern that names nobody in `items`: a slip of the pen would let people in who must
    /// be held out.
    pub fn choose<'a>(&self, items: &'a [Item]) -> Result<Vec<&'a Item>> {
        let nobody = |pattern: &&String| !items.iter().any(|i| matches(pattern, &i.person));
        if let Some(pattern) = self.only.iter().chain(&self.without).find(nobody) {
            let example = items.first().map_or("", |i| &i.person);
            let reason =
                format!("names nobody of the data set; people are called as in index.jsonl, such as {example}");
            return Err(Error::training(format!("people {pattern:?}"), reason));
        }
        Ok(items.iter().filter(|i| self.takes(&i.person)).collect())
    }
}

/// Whether `pattern` describes the whole of `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let [pattern, name] = [pattern, name].map(|text| text.chars().collect::<Vec<_>>());
    describes(&pattern, &name)
}

fn describes(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], _) => name.is_empty(),
        (['*', rest @ ..], _) => (0..=name.len()).any(|skip| describes(rest, &name[skip..])),
        (_, []) => false,
        (['?', rest @ ..], [_, name @ ..]) => describes(rest, name),
        (['[', class @ ..], [first, name @ ..]) if class.iter().skip(1).any(|c| *c == ']') => {
            // A bracket that closes at once would be an empty class: the first character always belongs to it.
            let end = 1 + class[1..].iter().position(|c| *c == ']').unwrap_or(0);
            one_of(&class[..end], *first) && describes(&class[end + 1..], name)
        }
        ([only, rest @ ..], [first, name @ ..]) => only == first && describes(rest, name),
    }
}

/// Whether `c` is in a class such as `A-CX` or `!A-C`.
fn one_of(class: &[char], c: char) -> bool {
    match class {
        ['!', rest @ ..] => !one_of(rest, c),
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&c) || one_of(rest, c),
        [only, rest @ ..] => *only == c || one_of(rest, c),
        [] => false,
    }
}
