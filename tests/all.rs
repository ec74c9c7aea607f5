mod engine_cpu;
