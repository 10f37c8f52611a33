// TensorFlow runs a graph pass for TPUs in every new session. Without TPUs the pass only writes "MLIR V1 optimization pass is not enabled"
// and a warning about the log itself to the standard error output, through a copy of Abseil's log that no setting reaches. This function
// removes the pass. Nothing else is silenced.
#ifndef CARPAL_NO_TPU_PASS_H_
#define CARPAL_NO_TPU_PASS_H_

namespace tensorflow {

// As in tensorflow/compiler/mlir/mlir_graph_optimization_pass.h of TensorFlow 2.18, which cannot be included without the headers of LLVM:
// a registry with a single pass, which may be absent.
class MlirV1CompatOptimizationPassRegistry {
 public:
  static MlirV1CompatOptimizationPassRegistry& Global();
  // The pass is not deleted: it lives until the process ends, as it would in the registry.
  void DropPass() { pass_ = nullptr; }

 private:
  void* pass_;
};

}  // namespace tensorflow

namespace carpal {

inline void RemoveTpuPass() { tensorflow::MlirV1CompatOptimizationPassRegistry::Global().DropPass(); }

}  // namespace carpal

#endif  // CARPAL_NO_TPU_PASS_H_
