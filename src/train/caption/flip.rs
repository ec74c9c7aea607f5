//! Captions of mirrored pictures.

/// Words that change places.
const PAIRS: [(&str, &str); 5] = [
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("leftmost", "rightmost"),
    ("lefthand", "righthand"),
];

/// Words before a side that tell that it is one, whatever follows: "to the right behind her", "looking left above ..".
const DIRECTED: [&str; 36] = [
    "the",
    "a",
    "his",
    "her",
    "their",
    "its",
    "to",
    "far",
    "upper",
    "lower",
    "top",
    "bottom",
    "back",
    "front",
    "slightly",
    "partially",
    "half",
    "facing",
    "faces",
    "looking",
    "looks",
    "turned",
    "turns",
    "turning",
    "tilted",
    "tilts",
    "leaning",
    "leans",
    "gazing",
    "gazes",
    "glancing",
    "glances",
    "pointing",
    "points",
    "toward",
    "towards",
];

/// Words after "right" in "right behind the head": it says how near, unless a word of [`DIRECTED`] stands before.
const NEARNESS: [&str; 9] = ["next", "behind", "beside", "above", "below", "under", "beneath", "before", "away"];

/// Words after "left" in "the ear is left uncovered": somebody left it so, if "is" or the like stands before.
const STATES: [&str; 12] = [
    "open",
    "uncovered",
    "covered",
    "exposed",
    "visible",
    "bare",
    "loose",
    "free",
    "down",
    "undone",
    "untied",
    "blank",
];
const IS: [&str; 6] = ["is", "are", "was", "were", "being", "been"];

/// Exchanges left and right in a caption, for the mirrored picture.
///
/// Whole words only, in lower case, capitalised or in capitals: "left-hand", "Rightmost". Where the word means something
/// else it stays: "right now", "all right", "right behind", "nothing left", "is left open". The test for that does not
/// look at which of the two words it is, so that flipping twice gives back the text, byte by byte.
pub fn flip(text: &str) -> String {
    let tokens = tokens(text);
    let mirrored = |(i, token): (usize, &&str)| match twin(token) {
        Some(twin) if is_side(&tokens, i) => twin,
        _ => token.to_string(),
    };
    tokens.iter().enumerate().map(mirrored).collect()
}

/// Cuts a text into words and what stands between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = is_word(first);
        let end = rest.find(|c| is_word(c) != word).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The other side's word, written the same way.
fn twin(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let mut both_ways = PAIRS.into_iter().flat_map(|(left, right)| [(left, right), (right, left)]);
    let (_, twin) = both_ways.find(|(word, _)| lower == *word)?;
    let capitalised = format!("{}{}", twin[..1].to_ascii_uppercase(), &twin[1..]);
    [twin.into(), capitalised, twin.to_ascii_uppercase()].into_iter().find(|candidate| same_case(word, candidate))
}

/// Whether both words are in lower case, both capitalised or both in capitals.
fn same_case(a: &str, b: &str) -> bool {
    let case = |word: &str| {
        let (first, rest) = word.split_at(1);
        let upper = |part: &str| part.chars().all(|c| c.is_ascii_uppercase());
        let lower = |part: &str| part.chars().all(|c| c.is_ascii_lowercase());
        (upper(first), upper(rest), lower(rest))
    };
    case(a) == case(b)
}

/// Whether the word at `i`, left or right, means a side. Depends on its neighbours only.
fn is_side(tokens: &[&str], i: usize) -> bool {
    let before = neighbour(tokens, i.checked_sub(1), i.checked_sub(2));
    let after = neighbour(tokens, i.checked_add(1), i.checked_add(2));
    let second = neighbour(tokens, i.checked_add(3), i.checked_add(4));
    let (before, after, second) = (before.as_str(), after.as_str(), second.as_str());
    let directed = DIRECTED.contains(&before);
    match (before, after) {
        ("all" | "nothing" | "none", _) => false,
        (_, "now" | "angled" | "moment" | "amount" | "time") => false,
        ("a" | "at" | "an", "angle" | "angles") => false,
        (_, "in") if second == "front" && !directed => false,
        (_, "side") if second == "up" && !directed => false,
        (_, "after") if !directed => false,
        (is, state) if IS.contains(&is) && STATES.contains(&state) => false,
        (_, near) if NEARNESS.contains(&near) && !directed => false,
        _ => true,
    }
}

/// The word at `word` in lower case if only spaces or a hyphen stand between, else nothing.
fn neighbour(tokens: &[&str], between: Option<usize>, word: Option<usize>) -> String {
    let at = |index: Option<usize>| index.and_then(|i| tokens.get(i)).copied();
    match (at(between), at(word)) {
        (Some(between), Some(word)) if between == "-" || between.chars().all(char::is_whitespace) => {
            word.to_ascii_lowercase()
        }
        _ => String::new(),
    }
}
