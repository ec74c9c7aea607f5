//! The options of `caption .. server`.

use std::path::PathBuf;
use std::time::Duration;

use alphaswap::train::caption::{Key, Preset, Server, ServerConfig};
use anyhow::{Context, Result};

/// Requests at once unless `--jobs` says otherwise; inference servers batch what comes together.
pub const JOBS: usize = 4;

#[derive(clap::Args)]
pub struct Args {
    /// The server's address, usually ending in /v1.
    #[arg(long, value_name = "http://HOST:PORT/v1")]
    url: String,
    /// The model's name on that server, like OpenGVLab/InternVL3-14B.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Environment variable that holds the server's key, where it wants one.
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// What to ask for: a prompt of this program.
    #[arg(long, value_enum, default_value_t = PromptPreset::Scene)]
    prompt_preset: PromptPreset,
    /// What to ask for: a prompt of your own.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt_preset")]
    prompt: Option<PathBuf>,
    /// Most requests a minute.
    #[arg(long, value_name = "PER_MINUTE")]
    rate: Option<f64>,
    /// How often a photo is asked for again when the server is busy, fails or cannot be reached.
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_retries: u32,
    /// Time for one answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PromptPreset {
    /// Pose, expression, gaze, accessories, background and obstacles; not who it is.
    Scene,
    /// Only who it is: the ablation.
    Identity,
}

impl Args {
    /// The captioner.
    pub fn captioner(&self) -> Result<Server> {
        let prompt = match (&self.prompt, self.prompt_preset) {
            (Some(file), _) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
            (None, PromptPreset::Scene) => Preset::Scene.prompt().into(),
            (None, PromptPreset::Identity) => Preset::Identity.prompt().into(),
        };
        Ok(Server::new(ServerConfig {
            url: self.url.clone(),
            model: self.model.clone(),
            key: self.key_env.as_deref().map(Key::from_env).transpose()?,
            prompt,
            per_minute: self.rate,
            max_retries: self.max_retries,
            timeout: Duration::from_secs(self.timeout),
            backoff: Duration::from_secs(1),
        })?)
    }
}
