// tfjs's binding opens every session with TensorFlow's default settings. This function lets a saved model provide its own: the bytes of a
// ConfigProto in <folder>/session_config.pb. setup/tensorflow.ts inserts the call into the binding's LoadSavedModel before it compiles it.
#ifndef CARPAL_SESSION_CONFIG_H_
#define CARPAL_SESSION_CONFIG_H_

#include <fstream>
#include <iterator>
#include <string>

#include "tensorflow/c/c_api.h"

namespace carpal {

// Leaves the options unchanged if the folder has no settings. If TensorFlow refuses the settings, loading fails with its message.
inline void ConfigureSession(TF_SessionOptions* options, const std::string& folder, TF_Status* status) {
  std::ifstream file(folder + "/session_config.pb", std::ios::binary);
  if (!file) return;
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  TF_SetConfig(options, bytes.data(), bytes.size(), status);
}

}  // namespace carpal

#endif  // CARPAL_SESSION_CONFIG_H_
