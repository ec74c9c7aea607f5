//! Optimisation: AdamW, clipping by the global norm, schedules, exponential moving averages.
