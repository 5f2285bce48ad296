#include "controllers/fields.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

const Json& EmptyObject() {
  static const Json empty = Json::object();
  return empty;
}

}  // namespace

Fields::Fields(const Json& object, std::string path, absl::Status& status)
    : object_(object.is_object() ? &object : &EmptyObject()),
      path_(std::move(path)),
      status_(&status) {}

const Json* Fields::Find(const std::string& key) const {
  auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string Fields::PathOf(const std::string& key) const {
  return path_.empty() ? key : absl::StrCat(path_, ".", key);
}

void Fields::Refuse(const std::string& key, const std::string& what) const {
  if (!status_->ok()) return;
  const Json* found = Find(key);
  *status_ = absl::InvalidArgumentError(
      absl::StrCat(PathOf(key), " must be ", what,
                   found == nullptr ? "" : absl::StrCat(", it is ", found->dump())));
}

bool Fields::Has(const std::string& key) const { return Find(key) != nullptr; }

std::string Fields::Text(const std::string& key, const std::string& standard) const {
  const Json* found = Find(key);
  if (found == nullptr) return standard;
  if (found->is_string()) return found->get<std::string>();
  Refuse(key, "a string");
  return standard;
}

int64_t Fields::Integer(const std::string& key, int64_t standard, int64_t minimum,
                        int64_t maximum) const {
  const Json* found = Find(key);
  if (found == nullptr) return standard;
  if (!found->is_number_integer()) {
    Refuse(key, "an integer");
    return standard;
  }
  const int64_t value = found->get<int64_t>();
  if (value >= minimum && value <= maximum) return value;
  Refuse(key, absl::StrCat("between ", minimum, " and ", maximum));
  return standard;
}

bool Fields::Bool(const std::string& key, bool standard) const {
  const Json* found = Find(key);
  if (found == nullptr) return standard;
  if (found->is_boolean()) return found->get<bool>();
  Refuse(key, "true or false");
  return standard;
}

absl::Duration Fields::Duration(const std::string& key, absl::Duration standard) const {
  if (!Has(key)) return standard;
  absl::Duration value;
  if (absl::ParseDuration(Text(key), &value) && value >= absl::ZeroDuration() &&
      value < absl::InfiniteDuration()) {
    return value;
  }
  Refuse(key, "a duration such as 100ms, 1.5s or 10m");
  return standard;
}

absl::Time Fields::Time(const std::string& key) const {
  if (!Has(key)) return absl::Time();
  absl::Time value;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, Text(key), &value, &error)) return value;
  Refuse(key, "a time such as 2024-05-01T12:00:00Z");
  return absl::Time();
}

std::map<std::string, std::string> Fields::Texts(const std::string& key) const {
  std::map<std::string, std::string> texts;
  const Json document = Document(key);
  const Fields fields(document, PathOf(key), *status_);
  for (const auto& item : document.items()) texts[item.key()] = fields.Text(item.key());
  return texts;
}

Json Fields::Document(const std::string& key) const {
  const Json* found = Find(key);
  if (found == nullptr) return nullptr;
  if (found->is_object()) return *found;
  Refuse(key, "an object");
  return nullptr;
}

Json Fields::Array(const std::string& key) const {
  const Json* found = Find(key);
  if (found == nullptr) return nullptr;
  if (found->is_array()) return *found;
  Refuse(key, "a list");
  return nullptr;
}

Fields Fields::Object(const std::string& key) const {
  const Json* found = Find(key);
  if (found != nullptr && !found->is_object()) Refuse(key, "an object");
  return Fields(found == nullptr ? EmptyObject() : *found, PathOf(key), *status_);
}

std::vector<Fields> Fields::Objects(const std::string& key) const {
  std::vector<Fields> objects;
  const Json* found = Find(key);
  if (found == nullptr) return objects;
  if (!found->is_array()) Refuse(key, "a list");
  for (size_t i = 0; found->is_array() && i < found->size(); ++i) {
    const std::string path = absl::StrCat(PathOf(key), "[", i, "]");
    if (!found->at(i).is_object() && status_->ok()) {
      *status_ = absl::InvalidArgumentError(
          absl::StrCat(path, " must be an object, it is ", found->at(i).dump()));
    }
    objects.emplace_back(found->at(i), path, *status_);
  }
  return objects;
}

std::map<std::string, Fields> Fields::ObjectMap(const std::string& key) const {
  std::map<std::string, Fields> objects;
  const Fields inside = Object(key);
  for (const auto& item : inside.object_->items()) {
    objects.emplace(item.key(), inside.Object(item.key()));
  }
  return objects;
}

}  // namespace omdb
