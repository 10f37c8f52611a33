// A native module with one function: the types and shapes of an operation's outputs, from TensorFlow's own shape functions, without running it.
//   outputShapes(graph: Uint8Array, node: string): { dtype: number; shape: number[] | null }[]
// `graph` is a GraphDef. A shape is null if the number of dimensions is unknown; an unknown dimension is -1. If TensorFlow refuses the graph
// (shapes that do not match, missing attributes), its message is thrown. Loading the module also removes the pass that no-tpu-pass.h describes.
#include <node_api.h>

#include <memory>
#include <string>
#include <vector>

#include "no-tpu-pass.h"
#include "tensorflow/c/c_api.h"

namespace carpal {
namespace {

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

napi_value Refuse(napi_env env, const char* message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

// Reads both arguments. Returns false after it has thrown an error.
bool ReadArguments(napi_env env, napi_callback_info info, void** bytes, size_t* length, std::string* node) {
  size_t count = 2;
  napi_value arguments[2];
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok || count != 2) return Refuse(env, "two arguments are needed"), false;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, arguments[0], &type, length, bytes, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    return Refuse(env, "the graph must be bytes"), false;
  }
  size_t size = 0;
  if (napi_get_value_string_utf8(env, arguments[1], nullptr, 0, &size) != napi_ok) return Refuse(env, "the node must be a name"), false;
  std::vector<char> text(size + 1);
  napi_get_value_string_utf8(env, arguments[1], text.data(), text.size(), nullptr);
  node->assign(text.data(), size);
  return true;
}

napi_value DescribeOutput(napi_env env, TF_Graph* graph, TF_Output output, TF_Status* status) {
  napi_value described, dtype, shape;
  napi_create_object(env, &described);
  napi_create_int32(env, TF_OperationOutputType(output), &dtype);
  napi_set_named_property(env, described, "dtype", dtype);
  const int rank = TF_GraphGetTensorNumDims(graph, output, status);
  if (rank < 0) {
    napi_get_null(env, &shape);
  } else {
    std::vector<int64_t> dimensions(rank);
    TF_GraphGetTensorShape(graph, output, dimensions.data(), rank, status);
    napi_create_array_with_length(env, rank, &shape);
    for (int axis = 0; axis < rank; axis++) {
      napi_value dimension;
      napi_create_int64(env, dimensions[axis], &dimension);
      napi_set_element(env, shape, axis, dimension);
    }
  }
  napi_set_named_property(env, described, "shape", shape);
  return described;
}

napi_value OutputShapes(napi_env env, napi_callback_info info) {
  void* bytes = nullptr;
  size_t length = 0;
  std::string name;
  if (!ReadArguments(env, info, &bytes, &length, &name)) return nullptr;
  Owned<TF_Status> status(TF_NewStatus(), TF_DeleteStatus);
  Owned<TF_Graph> graph(TF_NewGraph(), TF_DeleteGraph);
  Owned<TF_Buffer> definition(TF_NewBufferFromString(bytes, length), TF_DeleteBuffer);
  Owned<TF_ImportGraphDefOptions> options(TF_NewImportGraphDefOptions(), TF_DeleteImportGraphDefOptions);
  TF_GraphImportGraphDef(graph.get(), definition.get(), options.get(), status.get());
  if (TF_GetCode(status.get()) != TF_OK) return Refuse(env, TF_Message(status.get()));
  TF_Operation* operation = TF_GraphOperationByName(graph.get(), name.c_str());
  if (!operation) return Refuse(env, "the graph has no such node");
  napi_value outputs;
  const int count = TF_OperationNumOutputs(operation);
  napi_create_array_with_length(env, count, &outputs);
  for (int index = 0; index < count; index++) {
    napi_value output = DescribeOutput(env, graph.get(), TF_Output{operation, index}, status.get());
    if (TF_GetCode(status.get()) != TF_OK) return Refuse(env, TF_Message(status.get()));
    napi_set_element(env, outputs, index, output);
  }
  return outputs;
}

napi_value Initialize(napi_env env, napi_value exports) {
  RemoveTpuPass();
  napi_value function;
  napi_create_function(env, "outputShapes", NAPI_AUTO_LENGTH, OutputShapes, nullptr, &function);
  napi_set_named_property(env, exports, "outputShapes", function);
  return exports;
}

}  // namespace
}  // namespace carpal

NAPI_MODULE(carpal_output_shapes, carpal::Initialize)
