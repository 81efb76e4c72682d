// Texts: symbols there and back, windows that follow each other, parts, what is no UTF-8, what is no text.
#include "data/texts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "core/random.h"
#include "core/text.h"
#include "data/batches.h"
#include "data/open.h"
#include "data/sentences.h"
#include "data_scratch.h"

namespace vitro {
namespace {

ByteSpan bytes_in(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string written(const TextForm& form, std::span<const uint32_t> symbols) {
  std::string out;
  for (const uint32_t symbol : symbols) out += form.written(form.code_of(symbol));
  return out;
}

// What a window's labels say, as they are written.
std::string labels_of(const Dataset& data, int64_t window) {
  std::string out;
  const int64_t steps = data.schema.sample[0];
  for (int64_t t = 0; t < steps; ++t) out += data.schema.text->written(data.label_of()[size_t(window * steps + t)]);
  return out;
}
std::string codes_in(const Dataset& data, int64_t window) {
  std::string out;
  const int64_t steps = data.schema.sample[0];
  for (int64_t t = 0; t < steps; ++t) out += data.schema.text->written(int32_t(data.samples.at(window * steps + t)));
  return out;
}

// `n` letters, of which those from `from` on come later in the alphabet.
std::string letters(int64_t n) {
  std::string out;
  for (int64_t i = 0; i < n; ++i) out += char('a' + i * i % 23);
  return out;
}

RC_GTEST_PROP(Symbols, any_characters_come_back_as_they_were_written, ()) {
  const auto points = *rc::gen::container<std::vector<uint32_t>>(
      rc::gen::suchThat(rc::gen::oneOf(rc::gen::inRange<uint32_t>(0, 0x200), rc::gen::inRange<uint32_t>(0, 0x110000)),
                        [](uint32_t c) { return c < 0xD800 || c > 0xDFFF; }));
  TextForm form{TextUnit::characters, points};
  std::ranges::sort(form.symbols);
  form.symbols.erase(std::ranges::unique(form.symbols).begin(), form.symbols.end());
  const std::string bytes = written(form, points);
  if (!points.empty() && points[0] == 0xFEFF) return; // taken for a byte order mark
  RC_ASSERT(symbols_of(bytes, TextUnit::characters, "text") == points);
  RC_ASSERT(symbols_of(bytes, TextUnit::bytes, "text").size() == bytes.size());
}

TEST(Symbols, have_names_that_show_and_differ) {
  for (const TextUnit unit : {TextUnit::characters, TextUnit::bytes}) {
    TextForm form{unit, {}, true};
    for (uint32_t c = 0; c < 256; ++c) form.symbols.push_back(c);
    if (unit == TextUnit::characters)
      for (const uint32_t c : {0x0301u, 0x200Bu, 0x202Eu, 0x2423u, 0xFEFFu, 0x1F600u, 0xE0001u})
        form.symbols.push_back(c);
    std::ranges::sort(form.symbols);
    std::map<std::string, int> names;
    for (const std::string& name : form.names()) {
      ++names[name];
      EXPECT_EQ(symbols_of(name, TextUnit::characters, "name").size() > 0, true);
      for (const char c : name) EXPECT_TRUE(uint8_t(c) > 0x20 && uint8_t(c) != 0x7F) << name;
    }
    for (const auto& [name, count] : names) EXPECT_EQ(count, 1) << name;
    EXPECT_EQ(form.names().back(), "unknown");
  }
  EXPECT_EQ(symbol_name('\n', TextUnit::characters), "\\n");
  EXPECT_EQ(symbol_name(0, TextUnit::bytes), "\\0");
  EXPECT_EQ(symbol_name(' ', TextUnit::characters), "space");
  EXPECT_EQ(symbol_name(0xE9, TextUnit::characters), "é");
  EXPECT_EQ(symbol_name(0xE9, TextUnit::bytes), "\\xe9");
  EXPECT_EQ(symbol_name(0x301, TextUnit::characters), "\\u0301");
  EXPECT_EQ(symbol_name(0xE0001, TextUnit::characters), "\\U000e0001");
}

TEST(Symbols, what_is_no_utf8_is_named_with_its_byte_and_the_way_out) {
  const auto refused = [](const std::string& bytes, const std::vector<std::string>& says) {
    expect_bad_input(says, [&] { symbols_of(bytes, TextUnit::characters, "book.txt"); });
  };
  refused("ab\ncaf\xE9 au lait", {"book.txt", "byte 6 ", "line 2", "0xE9", "data.unit=bytes", "iconv"});
  refused("abc\xC3", {"byte 3 ", "0xC3"});           // cut off
  refused("\xC0\xAF", {"byte 0 ", "0xC0"});          // overlong
  refused("x\xE0\x9F\xBF", {"byte 1 ", "0xE0"});     // overlong
  refused("x\xED\xA0\x80", {"byte 1 ", "0xED"});     // a surrogate
  refused("x\xF4\x90\x80\x80", {"byte 1 ", "0xF4"}); // beyond U+10FFFF
  refused("\xF0\x9F\x98", {"byte 0 ", "0xF0"});
  refused(std::string("\xFF\xFE"
                      "a\0b\0",
                      6),
          {"UTF-16", "iconv"});
  EXPECT_EQ(symbols_of(std::string_view("\xFF\xFE"), TextUnit::bytes, "t"), (std::vector<uint32_t>{0xFF, 0xFE}));
  EXPECT_EQ(symbols_of(std::string_view("\xEF\xBB\xBF"
                                        "a"),
                       TextUnit::characters, "t"),
            (std::vector<uint32_t>{'a'}))
      << "a byte order mark is no part of the text";
}

TEST(Texts, windows_follow_each_other_and_labels_are_what_comes_next) {
  const std::string text = letters(1000);
  const Splits parts = open_text(bytes_in(text), "t.txt", "t", {.steps = 16}, 0.05);
  EXPECT_EQ(parts.train.size(), 849 / 16);
  EXPECT_EQ(parts.validation.size(), 99 / 16);
  EXPECT_EQ(parts.test.size(), 49 / 16);
  for (const auto& [part, begin] :
       {std::pair{&parts.train, int64_t{0}}, {&parts.validation, int64_t{850}}, {&parts.test, int64_t{950}}}) {
    check(*part, "t");
    EXPECT_EQ(part->schema, parts.train.schema);
    for (int64_t i = 0; i < part->size(); ++i) {
      const int64_t at = begin + 16 * i;
      EXPECT_EQ(codes_in(*part, i), text.substr(size_t(at), 16));
      EXPECT_EQ(labels_of(*part, i), text.substr(size_t(at) + 1, 16));
      EXPECT_EQ(part->origin.place(i), at);
    }
  }
  const Schema& schema = parts.train.schema;
  EXPECT_EQ(schema.sample, (Shape{16, 1}));
  EXPECT_EQ(schema.answers(), 16);
  EXPECT_EQ(schema.outputs(), int64_t(schema.text->symbols.size()));
  EXPECT_EQ(class_counts(parts.train)[0], std::ranges::count(text.substr(1, 53 * 16), char(schema.text->symbols[0])));
}

TEST(Texts, shares_and_numbers_of_windows) {
  const std::string text = letters(1000);
  const auto sizes = [&](const TextOptions& options, double test) {
    const Splits parts = open_text(bytes_in(text), "t", "t", options, test);
    return std::vector<int64_t>{parts.train.size(), parts.validation.size(), parts.test.size()};
  };
  EXPECT_EQ(sizes({.steps = 10}, 0), (std::vector<int64_t>{89, 9, 0}));
  EXPECT_EQ(sizes({.steps = 10, .validation = 0.0}, 0), (std::vector<int64_t>{99, 0, 0}));
  EXPECT_EQ(sizes({.steps = 10, .validation = 5.0, .test = 3.0}, 0), (std::vector<int64_t>{91, 5, 3}));
  EXPECT_EQ(sizes({.steps = 10, .validation = 0.1, .test = 3.0}, 0), (std::vector<int64_t>{86, 9, 3}));
  EXPECT_EQ(sizes({.steps = 10, .samples = 7}, 0), (std::vector<int64_t>{7, 9, 0}));
  EXPECT_EQ(sizes({.steps = 80}, 0.05), (std::vector<int64_t>{11, 1, 0}))
      << "what holds no window is no part by itself";
  const auto refused = [&](const TextOptions& options, const std::vector<std::string>& says) {
    expect_bad_input(says, [&] { open_text(bytes_in(text), "t.txt", "t", options, 0.05); });
  };
  refused({.steps = 80, .test = 0.05}, {"t.txt", "test part has 50 symbols", "81", "data.steps"});
  refused({.steps = 2000}, {"training part has"});
  refused({.validation = 0.6, .test = 0.5}, {"training part"});
  refused({.validation = -0.1}, {"validation is -0.1"});
  refused({.steps = 1}, {"steps is 1"});
  refused({.samples = 1000}, {"samples is 1000"});
  const std::string same(500, 'x');
  expect_bad_input({"nothing but \"x\""}, [&] { open_text(bytes_in(same), "t", "t", {.steps = 10}, 0); });
  expect_bad_input({"training part has"}, [&] { open_text({}, "t", "t", {.steps = 10}, 0); });
}

TEST(Texts, what_training_does_not_hold_is_one_symbol_more) {
  std::string text = letters(900);
  const std::string later = "Ünbekännt?";
  for (int i = 0; i < 10; ++i) text += later;
  const Splits parts = open_text(bytes_in(text), "t", "t", {.steps = 10, .validation = 0.1, .test = 0.0}, 0);
  const TextForm& form = *parts.train.schema.text;
  EXPECT_TRUE(form.unknown);
  EXPECT_EQ(form.code_of('?'), -1);
  EXPECT_EQ(parts.train.schema.classes.back(), "unknown");
  const auto unknown = int32_t(form.symbols.size());
  const auto labels = parts.validation.label_of();
  EXPECT_GT(std::ranges::count(labels, unknown), 0);
  EXPECT_EQ(std::ranges::count(parts.train.label_of(), unknown), 0);
  ASSERT_EQ(parts.remarks.size(), 3u);
  EXPECT_NE(parts.remarks[2].find("?"), std::string::npos) << parts.remarks[2];
  EXPECT_EQ(open_text_as(bytes_in(text + later), parts.train.schema, "t").size(), (900 + 11 * 10 - 1) / 10);
  EXPECT_FALSE(open_text(bytes_in(text), "t", "t", {.steps = 10, .validation = 0.0}, 0).train.schema.text->unknown);
}

TEST(Texts, another_text_for_a_saved_schema) {
  const Schema schema = open_text(bytes_in("\n" + letters(900)), "t", "t", {.steps = 10}, 0).train.schema;
  const Dataset other = open_text_as(bytes_in("abba" + letters(40)), schema, "o.txt");
  EXPECT_EQ(other.size(), 4);
  EXPECT_EQ(codes_in(other, 0).substr(0, 4), "abba");
  expect_bad_input({"o.txt", "line 2, character 3", "\"é\"", "leave it out"}, [&] {
    open_text_as(bytes_in("abbaabba"
                          "\n"
                          "abé" +
                          letters(40)),
                 schema, "o.txt");
  });
  expect_bad_input({"holds 4 characters", "11"}, [&] { open_text_as(bytes_in("abba"), schema, "o.txt"); });
  EXPECT_EQ(codes_of("cab", *schema.text, "--prompt").size(), 3u);
  expect_bad_input({"--prompt", "line 1, character 2", "\"B\"", "it knows"},
                   [&] { codes_of("aBc", *schema.text, "--prompt"); });
}

TEST(Texts, each_step_as_a_sample_of_its_own) {
  const Splits parts = open_text(bytes_in(letters(500)), "t", "t", {.steps = 10}, 0);
  const Dataset flat = by_step(parts.validation);
  EXPECT_EQ(flat.size(), parts.validation.size() * 10);
  EXPECT_EQ(flat.schema.answers(), 1);
  check(flat, "flat");
  for (int64_t i = 0; i < flat.size(); ++i) {
    EXPECT_EQ(flat.label_of()[size_t(i)], parts.validation.label_of()[size_t(i)]);
    EXPECT_EQ(flat.origin.place(i), 450 + i + 1) << "the place of what is predicted";
  }
  const Dataset points = generate_part("moons", Part::train, 10);
  EXPECT_EQ(by_step(points).labels, points.labels);
}

RC_GTEST_PROP(Continued, every_batch_goes_on_where_the_one_before_it_ended, ()) {
  const auto batch = *rc::gen::inRange<int64_t>(1, 20), samples = *rc::gen::inRange<int64_t>(batch, 300);
  Batches batches(samples, batch, 7, Order::continued);
  RC_ASSERT(batches.per_epoch() == samples / batch);
  RC_ASSERT(batches.samples() == samples / batch * batch);
  std::vector<bool> seen(size_t(samples), false);
  for (int64_t k = 0; k < batches.per_epoch(); ++k) {
    const std::vector<int64_t> rows(batches.rows({0, k}).begin(), batches.rows({0, k}).end());
    RC_ASSERT(int64_t(rows.size()) == batch);
    for (size_t s = 0; s < rows.size(); ++s) {
      RC_ASSERT(!seen[size_t(rows[s])]);
      seen[size_t(rows[s])] = true;
      RC_ASSERT(rows[s] == int64_t(s) * batches.per_epoch() + k);
    }
    RC_ASSERT(std::ranges::equal(batches.rows({3, k}), rows)); // the same in every epoch
  }
}

TEST(Continued, more_streams_than_windows_are_refused) {
  expect_bad_input({"batch is 5", "4 windows", "batch=4"}, [] { Batches(4, 5, 0, Order::continued); });
}

TEST(Continued, batches_of_a_text) {
  const Splits parts = open_text(bytes_in(letters(500)), "t", "t", {.steps = 10}, 0);
  Batches batches(parts.train.size(), 4, 0, Order::continued);
  Tensor x(Type{DType::f32, {4, 10, 1}}), labels(Type{DType::i32, {4, 10}});
  std::vector<std::string> streams(4);
  for (int64_t k = 0; k < batches.per_epoch(); ++k) {
    fill_samples(parts.train, batches.rows({0, k}), x.view());
    fill_labels(parts.train, batches.rows({0, k}), labels.view());
    for (int64_t s = 0; s < 4; ++s)
      for (int64_t t = 0; t < 10; ++t) {
        const std::string seen = parts.train.schema.text->written(int32_t(x.at(s * 10 + t)));
        if (k > 0 || t > 0) { EXPECT_EQ(seen, streams[size_t(s)].substr(streams[size_t(s)].size() - 1)); }
        streams[size_t(s)] += parts.train.schema.text->written(labels.as<int32_t>()[size_t(s * 10 + t)]);
      }
  }
  EXPECT_EQ(streams[0] + streams[1], letters(500).substr(1, streams[0].size() * 2));
}

TEST(Kinds, what_looks_like_a_table_is_one) {
  const std::vector<std::string> tables = {"sunny,hot,no\nrainy,mild,yes\nsunny,cool,yes\n",
                                           "a b c\n1 2 3\n4 5 6\n7 8 9\n",
                                           "1.5 2 3\n1 2 3\n",
                                           "1\n2\n3\n4\n",
                                           "1 2 3\n",
                                           "name;town\n\"Ann; the first\";Bath\nBob;York\n",
                                           "x\ty\n1\t\n2\t3\n"};
  for (const std::string& table : tables) EXPECT_TRUE(looks_like_table(bytes_in(table))) << table;
  const std::vector<std::string> texts = {
      "Once upon a time, there was a fox.\nIt lived, alone, by the river.\n\nThe end.\n",
      "anna\nben\nclara\n",
      "hello\n",
      "hello, world\n",
      "the quick brown fox jumps over the lazy dog",
      "int main() {\n  return 0;\n}\n\nint f(int x) {\n  x += 1;\n  return x;\n}\n",
      "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n",
      ""};
  for (const std::string& text : texts) EXPECT_FALSE(looks_like_table(bytes_in(text))) << text;
}

TEST(Kinds, a_file_is_read_as_what_it_is_called_is_asked_or_looks_like) {
  const Scratch scratch;
  std::string prose, table;
  for (int i = 0; i < 60; ++i) {
    prose += text("Line ", i, " of a story, in which", i % 3 ? " little" : " nothing at all, alas,", " happens.\n");
    table += text("w", i % 4, ",", i % 7 ? "yes" : "no", "\n");
  }
  const auto is_text = [&](const std::string& path, const DataOptions& options = {}) {
    return open_data(path, options).train.schema.text.has_value();
  };
  EXPECT_TRUE(is_text(scratch.write("book.txt", prose)));
  EXPECT_TRUE(is_text(scratch.write("book.md", prose)));
  EXPECT_TRUE(is_text(scratch.write("book", prose)));
  EXPECT_TRUE(is_text(scratch.write("book.txt.gz", gzip(bytes_of_text(prose)))));
  EXPECT_FALSE(is_text(scratch.write("words.txt", table)));
  EXPECT_TRUE(is_text(scratch / "words.txt", {.read_as = ReadAs::text}));
  EXPECT_TRUE(is_text(scratch / "words.txt", {.text = {.unit = TextUnit::bytes}}));
  EXPECT_FALSE(is_text(scratch.write("words.csv", table)));
  EXPECT_TRUE(is_text(scratch / "words.csv", {.read_as = ReadAs::text}));
  const Splits guessed = open_data(scratch / "book.txt");
  EXPECT_NE(guessed.remarks[0].find("kind=table"), std::string::npos) << guessed.remarks[0];
  EXPECT_EQ(guessed.files, std::vector<std::string>{scratch / "book.txt"});
  EXPECT_EQ(guessed.train.schema.name, "book");
  expect_bad_input({"book.txt"}, [&] { open_data(scratch / "book.txt", {.read_as = ReadAs::table}); });
  expect_bad_input({"book.txt"}, [&] { open_data(scratch / "book.txt", {.table = {.target = "x"}}); });
  expect_bad_input({"neither classes nor noise"}, [&] { open_data(scratch / "book.txt", {.noise = 0.5}); });
  expect_bad_input({"moons", "no text"}, [&] { open_data("moons", {.read_as = ReadAs::text}); });
  expect_bad_input({"moons", "steps"}, [&] { open_data("moons", {.text = {.steps = 8}}); });
  expect_bad_input({"directory"}, [&] { open_data(scratch.path(), {.read_as = ReadAs::text}); });
  // Bytes of any kind are a text to whoever says so.
  Bytes any(2000);
  for (size_t i = 0; i < any.size(); ++i) any[i] = uint8_t(i * i);
  const Splits bytes =
      open_data(scratch.write("a.bin", any), {.read_as = ReadAs::text, .text = {.unit = TextUnit::bytes, .steps = 16}});
  EXPECT_EQ(bytes.train.schema.classes[0], "\\0");
  const RawFile raw = open_as(bytes.train.schema, scratch / "a.bin");
  EXPECT_TRUE(raw.labelled);
  EXPECT_EQ(raw.data.size(), 1999 / 16);
}

TEST(Sentences, are_decided_by_seed_and_part_and_come_with_their_vocabulary) {
  const Splits parts = open_data("sentences");
  EXPECT_TRUE(parts.train.schema.generated);
  EXPECT_EQ(parts.train.size(), 3000);
  EXPECT_EQ(parts.validation.size(), 300);
  EXPECT_EQ(open_data("sentences", {.samples = 20}).train.schema, parts.train.schema);
  EXPECT_EQ(open_data("sentences", {.text = {.steps = 8}}).train.schema.sample, (Shape{8, 1}));
  for (const Dataset* part : {&parts.train, &parts.validation, &parts.test}) check(*part, "sentences");
  const std::string train = sentences(0, Part::train, 20000);
  EXPECT_EQ(train.substr(0, 5000), sentences(0, Part::train, 5000));
  EXPECT_NE(train.substr(0, 500), sentences(0, Part::validation, 500));
  EXPECT_NE(train.substr(0, 500), sentences(1, Part::train, 500));
  const std::string known = letters_of_sentences();
  std::map<char, int64_t> counts;
  for (const char c : train) {
    EXPECT_NE(known.find(c), std::string::npos) << c;
    ++counts[c];
  }
  EXPECT_GE(counts.size() + 2, known.size()) << "hardly a letter that never comes";
  EXPECT_LE(std::abs(counts['('] - counts[')']), 1);
  size_t longest = 0, begin = 0;
  for (size_t end = train.find('\n'); end != train.npos; begin = end + 1, end = train.find('\n', begin))
    longest = std::max(longest, end - begin);
  EXPECT_GE(longest, 48u);
  EXPECT_LE(longest, 62u);
}

// Only where the real file is.
TEST(RealTexts, shakespeare_is_split_as_usual) {
  const char* root = std::getenv("VITRO_DATA");
  if (root == nullptr || !std::filesystem::exists(std::string(root) + "/text/tinyshakespeare.txt")) return;
  const Splits parts = open_data("shakespeare", {.data_dir = root});
  EXPECT_EQ(parts.train.schema.text->symbols.size(), 65u);
  EXPECT_FALSE(parts.train.schema.text->unknown);
  EXPECT_EQ(parts.train.size(), (1003854 - 1) / 64);
  EXPECT_EQ(parts.validation.size(), (111540 - 1) / 64);
  EXPECT_EQ(parts.validation.origin.place(0), 1003854);
  EXPECT_EQ(parts.test.size(), 0);
  EXPECT_EQ(open_data("tinyshakespeare", {.data_dir = root}).train.samples, parts.train.samples);
  EXPECT_EQ(labels_of(parts.train, 0).substr(0, 12), "irst Citizen");
}

} // namespace
} // namespace vitro
