// The widest subgroup that the adapter may run.
const LANES = 32u;
