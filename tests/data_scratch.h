// For the data room's tests: a directory that lives as long as a test, and errors as values.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "core/error.h"
#include "data/bytes.h"

namespace vitro {

class Scratch {
public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitro-data-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  std::string write(const std::string& name, ByteSpan bytes) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    return path;
  }
  std::string write(const std::string& name, const std::string& text) const {
    return write(name, ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }

private:
  std::string path_;
};

inline Bytes bytes_of_text(const std::string& text) { return Bytes(text.begin(), text.end()); }

inline Bytes gzip(ByteSpan bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = uInt(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Runs `act`, which must throw an Error of this fault on one line that holds every one of `pieces`.
inline void expect_error(Fault fault, const std::vector<std::string>& pieces, const std::function<void()>& act) {
  std::optional<std::string> message;
  try {
    act();
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(error.fault(), fault) << *message;
  }
  ASSERT_TRUE(message) << "nothing was thrown, expected: " << pieces.front();
  EXPECT_EQ(message->find('\n'), std::string::npos) << *message;
  for (const std::string& piece : pieces)
    EXPECT_NE(message->find(piece), std::string::npos) << *message << "\n lacks: " << piece;
}

inline void expect_bad_input(const std::vector<std::string>& pieces, const std::function<void()>& act) {
  expect_error(Fault::input, pieces, act);
}

/// An environment variable for the length of a test.
class Variable {
public:
  Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

private:
  void set(const std::optional<std::string>& value) const {
    if (value)
      setenv(name_, value->c_str(), 1);
    else
      unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

} // namespace vitro
