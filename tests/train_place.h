// A directory that lives as long as a test: for tests that write runs.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace vitro {

class InOwnPlace : public testing::Test {
protected:
  void SetUp() override {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    place_ = std::filesystem::path(testing::TempDir()) /
             ("vitro-" + std::string(test.test_suite_name()) + "-" + test.name() + "-" + std::to_string(getpid()));
    std::filesystem::remove_all(place_);
    std::filesystem::create_directories(place_);
  }
  void TearDown() override { std::filesystem::remove_all(place_); }

  std::filesystem::path place_;
};

} // namespace vitro
