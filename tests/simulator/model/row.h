#ifndef OMDB_TESTS_SIMULATOR_MODEL_ROW_H_
#define OMDB_TESTS_SIMULATOR_MODEL_ROW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tablet.pb.h"

namespace omdb::simulator {

constexpr size_t kRowHeaderSize = 6;  // F3.5: version bytes and total size

// The value of an integer or time column of an encoded row (F3.5). Nothing when the row is too
// short, the column is null, unknown or of another type.
std::optional<int64_t> IntegerColumn(const openmldb::api::TableMeta& schema,
                                     const std::string& column, std::string_view row);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_ROW_H_
