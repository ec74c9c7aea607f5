//! Pipelines made from reflected shaders, and dispatches ready to be recorded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alphaswap_shaders::{Kind, Shader};

use super::{BufferRange, Context};

/// A compiled shader with its constants.
#[derive(Debug)]
pub struct Kernel {
    /// What it was made from.
    pub shader: &'static Shader,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// A kernel with its buffers and its number of workgroups; made once, recorded many times.
#[derive(Debug)]
pub struct Dispatch {
    kernel: Arc<Kernel>,
    bind_group: wgpu::BindGroup,
    groups: [u32; 3],
}

/// A shader's name and the bits of its constants.
type Key = (&'static str, Vec<(&'static str, u64)>);

/// Compiled kernels.
#[derive(Debug, Default)]
pub(crate) struct Kernels(Mutex<HashMap<Key, Arc<Kernel>>>);

impl Context {
    /// The kernel of `shader` with `constants`, compiled at the first call.
    pub fn kernel(&self, shader: &'static Shader, constants: &[(&'static str, f64)]) -> Arc<Kernel> {
        debug_assert!(
            constants.iter().all(|(name, _)| shader.overrides.contains(name)),
            "{}: {constants:?}",
            shader.name
        );
        let key = (shader.name, constants.iter().map(|&(name, value)| (name, value.to_bits())).collect());
        let mut kernels = self.kernels.0.lock().unwrap_or_else(PoisonError::into_inner);
        kernels.entry(key).or_insert_with(|| Arc::new(self.compile(shader, constants))).clone()
    }

    fn compile(&self, shader: &'static Shader, constants: &[(&str, f64)]) -> Kernel {
        let label = Some(shader.name);
        let source = wgpu::ShaderSource::Wgsl(shader.source.into());
        let descriptor = wgpu::ShaderModuleDescriptor { label, source };
        let checks = wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
        // SAFETY: every index stays checked. Loops are not counted, which costs a good part of the time of an inner
        // one: each of our shaders' loops runs up to a bound that no iteration moves.
        let module = unsafe { self.device.create_shader_module_trusted(descriptor, checks) };
        let entries: Vec<_> = shader.bindings.iter().map(|b| layout_entry(b.index, &b.kind)).collect();
        let layout_of = wgpu::BindGroupLayoutDescriptor { label, entries: &entries };
        let layout = self.device.create_bind_group_layout(&layout_of);
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            // Every kernel writes its workgroup memory before it reads it.
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: self.cache.as_ref().map(|c| c.driver()),
        });
        Kernel { shader, pipeline, layout }
    }

    /// Binds `buffers`, in the order of the shader's bindings, for `groups` workgroups.
    pub fn dispatch(&self, kernel: &Arc<Kernel>, buffers: &[&BufferRange], groups: [u32; 3]) -> Dispatch {
        debug_assert_eq!(buffers.len(), kernel.shader.bindings.len(), "{}", kernel.shader.name);
        let numbered = buffers.iter().enumerate();
        let entries: Vec<_> =
            numbered.map(|(i, b)| wgpu::BindGroupEntry { binding: i as u32, resource: b.binding() }).collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.shader.name),
            layout: &kernel.layout,
            entries: &entries,
        });
        Dispatch { kernel: kernel.clone(), bind_group, groups }
    }
}

fn layout_entry(binding: u32, kind: &Kind) -> wgpu::BindGroupLayoutEntry {
    let ty = match kind {
        Kind::Uniform(_) => wgpu::BufferBindingType::Uniform,
        Kind::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Kind::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

impl Dispatch {
    /// Records the kernel.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.kernel.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }

    /// Name of the shader, for messages.
    pub fn name(&self) -> &'static str {
        self.kernel.shader.name
    }
}
