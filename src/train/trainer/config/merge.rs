//! Overrides from the command line, and presets that a table starts from.

use toml::{Table, Value};

use crate::nets::GeneratorConfig;

/// Sets `table.key=value` in `config`; tables on the way are made.
pub fn set(config: &mut Table, text: &str) -> Result<(), String> {
    let (path, value) = text.split_once('=').ok_or("write key=value, for example losses.identity=3")?;
    let mut keys: Vec<_> = path.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or("the key is missing")?;
    let mut table = config;
    for key in keys {
        let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
        table = entry.as_table_mut().ok_or_else(|| format!("{key} is no table"))?;
    }
    table.insert(last.into(), parse(value.trim()));
    Ok(())
}

/// A TOML value; what is none is a text without quotes.
fn parse(text: &str) -> Value {
    let read = toml::from_str::<Table>(&format!("v = {text}")).ok().and_then(|mut t| t.remove("v"));
    read.unwrap_or_else(|| Value::String(text.into()))
}

/// Replaces `preset` in `[generator]` by what it stands for, under the table's other keys.
pub fn expand_preset(config: &mut Table) -> Result<(), String> {
    let Some(table) = config.get_mut("generator").and_then(Value::as_table_mut) else { return Ok(()) };
    let Some(preset) = table.remove("preset") else { return Ok(()) };
    let known = || GeneratorConfig::PRESETS.join(", ");
    let name = preset.as_str().unwrap_or_default();
    let generator = GeneratorConfig::preset(name)
        .ok_or_else(|| format!("[generator] preset is {preset}, there are {}; or spell the network out", known()))?;
    let mut full = Table::try_from(generator).map_err(|e| e.to_string())?;
    over(&mut full, std::mem::take(table));
    *table = full;
    Ok(())
}

/// Puts `upper`'s values over `lower`'s; tables are merged, everything else is replaced.
fn over(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => over(lower, upper),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}
