#ifndef OMDB_CONTROLLERS_OBJECTS_COMPRESSION_H_
#define OMDB_CONTROLLERS_OBJECTS_COMPRESSION_H_

#include <string>

namespace omdb {

std::string Gzip(const std::string& text);
// As much as can be read of it.
std::string Gunzip(const std::string& bytes);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OBJECTS_COMPRESSION_H_
