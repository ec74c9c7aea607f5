//! What the badge says, language by language.

use std::sync::LazyLock;

/// A language in which the badge can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(&'static Words);

#[derive(Debug, PartialEq, Eq)]
struct Words {
    /// ISO 639-1; the first one is how users name the language.
    codes: &'static [&'static str],
    /// A face that an artificial intelligence made.
    face: &'static str,
    /// The language's own abbreviation of "artificial intelligence", as the EU's AI Act has it.
    short: &'static str,
    /// The face was changed.
    note: &'static str,
}

/// Capitals throughout: those are the letters that the font has. Irish is missing because its wording is not certain.
static LANGUAGES: [Words; 28] = [
    words(&["en"], "AI FACE", "AI", "FACE ALTERED"),
    words(&["bg"], "ЛИЦЕ С ИИ", "ИИ", "ПРОМЕНЕНО ЛИЦЕ"),
    words(&["ca"], "ROSTRE IA", "IA", "ROSTRE MODIFICAT"),
    words(&["cs"], "OBLIČEJ AI", "AI", "OBLIČEJ ZMĚNĚN"),
    words(&["da"], "AI-ANSIGT", "AI", "ANSIGT ÆNDRET"),
    words(&["de"], "KI-GESICHT", "KI", "GESICHT VERÄNDERT"),
    words(&["el"], "ΠΡΟΣΩΠΟ ΤΝ", "ΤΝ", "ΤΡΟΠΟΠΟΙΗΜΕΝΟ ΠΡΟΣΩΠΟ"),
    words(&["es"], "ROSTRO IA", "IA", "ROSTRO ALTERADO"),
    words(&["et"], "TI-NÄGU", "TI", "NÄGU MUUDETUD"),
    words(&["fi"], "TEKOÄLYKASVOT", "AI", "KASVOT MUUTETTU"),
    words(&["fr"], "VISAGE IA", "IA", "VISAGE MODIFIÉ"),
    words(&["hr"], "UI LICE", "UI", "LICE IZMIJENJENO"),
    words(&["hu"], "MI-ARC", "MI", "ARC MÓDOSÍTVA"),
    words(&["it"], "VOLTO IA", "IA", "VOLTO MODIFICATO"),
    words(&["lt"], "DI VEIDAS", "DI", "VEIDAS PAKEISTAS"),
    words(&["lv"], "MI SEJA", "MI", "SEJA IZMAINĪTA"),
    words(&["mt"], "WIĊĊ TAL-IA", "IA", "WIĊĊ MIBDUL"),
    words(&["nb", "no", "nn"], "KI-ANSIKT", "KI", "ANSIKT ENDRET"),
    words(&["nl"], "AI-GEZICHT", "AI", "GEZICHT BEWERKT"),
    words(&["pl"], "TWARZ AI", "AI", "TWARZ ZMIENIONA"),
    words(&["pt"], "ROSTO IA", "IA", "ROSTO ALTERADO"),
    words(&["ro"], "FAȚĂ IA", "IA", "FAȚĂ MODIFICATĂ"),
    words(&["ru"], "ЛИЦО ИИ", "ИИ", "ЛИЦО ИЗМЕНЕНО"),
    words(&["sk"], "TVÁR AI", "AI", "TVÁR ZMENENÁ"),
    words(&["sl"], "OBRAZ UI", "UI", "OBRAZ SPREMENJEN"),
    words(&["sv"], "AI-ANSIKTE", "AI", "ANSIKTET ÄNDRAT"),
    words(&["tr"], "YAPAY ZEKÂ YÜZÜ", "YZ", "YÜZ DEĞİŞTİRİLDİ"),
    words(&["uk"], "ОБЛИЧЧЯ ШІ", "ШІ", "ОБЛИЧЧЯ ЗМІНЕНО"),
];

const fn words(codes: &'static [&'static str], face: &'static str, short: &'static str, note: &'static str) -> Words {
    Words { codes, face, short, note }
}

impl Language {
    /// What is spoken where nothing better is known.
    pub const ENGLISH: Self = Self(&LANGUAGES[0]);

    /// All of them, English first, then by code.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(Self)
    }

    /// The language of a code such as `de`, or of a locale's name that begins with one: `de_AT.UTF-8`, `pt-BR`.
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.split(['_', '-', '.', '@']).next()?;
        Self::all().find(|l| l.0.codes.iter().any(|c| c.eq_ignore_ascii_case(code)))
    }

    /// The language of this process's locale; English where the badge does not speak that one.
    pub fn of_environment() -> Self {
        static SPOKEN: LazyLock<Language> = LazyLock::new(|| Language::of_locale(|name| std::env::var(name).ok()));
        *SPOKEN
    }

    /// As [`Self::of_environment`], of the variables that `lookup` knows. The first that is set counts (POSIX.1-2017,
    /// 8.2), whether or not the badge speaks its language.
    pub fn of_locale(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| lookup(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        locale.and_then(|locale| Self::from_code(&locale)).unwrap_or(Self::ENGLISH)
    }

    /// How users name it: ISO 639-1.
    pub const fn code(self) -> &'static str {
        self.0.codes[0]
    }

    /// What the badge says, from long to short.
    pub const fn texts(self) -> [&'static str; 2] {
        [self.0.face, self.0.short]
    }

    /// What the second line says.
    pub const fn note(self) -> &'static str {
        self.0.note
    }
}
