#include "tests/simulator/model/row.h"

#include <cstring>

namespace omdb::simulator {
namespace {

namespace type = openmldb::type;

// Bytes in the fixed part; 0 for types that are stored behind it.
size_t FixedSize(type::DataType data_type) {
  switch (data_type) {
    case type::kBool:
      return 1;
    case type::kSmallInt:
      return 2;
    case type::kInt:
    case type::kFloat:
    case type::kDate:
      return 4;
    case type::kBigInt:
    case type::kDouble:
    case type::kTimestamp:
      return 8;
    default:
      return 0;
  }
}

bool IsInteger(type::DataType data_type) {
  return data_type == type::kSmallInt || data_type == type::kInt || data_type == type::kBigInt ||
         data_type == type::kTimestamp;
}

template <typename Integer>
int64_t Load(std::string_view row, size_t at) {
  Integer value;
  std::memcpy(&value, row.data() + at, sizeof value);
  return value;
}

}  // namespace

std::optional<int64_t> IntegerColumn(const openmldb::api::TableMeta& schema,
                                     const std::string& column, std::string_view row) {
  int columns = schema.column_desc_size();
  size_t at = kRowHeaderSize + static_cast<size_t>(columns + 7) / 8;
  for (int i = 0; i < columns; ++i) {
    const auto& desc = schema.column_desc(i);
    size_t size = FixedSize(desc.data_type());
    if (desc.name() != column) {
      at += size;
      continue;
    }
    if (!IsInteger(desc.data_type()) || at + size > row.size()) return std::nullopt;
    bool null = (static_cast<unsigned char>(row[kRowHeaderSize + i / 8]) >> (i % 8)) & 1;
    if (null) return std::nullopt;
    if (size == 2) return Load<int16_t>(row, at);
    if (size == 4) return Load<int32_t>(row, at);
    return Load<int64_t>(row, at);
  }
  return std::nullopt;
}

}  // namespace omdb::simulator
