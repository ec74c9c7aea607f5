//! Optimisation: AdamW with clipping by the global norm, learning rate schedules, and the moving average of the weights.

mod ema;
mod optimizer;
mod schedule;

pub use ema::Ema;
pub use optimizer::{AdamwConfig, Optimizer};
pub use schedule::Schedule;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Every parameter of `module` as a vector without gradients, in the module's own order, which is that of its
/// description: ids of parameters change from run to run, their order does not.
fn parameters<M: Module>(module: &M) -> Vec<Tensor<1>> {
    struct Visitor(Vec<Tensor<1>>);
    impl ModuleVisitor for Visitor {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(flat(param.val().inner()));
        }
    }
    let mut visitor = Visitor(Vec::new());
    module.visit(&mut visitor);
    visitor.0
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let len = tensor.shape().num_elements();
    tensor.reshape([len])
}
