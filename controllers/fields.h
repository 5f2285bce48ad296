#ifndef OMDB_CONTROLLERS_FIELDS_H_
#define OMDB_CONTROLLERS_FIELDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controllers/kubernetes.h"

namespace omdb {

// Reads the fields of a JSON object. An absent or null field gives the default; a field of the
// wrong type or out of range gives the default too, and the first such field is named in `status`,
// as in "spec.tablet.replicas must be an integer, it is \"three\"". Refers to the document and to
// `status`, which outlive it.
class Fields {
 public:
  Fields(const Json& object, std::string path, absl::Status& status);

  bool Has(const std::string& key) const;
  std::string Text(const std::string& key, const std::string& standard = "") const;
  int64_t Integer(const std::string& key, int64_t standard, int64_t minimum, int64_t maximum) const;
  bool Bool(const std::string& key, bool standard) const;
  // "1.25s", not negative.
  absl::Duration Duration(const std::string& key, absl::Duration standard) const;
  // RFC 3339; absent is the zero time.
  absl::Time Time(const std::string& key) const;
  std::map<std::string, std::string> Texts(const std::string& key) const;
  // As it is: an object, or null.
  Json Document(const std::string& key) const;
  // As it is: an array, or null.
  Json Array(const std::string& key) const;
  Fields Object(const std::string& key) const;
  // The objects in an array.
  std::vector<Fields> Objects(const std::string& key) const;
  // The objects in a map.
  std::map<std::string, Fields> ObjectMap(const std::string& key) const;

  // Notes that `key` must be `what`, which it is not.
  void Refuse(const std::string& key, const std::string& what) const;

 private:
  const Json* Find(const std::string& key) const;
  std::string PathOf(const std::string& key) const;

  const Json* object_;
  std::string path_;
  absl::Status* status_;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_FIELDS_H_
