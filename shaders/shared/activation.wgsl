// Epilogues. With 0 the slope of the channel says it all: 1 is the identity, 0 ReLU, between them LeakyReLU or PReLU.
// 1 is ReLU6, 2 tanh, 3 (tanh + 1) / 2.
override ACTIVATION: u32 = 0u;

fn activate(v: vec4<f32>, slope: vec4<f32>) -> vec4<f32> {
    switch ACTIVATION {
        case 1u: { return clamp(v, vec4<f32>(0.0), vec4<f32>(6.0)); }
        case 2u: { return bounded_tanh(v); }
        case 3u: { return bounded_tanh(v) * 0.5 + 0.5; }
        default: { return select(v * slope, v, v >= vec4<f32>(0.0)); }
    }
}

// Some drivers compute tanh as a quotient of exponentials, which overflows; beyond 15 the f32 result is 1 anyway.
fn bounded_tanh(v: vec4<f32>) -> vec4<f32> {
    return tanh(clamp(v, vec4<f32>(-15.0), vec4<f32>(15.0)));
}
