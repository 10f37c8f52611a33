// tfjs's binding opens every session with TensorFlow's defaults. This lets a saved model bring its own settings: the bytes of a ConfigProto
// in <folder>/session_config.pb. setup/tensorflow.ts puts the call into the binding's LoadSavedModel before it compiles it.
#ifndef CARPAL_SESSION_CONFIG_H_
#define CARPAL_SESSION_CONFIG_H_

#include <fstream>
#include <iterator>
#include <string>

#include "tensorflow/c/c_api.h"

namespace carpal {

// Leaves the options as they are when the folder holds no settings; settings that TensorFlow refuses make loading fail with its message.
inline void ConfigureSession(TF_SessionOptions* options, const std::string& folder, TF_Status* status) {
  std::ifstream file(folder + "/session_config.pb", std::ios::binary);
  if (!file) return;
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  TF_SetConfig(options, bytes.data(), bytes.size(), status);
}

}  // namespace carpal

#endif  // CARPAL_SESSION_CONFIG_H_
